import { listSome } from "../../list-some.ts";
import { formatPlace, type Finding, type Place } from "../../policy/source.ts";
import type { FactDocument } from "../document.ts";
import { flawFinding, flaw } from "../flaw.ts";
import { addAccountDetails, isAccountDetails } from "./account-details.ts";
import { addOrganizationPolicy, isOrganizationPolicy } from "./organization.ts";
import { addPodIdentity, isPodIdentity } from "./pod-identity.ts";
import { shortName, type PolicyFact } from "./policy-fact.ts";
import { RawFacts, type AccountMark, type Association, type RawManaged, type RawRole } from "./raw-facts.ts";
import { addTerraformPlan } from "./terraform-facts.ts";
import { isTerraformPlan } from "./terraform-plan.ts";

/** A permissions boundary that a role has; `policy` null where the facts do not hold it. */
export interface Boundary {
  readonly name: string;
  readonly policy: PolicyFact | null;
}

/** A role and all that is attached to it. */
export interface RoleFact {
  readonly arn: string;
  /** Twelve digits. */
  readonly account: string;
  readonly name: string;
  /** Null where nobody told. */
  readonly tags: ReadonlyMap<string, string> | null;
  /** Null where it is not known. */
  readonly trust: PolicyFact | null;
  readonly policies: readonly PolicyFact[];
  readonly boundary: Boundary | null;
  /** What would have to be known of its policies before anything is allowed: each a sentence without a full stop. */
  readonly doubts: readonly string[];
  readonly place: () => Place;
}

/** What is known of IAM, from files. */
export interface IamFacts {
  /** Null for one that no file tells; `contradicted` where two files tell different things, or two snapshots may. */
  role(arn: string): RoleFact | "contradicted" | null;
  /** Why a role that is not there may be in a file all the same; null where nothing points at it. */
  whyAbsent(arn: string): string | null;
  readonly controls: readonly PolicyFact[];
  /** Are there no others? No snapshot has them, so none can say so. */
  readonly areAllControls: boolean;
  readonly associations: readonly Association[];
  /** Are all roles of this account and their policies among the facts, so that what is not there does not exist? */
  isComplete(account: string): boolean;
  /** What may deny anything to anybody and cannot be read: each a sentence without a full stop. */
  readonly doubts: readonly string[];
  /** What cannot be relied on; at most MAX_FINDINGS are told. */
  readonly findings: readonly Finding[];
  readonly marks: readonly AccountMark[];
}

const MAX_FINDINGS = 100;
const ROLE_ARN = /^arn:aws[a-z-]*:iam::(\d{12}):role(\/.*)?\/([^/]+)$/;

/**
 * What do these documents say of IAM? `isComplete` when somebody answers for it that they are all there is of the
 * accounts that they show (`policy.complete`); a snapshot says it for itself. While anything in them cannot be relied on,
 * absence proves nothing.
 */
export function readIamFacts(
  documents: readonly FactDocument[],
  { isComplete }: { readonly isComplete: boolean },
): IamFacts {
  const raw = new RawFacts();
  for (const document of documents) addDocument(document, raw);
  const roles = joinRoles(raw);
  const accounts = new Set([...roles.values()].flatMap((role) => (role === "contradicted" ? [] : [role.account])));
  const said = (account: string, value: boolean): boolean =>
    raw.marks.some((mark) => mark.account === account && mark.isComplete === value);
  const isWhole =
    raw.flaws.length === 0 &&
    raw.doubts.length === 0 &&
    (raw.pages.open === 0 || raw.pages.last >= Math.max(1, accounts.size));
  const findings = raw.flaws.slice(0, MAX_FINDINGS).map((each) => flawFinding(each, "statement"));
  return {
    role: (arn) => {
      const role = roles.get(arn) ?? null;
      return role !== null && raw.ambiguous.has(accountOf(arn) ?? "") ? "contradicted" : role;
    },
    whyAbsent: (arn) => whyAbsent(raw, arn),
    controls: raw.controls,
    areAllControls: isComplete && isWhole,
    associations: raw.associations,
    isComplete: (account) =>
      isWhole && !said(account, false) && (said(account, true) || (isComplete && accounts.has(account))),
    doubts: raw.doubts,
    findings,
    marks: raw.marks,
  };
}

function addDocument(document: FactDocument, raw: RawFacts): void {
  const { value } = document;
  if (isAccountDetails(value)) return addAccountDetails(document, raw);
  if (isTerraformPlan(value)) return addTerraformPlan(document, raw);
  if (isOrganizationPolicy(value)) return addOrganizationPolicy(document, raw);
  if (isPodIdentity(value)) return addPodIdentity(document, raw);
  raw.flaws.push(flaw({ document, path: [] }, "this is no output of AWS or Terraform that is known here"));
  raw.doubts.push(`what is in ${document.file}, which is no output of AWS or Terraform that is known here`);
}

type Joined = ReadonlyMap<string, RoleFact | "contradicted">;

function joinRoles(raw: RawFacts): Joined {
  const managed = joinManaged(raw);
  const roles = new Map<string, RoleFact | "contradicted">();
  const substances = new Map<string, string>();
  for (const each of raw.roles) {
    const before = substances.get(each.arn);
    const substance = substanceOf(each);
    const role = joinRole(each, managed, raw.changed);
    if (before === undefined) {
      substances.set(each.arn, substance);
      if (role === null) raw.flaws.push(flaw(each.spot, "this role's ARN is no ARN of a role"));
      else roles.set(each.arn, role);
    } else if (before !== substance) {
      roles.set(each.arn, "contradicted");
      raw.flaws.push(flaw(each.spot, `role ${shortName(each.name)} stands elsewhere, too, and differs`));
    }
  }
  return roles;
}

/** By ARN or address; null where it cannot be used, or two documents differ. */
function joinManaged(raw: RawFacts): ReadonlyMap<string, RawManaged> {
  const found = new Map<string, RawManaged>();
  for (const each of raw.managed) {
    const before = found.get(each.key);
    const isSame = before === undefined || statementsOf(before.policy) === statementsOf(each.policy);
    found.set(each.key, isSame ? each : { ...each, policy: null });
    if (!isSame) raw.flaws.push(flaw(each.spot, `policy ${shortName(each.name)} stands elsewhere, too, and differs`));
  }
  return found;
}

function joinRole(
  raw: RawRole,
  managed: ReadonlyMap<string, RawManaged>,
  changed: ReadonlyMap<string, string>,
): RoleFact | null {
  const account = ROLE_ARN.exec(raw.arn)?.[1];
  if (account === undefined) return null;
  const doubts = [...raw.doubts];
  const plan = changed.get(raw.name);
  if (plan !== undefined) doubts.push(`what role ${shortName(raw.name)} has once ${plan} is applied`);
  const policies = [...raw.inline];
  for (const key of raw.attached) {
    const policy = managed.get(key)?.policy ?? null;
    if (policy === null) doubts.push(`the document of policy ${nameOf(key)}, attached to role ${shortName(raw.name)}`);
    else policies.push(policy);
  }
  const { arn, name, tags, trust, boundary, spot } = raw;
  const limits = boundary === null ? null : boundaryOf(boundary, managed);
  return {
    arn,
    account,
    name,
    tags,
    trust,
    policies,
    doubts,
    boundary: limits,
    place: () => spot.document.placeOf(spot.path),
  };
}

function boundaryOf(key: string, managed: ReadonlyMap<string, RawManaged>): Boundary {
  const found = managed.get(key);
  const name = found === undefined ? nameOf(key) : shortName(found.name);
  const policy = found?.policy ?? null;
  return { name, policy: policy === null ? null : { ...policy, label: `permissions boundary ${name}` } };
}

function nameOf(key: string): string {
  return shortName(key.slice(key.lastIndexOf("/") + 1));
}

/** What decides; names of files and times may differ. */
function substanceOf({ inline, attached, boundary, trust, tags, doubts }: RawRole): string {
  const policies = [...inline.map((each) => statementsOf(each)), ...attached].toSorted();
  const pairs = tags === null ? null : Array.from(tags, (tag) => JSON.stringify(tag)).toSorted();
  return JSON.stringify([policies, boundary, statementsOf(trust), pairs, doubts]);
}

function statementsOf(policy: PolicyFact | null): string {
  return JSON.stringify(policy?.statements ?? null, (_, value: unknown) => (value instanceof Map ? [...value] : value));
}

/** The account of a role's ARN; null for what is no ARN of a role. */
export function accountOf(arn: string): string | null {
  return ROLE_ARN.exec(arn)?.[1] ?? null;
}

function whyAbsent({ unplaced }: RawFacts, arn: string): string | null {
  const plan = unplaced.get(ROLE_ARN.exec(arn)?.[3] ?? "");
  if (plan === undefined) return null;
  return `which account ${plan} is for (a data source aws_caller_identity in it would tell)`;
}

/** For people: where what cannot be relied on stands. */
export function doubtfulPlaces({ findings }: IamFacts): string | null {
  if (findings.length === 0) return null;
  const places = findings.map(({ place }) => formatPlace(place));
  return `what cannot be relied on at ${listSome(places, 3)} must be mended`;
}
