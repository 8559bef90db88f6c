import type { PolicyDocument } from "../../src/lib/aws/key-policies.ts";
import { readDocuments } from "../../src/lib/flow/document.ts";
import { isFlaw, readPolicyFact, type PolicyFact } from "../../src/lib/flow/iam/policy-fact.ts";
import { weigh } from "../../src/lib/flow/iam/weigh.ts";

/** One question to IAM. A call that touches several parameters asks several, and each must be allowed. */
export interface IamRequest {
  readonly action: string;
  readonly resource: string;
  /** Condition keys of the request; a list for keys of many values. A key that is not here is missing. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

export type IamAnswer = "allowed" | "denied" | "not allowed";

/**
 * What do these policies, attached to one identity, answer to a request of which everything is known?
 * @throws Error on what the judge of IAM leaves open, and on policies that AWS would not take
 */
export function evaluateIam(policies: readonly PolicyDocument[], request: IamRequest): IamAnswer {
  const { action, resource, context = {} } = request;
  const known = new Map(Object.entries(context).map(([key, found]) => [key.toLowerCase(), [found].flat()]));
  const { denies, mayDeny, allows, mayAllow } = weigh(policies.map(readFact), {
    request: { action, resource: [resource] },
    action: action.toLowerCase(),
    resource,
    context: { valuesOf: (key) => known.get(key) ?? "absent" },
    principal: null,
  });
  const open = mayDeny ?? mayAllow;
  if (open !== null) throw new Error(`IAM's answer is open: ${JSON.stringify(open.statement)}`);
  if (denies !== null) return "denied";
  return allows === null ? "not allowed" : "allowed";
}

function readFact(policy: PolicyDocument): PolicyFact {
  const [document] = readDocuments("policy.json", Buffer.from(JSON.stringify(policy))).documents;
  if (document === undefined) throw new Error("a policy is no JSON");
  const read = readPolicyFact({ document, path: [] }, document.value, { label: "policy", use: "identity" });
  if (isFlaw(read)) throw new Error(read.message);
  return read;
}
