import type { ServiceAccount } from "../requests.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import { at, textAt } from "./fact-objects.ts";

const ANNOTATION = "eks.amazonaws.com/role-arn";

/**
 * Which IAM role does the ServiceAccount name (EKS, "IAM roles for service accounts")? Null where it names none, `unknown`
 * where it is not among the facts, or stands there twice and differs.
 */
export function roleAnnotation(facts: ClusterFacts | null, { namespace, name }: ServiceAccount): string | null {
  const found = new Set(
    (facts?.objectsOf("ServiceAccount", "") ?? []).flatMap(({ value }) => {
      const metadata = at(value, "metadata");
      const isMeant = textAt(metadata, "name") === name && textAt(metadata, "namespace") === namespace;
      return isMeant ? [textAt(at(metadata, "annotations"), ANNOTATION)] : [];
    }),
  );
  const [only] = found;
  return found.size === 1 && only !== undefined ? only : "unknown";
}
