import type { Context } from "../config/config.ts";
import { AppError } from "../errors.ts";
import type { KubeApi, KubeApiOptions } from "./kube-api.ts";
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

/** How long the API server may be away before that is told, milliseconds: a control plane that restarts is back in time. */
export const PATIENCE_MS = 15_000;

/**
 * The API server of a context's cluster, once it is known to be the one that the context is pinned to; `purpose` says what
 * for, after "that".
 * @throws AppError usage for a context without a cluster, invalid for another cluster
 */
export async function openPinned(
  { name, kubernetes }: Context,
  kube: (context: string, options: KubeApiOptions) => Promise<KubeApi>,
  { purpose, hint, ...options }: KubeApiOptions & { readonly purpose: string; readonly hint: string },
): Promise<KubeApi> {
  if (kubernetes === null)
    throw new AppError("usage", "no_cluster", `context ${name} names no cluster that ${purpose}`, {
      hint: `Name a context that does (--context), add the \`kubernetes\` part in mcpctl.yaml, or ${hint}.`,
    });
  const api = await kube(kubernetes.context, { patienceMs: PATIENCE_MS, ...options });
  try {
    await verifyCluster(api, kubernetes.cluster);
    return api;
  } catch (error) {
    api.close();
    throw error;
  }
}
