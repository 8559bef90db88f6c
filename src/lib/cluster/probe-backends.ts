import { AppError, clause } from "../errors.ts";
import { serviceOf, type ServiceTarget } from "../flow/service-of.ts";
import type { ProbeOutcome } from "../flow/verify/subject.ts";
import { plural } from "../plural.ts";
import type { Backend, Registry } from "../policy/registry.ts";
import type { KubeApi } from "./kube-api.ts";
import { isEgressLimited } from "./probe-egress.ts";
import { runProbe, type ProbeOptions } from "./probe-pod.ts";
import type { ProbeResult } from "./probe-result.ts";
import { isPortProbed, serverPods, type ServerPod } from "./probe-targets.ts";

/** What the kubelet keeps of the numbers that a pod leaves is far more. */
const MAX_ADDRESSES = 600;
const PODS_EACH = 3;

/** A server to be tried, and the place of its first address among all. */
interface Trial {
  readonly backend: Backend;
  readonly target: ServiceTarget;
  readonly pods: readonly ServerPod[];
  readonly first: number;
}

/**
 * Can a pod that is not the gateway's connect to the pods of each MCP server? One throw-away pod tries all, in the
 * namespace of `options`, and is deleted. `kept-out` only where the server would have answered: its pods are ready before
 * and after, by a readiness probe of that very port, and nothing limits what the pod may connect to.
 * @throws AppError when the cluster cannot be asked, not-found for the namespace, interrupted
 */
export async function probeBackends(
  api: Pick<KubeApi, "send">,
  registry: Registry,
  options: ProbeOptions,
): Promise<ReadonlyMap<string, ProbeOutcome>> {
  const outcomes = new Map<string, ProbeOutcome>();
  const trials: Trial[] = [];
  let count = 0;
  for (const backend of registry.values()) {
    options.progress(`Looking for the pods of ${backend.name}`);
    const found = await unlessForbidden(() => targetOf(api, backend, MAX_ADDRESSES - count));
    if ("undecided" in found) outcomes.set(backend.name, found);
    else {
      trials.push({ backend, ...found, first: count });
      count += found.pods.length;
    }
  }
  if (trials.length === 0) return outcomes;
  const limits = await unlessForbidden(async () => ({ areThere: await isEgressLimited(api, options.namespace) }));
  options.progress(`Trying ${plural(trials.length, "server")} from a pod in namespace ${options.namespace}`);
  const addresses = trials.flatMap(({ pods }) => pods);
  const result = await runProbe(api, addresses, options);
  for (const trial of trials) {
    const { name } = trial.backend;
    if ("undecided" in result) outcomes.set(name, result);
    else if (isReached(trial, result)) outcomes.set(name, "reached");
    else outcomes.set(name, doubtOf(result, limits, options) ?? (await provenOutcome(api, trial)));
  }
  return outcomes;
}

type Undecided = Exclude<ProbeOutcome, string>;

async function targetOf(
  api: Pick<KubeApi, "send">,
  { url }: Backend,
  room: number,
): Promise<Pick<Trial, "target" | "pods"> | Undecided> {
  const target = serviceOf(url);
  if (target === null)
    return { undecided: "its url must be a Service's (NAME.NAMESPACE.svc): others are not in the cluster" };
  if (room < PODS_EACH)
    return { undecided: `a registry of fewer servers is needed: ${MAX_ADDRESSES} pods are tried at once` };
  const pods = await serverPods(api, target);
  return "undecided" in pods ? pods : { target, pods: pods.slice(0, PODS_EACH) };
}

function isReached({ first, pods }: Trial, { connected }: ProbeResult): boolean {
  return pods.some((_, index) => connected.has(first + index));
}

/** Why what the pod did not reach tells nothing; null when it does. */
function doubtOf(
  { isComplete, hasControl }: ProbeResult,
  limits: { readonly areThere: boolean } | Undecided,
  { namespace }: ProbeOptions,
): Undecided | null {
  if (!isComplete) return { undecided: "the pod must try every server; it ended before" };
  if (!hasControl)
    return { undecided: `pods of namespace ${namespace} must reach something; they do not even reach the API server` };
  if ("undecided" in limits) return limits;
  if (!limits.areThere) return null;
  return {
    undecided: `a namespace is needed whose pods may connect to anything; a NetworkPolicy of ${namespace} limits them`,
  };
}

/** Nothing connected: would the server have answered? */
async function provenOutcome(api: Pick<KubeApi, "send">, { target, pods }: Trial): Promise<ProbeOutcome> {
  return unlessForbidden(async () => {
    const now = await serverPods(api, target);
    if ("undecided" in now) return now;
    const isStill = ({ host, port, pod }: ServerPod): boolean =>
      now.some((one) => one.host === host && one.port === port && one.pod === pod);
    if (!pods.every(isStill)) return { undecided: "its pods must stay ready while they are tried" };
    for (const pod of pods)
      if (!(await isPortProbed(api, pod, target.namespace)))
        return {
          undecided: `pod ${target.namespace}/${pod.pod} must have a readiness probe of port ${pod.port}; else nobody knows that it would have answered`,
        };
    return "kept-out";
  });
}

/** What is asked, or which right is missing for it. */
async function unlessForbidden<T>(ask: () => Promise<T>): Promise<T | Undecided> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof AppError && error.kind === "forbidden") return { undecided: clause(error.message) };
    throw error;
  }
}
