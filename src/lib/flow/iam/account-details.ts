import type { FactDocument } from "../document.ts";
import { at, textAt } from "../../json/members.ts";
import { flaw } from "../flaw.ts";
import { below, isFlaw, readPolicyFact, shortName, type PolicyFact, type Spot } from "./policy-fact.ts";
import type { AccountMark, RawFacts, RawRole } from "./raw-facts.ts";

/** Is this the JSON of `aws iam get-account-authorization-details`, or a snapshot in that shape? */
export function isAccountDetails(value: unknown): boolean {
  return Array.isArray(at(value, "RoleDetailList"));
}

/**
 * Adds the roles and managed policies of one page; users and groups are no pod's.
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
 */
export function addAccountDetails(document: FactDocument, facts: RawFacts): void {
  const top: Spot = { document, path: [] };
  const roles = at(document.value, "RoleDetailList") as readonly unknown[];
  for (const [index, role] of roles.entries()) addRole(below(top, "RoleDetailList", index), role, facts);
  const policies = at(document.value, "Policies") ?? [];
  if (!Array.isArray(policies)) facts.flaws.push(flaw(below(top, "Policies"), "Policies is no list"));
  else for (const [index, each] of policies.entries()) addManaged(below(top, "Policies", index), each, facts);
  if ((at(document.value, "IsTruncated") ?? false) === false) facts.pages.last += 1;
  else facts.pages.open += 1;
  const written = at(document.value, "mcpctl");
  if (written !== undefined) addMark(written, below(top, "mcpctl"), facts);
}

function addMark(written: unknown, spot: Spot, facts: RawFacts): void {
  const mark = readMark(written);
  // It may say that it is incomplete.
  if (mark === null) return void facts.flaws.push(flaw(spot, "this snapshot is of a form that is not known here"));
  if (facts.marks.some(({ account, takenAt }) => account === mark.account && takenAt !== mark.takenAt)) {
    facts.flaws.push(flaw(spot, "this is a snapshot of another time than one before"));
    facts.ambiguous.add(mark.account);
  }
  facts.marks.push(mark);
}

function readMark(value: unknown): AccountMark | null {
  const [takenAt, account, isComplete] = [textAt(value, "takenAt"), textAt(value, "account"), at(value, "isComplete")];
  if (at(value, "version") !== 1 || takenAt === null || account === null || typeof isComplete !== "boolean")
    return null;
  return { version: 1, takenAt, account, isComplete };
}

function addRole(spot: Spot, value: unknown, facts: RawFacts): void {
  const [arn, name] = [textAt(value, "Arn"), textAt(value, "RoleName")];
  if (arn === null || name === null) return void facts.flaws.push(flaw(spot, "this role has no Arn or no RoleName"));
  const doubts: string[] = [];
  const keep = (read: PolicyFact | ReturnType<typeof flaw>, isTrust: boolean): PolicyFact | null => {
    if (!isFlaw(read)) return read;
    facts.flaws.push(read);
    if (!isTrust) doubts.push(`a policy of role ${shortName(name)} that can be read`);
    return null;
  };
  const trust = readPolicyFact(below(spot, "AssumeRolePolicyDocument"), at(value, "AssumeRolePolicyDocument"), {
    label: `trust policy of role ${shortName(name)}`,
    use: "trust",
  });
  const inline = listAt(value, "RolePolicyList", doubts).map((each, index) => {
    const label = `policy ${shortName(textAt(each, "PolicyName") ?? "without a name")}`;
    const place = below(spot, "RolePolicyList", index, "PolicyDocument");
    return keep(readPolicyFact(place, at(each, "PolicyDocument"), { label, use: "identity" }), false);
  });
  const role: RawRole = {
    arn,
    name,
    tags: readTags(at(value, "Tags")),
    trust: keep(trust, true),
    inline: inline.filter((policy) => policy !== null),
    attached: readAttached(value, doubts),
    boundary: readBoundary(at(value, "PermissionsBoundary"), doubts),
    doubts,
    spot,
  };
  facts.roles.push(role);
}

/** The list; one that is not there is not an empty one. */
function listAt(value: unknown, name: string, doubts: string[]): readonly unknown[] {
  const list = at(value, name);
  if (Array.isArray(list)) return list;
  doubts.push(`${name} of role ${shortName(textAt(value, "RoleName") ?? "")}`);
  return [];
}

function readAttached(value: unknown, doubts: string[]): readonly string[] {
  const arns = listAt(value, "AttachedManagedPolicies", doubts).map((each) => textAt(each, "PolicyArn"));
  if (arns.includes(null)) doubts.push("the ARN of a policy that is attached to the role");
  return arns.filter((arn) => arn !== null);
}

function readBoundary(value: unknown, doubts: string[]): string | null {
  if (value === undefined || value === null) return null;
  const arn = textAt(value, "PermissionsBoundaryArn");
  if (arn === null) doubts.push("the ARN of the role's permissions boundary");
  return arn;
}

function readTags(value: unknown): ReadonlyMap<string, string> | null {
  if (!Array.isArray(value)) return null;
  const pairs = value.map((tag) => [textAt(tag, "Key"), textAt(tag, "Value")] as const);
  return new Map(pairs.filter((pair): pair is readonly [string, string] => pair[0] !== null && pair[1] !== null));
}

function addManaged(spot: Spot, value: unknown, facts: RawFacts): void {
  const arn = textAt(value, "Arn");
  if (arn === null) return void facts.flaws.push(flaw(spot, "this policy has no Arn"));
  const name = textAt(value, "PolicyName") ?? arn.slice(arn.lastIndexOf("/") + 1);
  const versions = at(value, "PolicyVersionList");
  const list: readonly unknown[] = Array.isArray(versions) ? versions : [];
  const inForce = textAt(value, "DefaultVersionId");
  const index = list.findIndex((version) => inForce !== null && textAt(version, "VersionId") === inForce);
  const add = (policy: PolicyFact | null): void => void facts.managed.push({ key: arn, name, policy, spot });
  if (index < 0) {
    facts.flaws.push(flaw(spot, `policy ${shortName(name)} does not show its default version`));
    return add(null);
  }
  const read = readPolicyFact(below(spot, "PolicyVersionList", index, "Document"), at(list[index], "Document"), {
    label: `policy ${shortName(name)}`,
    use: "identity",
  });
  if (isFlaw(read)) facts.flaws.push(read);
  add(isFlaw(read) ? null : read);
}
