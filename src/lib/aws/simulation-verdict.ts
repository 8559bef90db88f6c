import type { EvaluationResult } from "@aws-sdk/client-iam";
import type { AwsRequest, AwsVerdict } from "../flow/requests.ts";
import { showAwsRequest } from "../flow/tool-need.ts";
import { unknownVerdict, type Verdict } from "../flow/verdict.ts";

/** What AWS's simulation leaves out; each completes "it does not take into account". */
export const SIMULATION_LEAVES_OUT: readonly string[] = [
  "resource-based policies, which AWS does not simulate for roles",
  "service control policies with conditions",
  "session and VPC endpoint policies",
];

/**
 * What the answer of a simulation means. It counts only without a key of the request that policies ask for and the
 * simulation had not: AWS takes such a key for absent.
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
 */
export function simulationVerdict(request: AwsRequest, result: EvaluationResult | null): AwsVerdict {
  const shown = showAwsRequest(request);
  if (result === null) {
    const missing = [`an answer of AWS about ${request.action}`];
    return { ...unknownVerdict("no_answer", `AWS did not answer about ${shown}`, missing), boundary: null };
  }
  const keys = missingKeys(result);
  if (keys.length > 0) {
    const text = `what AWS simulates for ${shown} depends on ${keys.join(", ")}`;
    const missing = keys.map((key) => `the value of ${key} in the request`);
    return { ...unknownVerdict("depends_on_context", text, missing), source: "live", boundary: null };
  }
  return { ...decided(result, shown), boundary: boundaryOf(result, shown) };
}

/** Of all resources, and of the single one. */
function missingKeys({ MissingContextValues, ResourceSpecificResults }: EvaluationResult): readonly string[] {
  const ofResources = (ResourceSpecificResults ?? []).flatMap((each) => each.MissingContextValues ?? []);
  return [...new Set([...(MissingContextValues ?? []), ...ofResources])];
}

function decided(result: EvaluationResult, shown: string): Verdict {
  const by = (result.MatchedStatements ?? []).map(({ SourcePolicyId }) => SourcePolicyId ?? "a policy");
  const named = by.length === 0 ? "" : `, by ${[...new Set(by)].join(", ")}`;
  switch (result.EvalDecision) {
    case "allowed":
      return live("allow", "statement_allows", `AWS simulates ${shown} as allowed${named}`);
    case "explicitDeny":
      return live("deny", "explicit_deny", `AWS simulates ${shown} as explicitly denied${named}`);
    case "implicitDeny":
      return live("deny", ...whyNot(result, shown));
    case undefined:
    default:
      return unknownVerdict("no_answer", `AWS's answer about ${shown} is not understood`, ["an answer of AWS"]);
  }
}

function whyNot(result: EvaluationResult, shown: string): readonly [reason: string, text: string] {
  if (result.OrganizationsDecisionDetail?.AllowedByOrganizations === false)
    return ["scp_denies", `AWS simulates ${shown} as not allowed by a service control policy`];
  if (boundaryAllows(result) === false)
    return ["boundary_limits", `AWS simulates ${shown} as not allowed by the permissions boundary`];
  return ["no_statement", `AWS simulates ${shown} as allowed by no statement of the role`];
}

function boundaryOf(result: EvaluationResult, shown: string): Verdict | null {
  const isAllowed = boundaryAllows(result);
  if (isAllowed === null) return null;
  return isAllowed
    ? live("allow", "statement_allows", `the permissions boundary allows ${shown}`)
    : live("deny", "boundary_limits", `the permissions boundary does not allow ${shown}`);
}

/** Null where the role has none. */
function boundaryAllows({ PermissionsBoundaryDecisionDetail: all, ResourceSpecificResults }: EvaluationResult) {
  const [one] = ResourceSpecificResults ?? [];
  const detail = all ?? one?.PermissionsBoundaryDecisionDetail;
  return detail?.AllowedByPermissionsBoundary ?? null;
}

function live(outcome: "allow" | "deny", reason: string, text: string): Verdict {
  return { outcome, reason, text, place: null, source: "live", missing: [] };
}
