import { AppError } from "../errors.ts";
import { endpointSlices } from "./endpoint-slices.ts";
import type { KubeApi } from "./kube-api.ts";
import { readReplicaState, statePath, type ReplicaQuery, type ReplicaState } from "./replica-state.ts";
import type { KubeCall } from "./resources.ts";
import { statusError, type KubeStatus } from "./kube-error.ts";

/** One gateway that can be asked what it enforces. */
export interface Replica {
  /** The pod's name, or the URL of its admin listener. */
  readonly name: string;
  /** Whether it is being ended; it may serve calls until it is gone. */
  readonly isTerminating: boolean;
  /** @throws AppError when it does not answer */
  ask(query: ReplicaQuery): Promise<ReplicaState>;
}

/** Every gateway of a context, as they are now. */
export type FindReplicas = () => Promise<readonly Replica[]>;

const ASK_MS = 3_000;
export const DEFAULT_ADMIN_PORT = 8081;

/** The gateways whose admin listeners are named, wherever they run. */
export function namedReplicas(urls: readonly string[]): FindReplicas {
  return async () =>
    urls.map((url) => ({
      name: url,
      isTerminating: false,
      ask: async (query) =>
        readReplicaState(await fetchText(`${url.replace(/\/+$/, "")}/${statePath(query)}`, url), url, query),
    }));
}

export interface ServiceRef {
  readonly namespace: string;
  readonly service: string;
  readonly adminPort: number;
}

/** The pods behind a Service, those that end or are not ready included, asked through the API server. */
export function serviceReplicas(api: KubeApi, { namespace, service, adminPort }: ServiceRef): FindReplicas {
  // Most clusters are asked by a name that a gateway does not serve (it guards against DNS rebinding).
  const host = { isOurs: false };
  return async () => {
    const slices = await endpointSlices(api, { namespace, service });
    const found = new Map<string, Replica>();
    for (const { addresses = [], targetRef, conditions } of slices.flatMap(({ endpoints }) => endpoints ?? [])) {
      const pod = targetRef?.kind === "Pod" ? targetRef.name : undefined;
      // One pod stands in several slices where the Service has addresses of both families.
      const name = pod ?? addresses[0] ?? "an endpoint without address";
      const isTerminating = conditions?.terminating === true;
      const ask = pod === undefined ? notAPod(name, service) : askPod(api, { namespace, pod, adminPort }, host);
      found.set(name, { name, isTerminating, ask });
    }
    return [...found.values()];
  };
}

interface PodRef {
  readonly namespace: string;
  readonly pod: string;
  readonly adminPort: number;
}

function askPod(api: KubeApi, { namespace, pod, adminPort }: PodRef, host: { isOurs: boolean }): Replica["ask"] {
  return async (query) => {
    const call: KubeCall = {
      verb: "get",
      resource: "pods",
      namespace,
      name: `${pod}:${adminPort}`,
      subresource: `proxy/${statePath(query)}`,
    };
    const send = (): ReturnType<KubeApi["reply"]> =>
      api.reply(call, {
        timeoutMs: ASK_MS,
        patienceMs: 0,
        headers: host.isOurs ? { host: `127.0.0.1:${adminPort}` } : {},
      });
    let reply = await send();
    if (reply.status === 403 && isHostRefused(reply.text) && !host.isOurs) {
      host.isOurs = true;
      reply = await send();
    }
    if (reply.status === 200) return readReplicaState(reply.text, `pod ${pod}`, query);
    const status = statusOf(reply.text);
    if (status !== null && reply.status === 403) throw statusError(call, 403, status);
    throw silent(`pod ${pod}`, status?.message ?? `status ${reply.status}`);
  };
}

function isHostRefused(text: string): boolean {
  return text.includes('"host not allowed"');
}

/** What the API server says itself, rather than what is behind it; a pod can say the same, or nearly so. */
function statusOf(text: string): KubeStatus | null {
  try {
    const value = JSON.parse(text) as (KubeStatus & { readonly kind?: string }) | null;
    return value?.kind === "Status" && typeof (value.message ?? "") === "string" ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function notAPod(name: string, service: string): Replica["ask"] {
  return async () => {
    throw new AppError("unavailable", "replica_unknown", `${name} of Service ${service} is no pod that could be asked`);
  };
}

async function fetchText(url: string, name: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ASK_MS), redirect: "error" });
    const text = await textOf(response, name);
    if (response.status !== 200) throw silent(name, `status ${response.status}`);
    return text;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw silent(
      name,
      error instanceof Error && error.name === "TimeoutError" ? "no answer in 3 s" : "not reached",
      error,
    );
  }
}

/** An answer names every key that was asked about, and a Secret holds thousands. */
const MAX_STATE_BYTES = 16 * 1024 * 1024;

async function textOf(response: Response, name: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > MAX_STATE_BYTES) throw silent(name, `more than ${MAX_STATE_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function silent(name: string, detail: string, cause?: unknown): AppError {
  return new AppError("unavailable", "replica_silent", `${name} does not answer (${detail.slice(0, 200)})`, { cause });
}
