import type { Template } from "./template.ts";
import type { Verdict } from "./verdict.ts";

/** A request to the API server, as authorisation sees it (Kubernetes, "Authorization", request attributes). */
export interface KubernetesRequest {
  readonly verb: Template;
  /** API group; the empty text is the core group. */
  readonly group: Template;
  /** `resource` or `resource/subresource`. */
  readonly resource: Template;
  /** Null for cluster scope, and for a list over all namespaces. */
  readonly namespace: Template | null;
  /** Null where the request names no object, as list and create do. */
  readonly name: Template | null;
}

export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
}

export interface AwsRequest {
  /** `service:Action`, which may hold wildcards where the registry names several actions as one. */
  readonly action: string;
  /** An ARN, or `*` for actions that know no resources. */
  readonly resource: Template;
}

/** Layer 2: what the API server's RBAC says, from files or live. */
export interface KubernetesLayer {
  /** One verdict for each request, in their order. */
  judge(account: ServiceAccount, requests: readonly KubernetesRequest[]): Promise<readonly Verdict[]>;
}

/** What layer 3 says of one action, beside the policies of the role. */
export interface AwsVerdict extends Verdict {
  /** What the permissions boundary says; null where the role has none, or that is not known. */
  readonly boundary: Verdict | null;
}

/** Layer 3: what AWS IAM says, from files or live. */
export interface AwsLayer {
  /** May the role do this? One verdict for each request, in their order. */
  judge(roleArn: string, requests: readonly AwsRequest[]): Promise<readonly AwsVerdict[]>;
  /** Can a pod of this ServiceAccount get the role's credentials at all (IRSA, EKS Pod Identity)? */
  canAssume(roleArn: string, account: ServiceAccount): Promise<Verdict>;
}
