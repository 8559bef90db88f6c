import { isTemplate } from "./template-text.ts";
import type { ServiceAccount } from "../requests.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import { at, textAt } from "../../json/members.ts";

/** Amazon EKS, "Assign IAM roles to Kubernetes service accounts". */
export const ROLE_ANNOTATION = "eks.amazonaws.com/role-arn";
/** Whom its pods' tokens are for, which is AWS STS where this is not set (amazon-eks-pod-identity-webhook). */
export const AUDIENCE_ANNOTATION = "eks.amazonaws.com/audience";
export const AUDIENCE = "sts.amazonaws.com";

/** The role that annotations name; `unknown` for the place of one in a template, and for tokens that are for somebody else, which trust policies may refuse. */
export function roleNamedIn(annotations: unknown): string | null {
  const role = textAt(annotations, ROLE_ANNOTATION);
  const audience = at(annotations, AUDIENCE_ANNOTATION) ?? AUDIENCE;
  if (role === null) return null;
  return audience === AUDIENCE && !isTemplate(role) ? role : "unknown";
}

/**
 * Which IAM role does a ServiceAccount name (EKS, "IAM roles for service accounts")? Null where it surely names
 * none, `unknown` where it is not among the facts, stands there twice and differs, has tokens for somebody else than AWS, or shows
 * no annotation while the facts may be incomplete: tools like eksctl add it to what a manifest says. All of them are read once.
 */
export function roleAnnotations(facts: ClusterFacts | null): (account: ServiceAccount) => Promise<string | null> {
  const found = new Map<string, string | null>();
  for (const { value } of facts?.objectsOf("ServiceAccount", "") ?? []) {
    const metadata = at(value, "metadata");
    const key = JSON.stringify([textAt(metadata, "namespace"), textAt(metadata, "name")]);
    const annotation = roleNamedIn(at(metadata, "annotations"));
    found.set(key, found.has(key) && found.get(key) !== annotation ? "unknown" : annotation);
  }
  const isComplete = facts?.isComplete("ServiceAccount") === true;
  return async ({ namespace, name }) => {
    const annotation = found.get(JSON.stringify([namespace, name]));
    if (annotation === undefined) return "unknown";
    return annotation ?? (isComplete ? null : "unknown");
  };
}
