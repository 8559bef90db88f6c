import type { Place } from "../../policy/source.ts";
import type { AwsRequest, AwsVerdict } from "../requests.ts";
import { showAwsRequest } from "../tool-need.ts";
import { unknownVerdict, type Verdict } from "../verdict.ts";
import { accountOf, doubtfulPlaces, type IamFacts, type RoleFact } from "./iam-facts.ts";
import { hitText, maybeText, missingOf, placeOf } from "./iam-words.ts";
import { shortName } from "./policy-fact.ts";
import { decidingResourcePolicy } from "./resource-policy.ts";
import { contextOf } from "./role-context.ts";
import { ask, weigh, type Asked, type Hit, type Weighed } from "./weigh.ts";

/** The policies that decide about one request, and what each kind of them says. */
interface Case {
  readonly facts: IamFacts;
  readonly role: RoleFact;
  readonly request: AwsRequest;
  readonly identity: Weighed;
  /** Null where the role has no boundary, or the facts do not hold it. */
  readonly boundary: Weighed | null;
  /** One for each service control policy. */
  readonly controls: readonly Weighed[];
  /** Is what is not there not there? */
  readonly isComplete: boolean;
}

/**
 * May a session of this role do that? By the role's policies, its permissions boundary and the service control policies
 * among the facts: a Deny wins, then each of them must allow. Nothing is allowed while anything that may deny is not
 * known, and nothing is denied for want of a statement unless the facts are complete.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function judgeIam(facts: IamFacts, roleArn: string, request: AwsRequest): AwsVerdict {
  const role = facts.role(roleArn);
  if (role === null) return { ...absentRole(facts, roleArn), boundary: null };
  if (role === "contradicted") return { ...contradicted(facts, roleArn), boundary: null };
  return judgeAsked(facts, role, ask(request, contextOf(role)));
}

/** The same of a role that is known, and of a request of which more may be known. */
export function judgeAsked(facts: IamFacts, role: RoleFact, asked: Asked): AwsVerdict {
  const limits = role.boundary?.policy ?? null;
  const found: Case = {
    facts,
    role,
    request: asked.request,
    identity: weigh(role.policies, asked),
    boundary: limits === null ? null : weigh([limits], asked),
    controls: facts.controls.map((control) => weigh([control], asked)),
    isComplete: facts.isComplete(role.account),
  };
  return { ...(denial(found) ?? doubt(found) ?? permission(found)), boundary: boundaryVerdict(found) };
}

export function absentRole(facts: IamFacts, roleArn: string): Verdict {
  const account = accountOf(roleArn);
  const text = `no file tells of role ${shortName(roleArn)}`;
  if (account !== null && facts.isComplete(account))
    return verdict("deny", "role_absent", { text: `there is no role ${shortName(roleArn)}`, place: null });
  const why = facts.whyAbsent(roleArn) ?? `role ${shortName(roleArn)} and its policies, in policy.iam of mcpctl.yaml`;
  return unknownVerdict("role_unknown", text, [why]);
}

export function contradicted(facts: IamFacts, roleArn: string): Verdict {
  const text = `files tell different things of role ${shortName(roleArn)}`;
  return unknownVerdict("facts_contradict", text, [doubtfulPlaces(facts) ?? "which of them is so"]);
}

/** A no that nothing among what is not known could change; null where there is none. */
function denial(found: Case): Verdict | null {
  const { identity, boundary, controls, request, isComplete, role } = found;
  const hit = [identity, boundary, ...controls].find((each) => each !== null && each.denies !== null)?.denies ?? null;
  if (hit !== null) return verdict("deny", "explicit_deny", told(hit));
  if (!isComplete) return null;
  const shown = showAwsRequest(request);
  const no = (reason: string, text: string, place: Place | null): Verdict => verdict("deny", reason, { text, place });
  if (isNothing(identity) && role.doubts.length === 0)
    return no("no_statement", `no statement of role ${shortName(role.name)} allows ${shown}`, role.place());
  if (boundary !== null && isNothing(boundary))
    return no(
      "boundary_limits",
      `permissions boundary ${role.boundary?.name} does not allow ${shown}`,
      boundaryPlace(role),
    );
  const limiting = facing(found);
  if (found.facts.areAllControls && limiting.length > 0 && limiting.every(isNothing))
    return no(
      "scp_denies",
      `no service control policy that was given allows ${shown}`,
      found.facts.controls[0]?.placeOf(null) ?? null,
    );
  return null;
}

/** What keeps a yes from being sure; null where nothing does. */
function doubt(found: Case): Verdict | null {
  const { request, identity, boundary, controls, role, facts } = found;
  const mayDeny =
    [identity, boundary, ...controls].find((each) => each !== null && each.mayDeny !== null)?.mayDeny ?? null;
  const unread = [...new Set([...facts.doubts, ...role.doubts])];
  if (unread.length > 0) return unknownVerdict("facts_incomplete", "not all policies that count are known", unread);
  if (role.boundary !== null && boundary === null) return unknownBoundary(role);
  if (mayDeny !== null) return unsure(mayDeny, request);
  const lacking = [identity, boundary, ...facing(found)].find((each) => each !== null && each.allows === null) ?? null;
  if (lacking === null) return resourceDoubt(request, role.account);
  if (lacking.mayAllow !== null) return unsure(lacking.mayAllow, request);
  const isOfRole = lacking === identity || lacking === boundary;
  const missing = isOfRole ? completeness(facts, role) : "which service control policies count for the account";
  return unknownVerdict("facts_incomplete", lackText(found, lacking), [missing]);
}

/** Of a request that all policies of the role and its account allow; null where that is enough. */
export function resourceDoubt(request: AwsRequest, account: string): Verdict | null {
  const missing = decidingResourcePolicy(request, account);
  if (missing === null) return null;
  const text = `the role's policies allow ${showAwsRequest(request)}, and the resource's own must, too`;
  return unknownVerdict("resource_policy", text, [missing]);
}

function lackText({ identity, boundary, role, request }: Case, lacking: Weighed): string {
  const shown = showAwsRequest(request);
  if (lacking === identity) return `no statement that is known of role ${shortName(role.name)} allows ${shown}`;
  if (lacking === boundary) return `permissions boundary ${role.boundary?.name} is not seen to allow ${shown}`;
  return `a service control policy does not allow ${shown}, and where it is attached is not known`;
}

function completeness(facts: IamFacts, { account }: RoleFact): string {
  const flaws = doubtfulPlaces(facts);
  return (
    flaws ?? `whether these are all roles and policies of account ${account} (a snapshot, or policy.complete: true)`
  );
}

function permission({ identity }: Case): Verdict {
  return verdict("allow", "statement_allows", told(identity.allows as Hit));
}

function boundaryVerdict(found: Case): Verdict | null {
  const { role, boundary, request, facts, isComplete } = found;
  if (role.boundary === null) return null;
  if (boundary === null) return unknownBoundary(role);
  if (boundary.denies !== null) return verdict("deny", "explicit_deny", told(boundary.denies));
  if (boundary.mayDeny !== null) return unsure(boundary.mayDeny, request);
  if (boundary.allows !== null) return verdict("allow", "statement_allows", told(boundary.allows));
  if (boundary.mayAllow !== null) return unsure(boundary.mayAllow, request);
  const text = lackText(found, boundary);
  if (!isComplete) return unknownVerdict("facts_incomplete", text, [completeness(facts, role)]);
  return verdict("deny", "boundary_limits", { text, place: boundaryPlace(role) });
}

function unknownBoundary({ boundary, name }: RoleFact): Verdict {
  const text = `role ${shortName(name)} has the permissions boundary ${boundary?.name}, which no file holds`;
  return unknownVerdict("facts_incomplete", text, [`the document of the permissions boundary ${boundary?.name}`]);
}

function boundaryPlace({ boundary }: RoleFact): Place | null {
  return boundary?.policy?.placeOf(null) ?? null;
}

/** The service control policies that do not only deny: at each level of an organization, one at least must allow. */
function facing({ facts, controls }: Case): readonly Weighed[] {
  const onlyDenies = facts.controls.map(
    ({ statements }) => statements.length > 0 && statements.every(({ effect }) => effect === "Deny"),
  );
  return controls.filter((_, index) => onlyDenies[index] === false);
}

function isNothing({ allows, mayAllow }: Weighed): boolean {
  return allows === null && mayAllow === null;
}

function unsure(hit: Hit, request: AwsRequest): Verdict {
  const reason = hit.keys.length > 0 ? "depends_on_context" : "argument_unknown";
  const text = maybeText(hit, request);
  return { outcome: "unknown", reason, text, place: placeOf(hit), source: "file", missing: missingOf(hit) };
}

function told(hit: Hit): { readonly text: string; readonly place: Place } {
  return { text: hitText(hit), place: placeOf(hit) };
}

function verdict(
  outcome: "allow" | "deny",
  reason: string,
  { text, place }: { readonly text: string; readonly place: Place | null },
): Verdict {
  return { outcome, reason, text, place, source: "file", missing: [] };
}
