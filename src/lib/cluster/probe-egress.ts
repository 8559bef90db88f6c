import { isSelector, selects } from "../flow/rbac/label-selector.ts";
import type { KubeApi } from "./kube-api.ts";
import type { KubeList } from "./objects.ts";
import { PROBE_LABELS } from "./probe-pod-object.ts";

interface NetworkPolicy {
  readonly spec?: {
    readonly podSelector?: unknown;
    readonly policyTypes?: readonly string[];
    readonly egress?: readonly unknown[];
  };
}

/**
 * Does a NetworkPolicy limit what the probing pod may connect to? What it does not reach then tells nothing of the servers.
 * @throws AppError as the API's status says
 */
export async function isEgressLimited(api: Pick<KubeApi, "send">, namespace: string): Promise<boolean> {
  const call = { verb: "list", resource: "networkpolicies", namespace, name: null } as const;
  const { items = [] } = await api.send<KubeList<NetworkPolicy>>(call);
  const labels = new Map<string, string>(Object.entries(PROBE_LABELS));
  return items.some(({ spec = {} }) => {
    const selector = spec.podSelector ?? {};
    const isAboutEgress = spec.policyTypes?.includes("Egress") ?? spec.egress !== undefined;
    return isAboutEgress && (!isSelector(selector) || selects(selector, labels));
  });
}
