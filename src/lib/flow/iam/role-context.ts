import type { KeyValues, RequestContext } from "./conditions.ts";
import type { RoleFact } from "./iam-facts.ts";
import { lower } from "./policy-variables.ts";

const TAG = "aws:principaltag/";

/**
 * Tags that EKS Pod Identity gives a session, over the role's own.
 * https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html
 */
const SESSION_TAGS = new Set([
  "eks-cluster-arn",
  "eks-cluster-name",
  "kubernetes-namespace",
  "kubernetes-service-account",
  "kubernetes-pod-name",
  "kubernetes-pod-uid",
]);

/**
 * What is known of every request of a session of this role. A tag that the role has not may still be one of the session.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principal-properties
 */
export function contextOf({ arn, account, tags }: RoleFact): RequestContext {
  const known = new Map<string, readonly string[]>([
    ["aws:principalarn", [arn]],
    ["aws:principalaccount", [account]],
    ["aws:principaltype", ["AssumedRole"]],
    ["aws:principalisawsservice", ["false"]],
  ]);
  for (const [key, value] of tags ?? []) if (!SESSION_TAGS.has(lower(key))) known.set(TAG + lower(key), [value]);
  return { valuesOf: (key): KeyValues => known.get(key) ?? "unknown" };
}
