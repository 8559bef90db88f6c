import { isIP } from "node:net";
import type { ServiceTarget } from "../flow/service-of.ts";
import { endpointSlices, type EndpointSlice } from "./endpoint-slices.ts";
import type { KubeApi } from "./kube-api.ts";
import { ifFound } from "./kube-error.ts";
import type { ProbeAddress } from "./probe-pod-object.ts";

/** A pod that answers for a Service, by the kubelet's word. */
export interface ServerPod extends ProbeAddress {
  readonly pod: string;
}

/** https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/#service-v1-core */
interface Service {
  readonly spec?: {
    readonly type?: string;
    readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[];
  };
}

interface Pod {
  readonly spec?: { readonly containers?: readonly Container[] };
}

interface Container {
  readonly ports?: readonly { readonly name?: string; readonly containerPort?: number }[];
  readonly readinessProbe?: {
    readonly httpGet?: ProbedPort & { readonly host?: string };
    readonly tcpSocket?: ProbedPort & { readonly host?: string };
    readonly grpc?: ProbedPort;
  };
}

interface ProbedPort {
  readonly port?: number | string;
}

/**
 * The pods that answer for this Service, or why that is not known.
 * @throws AppError as the API's status says
 */
export async function serverPods(
  api: Pick<KubeApi, "send">,
  { namespace, service, port }: ServiceTarget,
): Promise<readonly ServerPod[] | { readonly undecided: string }> {
  const label = `Service ${namespace}/${service}`;
  const found = await ifFound(api.send<Service>({ verb: "get", resource: "services", namespace, name: service }));
  if (found === null) return { undecided: `there must be a ${label}` };
  const served = found.spec?.ports?.find((one) => one.port === port && (one.protocol ?? "TCP") === "TCP");
  if (served === undefined || found.spec?.type === "ExternalName")
    return { undecided: `${label} must have a port ${port} of pods` };
  const slices = await endpointSlices(api, { namespace, service });
  const pods = slices.flatMap((slice) => podsOf(slice, served.name ?? "", namespace));
  return pods.length === 0 ? { undecided: `a pod behind ${label} must be ready` } : pods.toSorted(byHost);
}

function podsOf({ ports, endpoints }: EndpointSlice, portName: string, namespace: string): readonly ServerPod[] {
  const port = ports?.find(({ name }) => (name ?? "") === portName)?.port;
  if (port === undefined) return [];
  return (endpoints ?? []).flatMap(({ addresses = [], targetRef, conditions = {} }) => {
    const [host = ""] = addresses;
    // `ready` is always so of a Service that publishes pods which are not.
    const isServing = (conditions.serving ?? conditions.ready) === true && conditions.terminating !== true;
    const { kind, name } = targetRef ?? {};
    const isOurs = kind === "Pod" && (targetRef?.namespace ?? namespace) === namespace;
    return isServing && isOurs && name !== undefined && isIP(host) !== 0 ? [{ host, port, pod: name }] : [];
  });
}

function byHost(a: ServerPod, b: ServerPod): number {
  return a.host < b.host ? -1 : a.host > b.host ? 1 : 0;
}

/**
 * Does the kubelet try this port before it calls the pod ready? Else a pod that serves nothing is ready as well.
 * @throws AppError as the API's status says
 */
export async function isPortProbed(
  api: Pick<KubeApi, "send">,
  { pod, port }: ServerPod,
  namespace: string,
): Promise<boolean> {
  const found = await ifFound(api.send<Pod>({ verb: "get", resource: "pods", namespace, name: pod }));
  return (found?.spec?.containers ?? []).some(({ readinessProbe = {}, ports = [] }) => {
    const { httpGet, tcpSocket, grpc } = readinessProbe;
    const probed = httpGet ?? tcpSocket ?? grpc;
    if (probed === undefined || "host" in probed) return false;
    const number = ports.find(({ name }) => name === probed.port)?.containerPort ?? probed.port;
    return number === port;
  });
}
