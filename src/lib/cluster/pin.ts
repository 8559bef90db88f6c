import { AppError } from "../errors.ts";
import type { KubeApi } from "./kube-api.ts";
import type { KubeObject } from "./objects.ts";

/**
 * Is this the cluster that the context is pinned to? Its identity is the UID of its kube-system namespace, which lives as
 * long as the cluster does.
 * @throws AppError invalid when it is another one
 */
export async function verifyCluster(api: Pick<KubeApi, "send" | "server">, pinned: string): Promise<void> {
  const { metadata } = await api.send<KubeObject>({
    verb: "get",
    resource: "namespaces",
    namespace: null,
    name: "kube-system",
  });
  if (metadata?.uid === pinned) return;
  throw new AppError(
    "invalid",
    "cluster_mismatch",
    `the kubeconfig context leads to cluster ${metadata?.uid ?? "-"} at ${api.server}, and this context is pinned to ${pinned}`,
    {
      hint: "Choose the right kubeconfig (KUBECONFIG), or correct kubernetes.context or kubernetes.cluster in mcpctl.yaml.",
    },
  );
}
