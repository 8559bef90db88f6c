import type { KubeApi } from "./kube-api.ts";
import type { KubeList } from "./objects.ts";

/** https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/#endpointslice-v1-discovery-k8s-io */
export interface EndpointSlice {
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[] | null;
  readonly endpoints?: readonly Endpoint[] | null;
}

interface Endpoint {
  readonly addresses?: readonly string[];
  readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly namespace?: string };
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
}

/** What is behind a Service, ready or not. @throws AppError as the API's status says */
export async function endpointSlices(
  api: Pick<KubeApi, "send">,
  { namespace, service }: { readonly namespace: string; readonly service: string },
): Promise<readonly EndpointSlice[]> {
  const { items = [] } = await api.send<KubeList<EndpointSlice>>({
    verb: "list",
    resource: "endpointslices",
    namespace,
    name: null,
    query: { labelSelector: `kubernetes.io/service-name=${service}` },
  });
  return items;
}
