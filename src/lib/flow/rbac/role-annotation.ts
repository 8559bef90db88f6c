import type { ServiceAccount } from "../requests.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import { at, textAt } from "./fact-objects.ts";

/** Amazon EKS, "Assign IAM roles to Kubernetes service accounts". */
export const ROLE_ANNOTATION = "eks.amazonaws.com/role-arn";

/**
 * Which IAM role does a ServiceAccount name (EKS, "IAM roles for service accounts")? Null where it names none, `unknown`
 * where it is not among the facts, or stands there twice and differs. All of them are read once.
 */
export function roleAnnotations(facts: ClusterFacts | null): (account: ServiceAccount) => Promise<string | null> {
  const found = new Map<string, string | null>();
  for (const { value } of facts?.objectsOf("ServiceAccount", "") ?? []) {
    const metadata = at(value, "metadata");
    const key = JSON.stringify([textAt(metadata, "namespace"), textAt(metadata, "name")]);
    const annotation = textAt(at(metadata, "annotations"), ROLE_ANNOTATION);
    found.set(key, found.has(key) && found.get(key) !== annotation ? "unknown" : annotation);
  }
  return async ({ namespace, name }) => {
    const annotation = found.get(JSON.stringify([namespace, name]));
    return annotation === undefined ? "unknown" : annotation;
  };
}
