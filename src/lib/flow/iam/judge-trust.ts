import type { ServiceAccount } from "../requests.ts";
import { unknownVerdict, type Verdict } from "../verdict.ts";
import type { IamFacts } from "./iam-facts.ts";
import { judgeIrsa } from "./judge-irsa.ts";
import { absentRole, contradicted } from "./judge-iam.ts";
import { judgePodIdentity } from "./judge-pod-identity.ts";

/** What is known of the cluster and of the ServiceAccount, beside IAM. */
export interface PodFacts {
  /** URL of the cluster's OIDC issuer, with or without `https://`; null where nobody told. */
  readonly oidcIssuer: string | null;
  /** Name of the EKS cluster; null where nobody told. */
  readonly clusterName: string | null;
  /** `eks.amazonaws.com/role-arn` of the ServiceAccount; null where it surely has none, `unknown` where nobody told. */
  readonly annotation: string | null;
}

/** What is known of the cluster, and how to learn the annotation of a ServiceAccount. */
export interface ClusterOfPods extends Omit<PodFacts, "annotation"> {
  annotationOf(account: ServiceAccount): Promise<PodFacts["annotation"]>;
}

/**
 * Can a pod of this ServiceAccount get the role's credentials? By its token, which the role's trust policy accepts
 * (IRSA), or by an EKS Pod Identity association: either is enough.
 */
export function judgeTrust(facts: IamFacts, roleArn: string, account: ServiceAccount, pod: PodFacts): Verdict {
  const role = facts.role(roleArn);
  if (role === null) return absentRole(facts, roleArn);
  if (role === "contradicted") return contradicted(facts, roleArn);
  const asked = { role, account, pod, isComplete: facts.isComplete(role.account) };
  const ways = [judgeIrsa(facts, asked), judgePodIdentity(facts, asked)] as const;
  const allowed = ways.find(({ outcome }) => outcome === "allow");
  if (allowed !== undefined) return allowed;
  const [irsa, podIdentity] = ways;
  const text = `${irsa.text}; ${podIdentity.text}`;
  if (ways.every(({ outcome }) => outcome === "deny")) return { ...irsa, text };
  const unknown = ways.filter(({ outcome }) => outcome === "unknown");
  const missing = [...new Set(unknown.flatMap((way) => way.missing))];
  const [first] = unknown as [Verdict];
  return { ...unknownVerdict(first.reason, text, missing), place: first.place, source: first.source };
}
