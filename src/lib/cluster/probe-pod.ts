import { setTimeout as delay } from "node:timers/promises";
import { customAlphabet } from "nanoid";
import { AppError, clause } from "../errors.ts";
import type { KubeApi } from "./kube-api.ts";
import { ifFound, isConflict, isNotFound } from "./kube-error.ts";
import type { KubeObject } from "./objects.ts";
import { probePodObject, scriptSeconds, type PodRequest, type ProbeAddress } from "./probe-pod-object.ts";
import { resultOf, whyWaiting, type PodState, type ProbeResult } from "./probe-result.ts";

export interface ProbeOptions {
  /** Where the pod runs: not the gateway's, for what its pods may others may not. */
  readonly namespace: string;
  /** One with sh, nc, timeout and grep. */
  readonly image: string;
  /** How long the cluster may take until the pod runs, in milliseconds. */
  readonly startMs: number;
  readonly progress: (text: string) => void;
  /** What is left behind, for people. */
  readonly tell: (line: string) => void;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** Rejects, or returns early, when it is interrupted. */
  readonly wait?: (ms: number) => Promise<unknown>;
}

const ASK_EVERY_MS = 1_000;
const CLEANUP = { isCleanup: true, timeoutMs: 5_000, patienceMs: 10_000 } as const;
const idOf = customAlphabet("0123456789abcdefghijklmnopqrstuvwxyz", 10);

/**
 * Which of these addresses does a throw-away pod connect to? It is deleted whatever happens, by its uid, so no other is;
 * where it cannot be, that is told. Without it, the kubelet ends it at its deadline.
 * @throws AppError when the cluster cannot be asked, not-found for the namespace, interrupted
 */
export async function runProbe(
  api: Pick<KubeApi, "send">,
  addresses: readonly ProbeAddress[],
  options: ProbeOptions,
): Promise<ProbeResult | { readonly undecided: string }> {
  const { namespace, image, startMs } = options;
  const deadlineSeconds = Math.ceil(startMs / 1_000) + scriptSeconds(addresses.length);
  const request = { name: `mcpctl-probe-${idOf()}`, namespace, image, addresses, deadlineSeconds };
  const probe: Probe = { api, request, options };
  let uid: string | null = null;
  // Until the API server says otherwise.
  let mayBeThere = true;
  try {
    const made = await create(probe);
    uid = made.metadata?.uid ?? null;
    if (isFilled(made)) return { undecided: "the pod must run alone; admission put containers into it" };
    return await outcomeOf(probe);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    mayBeThere = uid !== null;
    if (error.kind === "not-found") throw error;
    return { undecided: clause(error.message) };
  } finally {
    if (mayBeThere) await remove(probe, uid);
  }
}

interface Probe {
  readonly api: Pick<KubeApi, "send">;
  readonly request: PodRequest;
  readonly options: ProbeOptions;
}

/** Did the API server, or admission, say no? */
function isRefusal(error: unknown): error is AppError {
  return error instanceof AppError && ["forbidden", "invalid", "not-found"].includes(error.kind);
}

async function create({ api, request }: Probe): Promise<PodState> {
  const { namespace } = request;
  const call = { verb: "create", resource: "pods", namespace, name: null, body: probePodObject(request) } as const;
  return api.send<PodState>(call, { patienceMs: 0 });
}

/** A mesh's proxy would take connections for the servers. */
function isFilled({ spec }: PodState): boolean {
  return spec?.containers?.length !== 1 || (spec.initContainers ?? []).length > 0;
}

async function outcomeOf({ api, request, options }: Probe): Promise<ProbeResult | { readonly undecided: string }> {
  const { now = () => performance.now(), wait = delay } = options;
  const { namespace, name, deadlineSeconds } = request;
  const deadline = now() + deadlineSeconds * 1_000;
  for (;;) {
    const pod = await ifFound(api.send<PodState>({ verb: "get", resource: "pods", namespace, name }));
    if (pod === null) return { undecided: "the pod must run; somebody deleted it" };
    const result = resultOf(pod);
    if (result !== null) return result;
    if (now() >= deadline) return { undecided: whyWaiting(pod) };
    await wait(ASK_EVERY_MS);
  }
}

/** Null for a pod of which only the name is known: nobody else's has it. */
async function remove({ api, request, options }: Probe, uid: string | null): Promise<void> {
  const { namespace, name, deadlineSeconds } = request;
  const pod = { resource: "pods", namespace, name } as const;
  try {
    const known = uid ?? (await api.send<KubeObject>({ verb: "get", ...pod }, CLEANUP)).metadata?.uid;
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid: known } };
    await api.send({ verb: "delete", ...pod, body }, CLEANUP);
  } catch (error) {
    // Gone already, or another one by now.
    if (isNotFound(error) || isConflict(error)) return;
    if (!(error instanceof AppError)) throw error;
    options.tell(
      `Pod ${namespace}/${name} may still be there: ${clause(error.message)}. Delete it; it ends by itself ${deadlineSeconds} s after it began.`,
    );
  }
}
