import type { Clock } from "../../src/gateway/state/clock.ts";
import type { GatewayOptions } from "../../src/gateway/start-gateway.ts";
import type { FollowTimes } from "../../src/lib/cluster/follow-object.ts";
import type { MintedKey } from "../../src/lib/keys/key.ts";
import { formatTime } from "../../src/lib/time.ts";
import { startFakeKubernetes, type FakeKubernetes } from "./fake-kubernetes.ts";
import {
  callHeaders,
  isCut,
  NO_LOCKS,
  open,
  registryOf,
  send,
  startTestGateway,
  toolCall,
  until,
  type TestGateway,
} from "./gateway.ts";
import { sendJson, startRawBackend } from "./mcp-backend.ts";

/** Wall and monotonic time that run as usual, and leap when told. */
export interface LeapingClock extends Clock {
  leap(seconds: number): void;
}

export function leapingClock(): LeapingClock {
  let leaptMs = 0;
  return {
    now: () => Date.now() + leaptMs,
    monotonic: () => performance.now() + leaptMs,
    leap: (seconds) => void (leaptMs += seconds * 1_000),
  };
}

const TIMES: FollowTimes = { askMs: 50, idleMs: 60_000, maxPauseMs: 50, silenceMs: 200 };
export const LIMIT_SECONDS = 900;
export const CLUSTER_ROLES = "roleMapping:\n  dev: [eks-ro]\n  ops: [eks-ro]\n";

/** One of `sources` in what /state tells. */
export interface SourceState {
  readonly what: string;
  readonly usable: boolean;
  readonly age_seconds: number | null;
  readonly resource_version: string | null;
  readonly problem: string | null;
}

/** A gateway that follows the objects keys, locks, roles and backends of namespace mcp. */
export interface ClusterGateway {
  readonly gateway: TestGateway;
  readonly fake: FakeKubernetes;
  readonly clock: LeapingClock;
  status(key: MintedKey): Promise<number>;
  becomes(key: MintedKey, status: number): Promise<void>;
  /** Resolves once the problem of this source, by its place, matches. */
  says(what: string, problem: RegExp | null, index?: number): Promise<SourceState>;
  /** Opens a stream of this key; whether it was cut. */
  stream(key: MintedKey): Promise<{ readonly cut: Promise<boolean> }>;
  close(): Promise<void>;
}

export async function startClusterGateway(
  prepare: (fake: FakeKubernetes) => void,
  options: Partial<GatewayOptions> = {},
): Promise<ClusterGateway> {
  const fake = await startFakeKubernetes();
  const clock = leapingClock();
  const backend = await startRawBackend(({ method }, response) => {
    if (method !== "GET") return sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}');
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
  });
  putLocks(fake, NO_LOCKS);
  putRoles(fake, CLUSTER_ROLES);
  putBackends(fake, registryOf({ "eks-ro": backend.url }));
  prepare(fake);
  const gateway = await startTestGateway(
    {},
    {},
    {
      keys: [{ path: "secret:mcp/keys", role: null }],
      locks: "configmap:mcp/locks",
      roles: "configmap:mcp/roles",
      backends: "configmap:mcp/backends",
      cluster: fake.api({ timeoutMs: 500 }),
      followTimes: TIMES,
      maxAgeSeconds: LIMIT_SECONDS,
      clock,
      ...options,
    },
  );
  const status = async (key: MintedKey): Promise<number> =>
    (await send(gateway.url, { headers: callHeaders(key), body: toolCall("t") })).status;
  const sources = async (): Promise<readonly SourceState[]> => {
    const { body } = await send(gateway.adminUrl, { method: "GET", path: "/state" });
    return (JSON.parse(body) as { sources: readonly SourceState[] }).sources;
  };
  return {
    gateway,
    fake,
    clock,
    status,
    becomes: async (key, code) => {
      await until(
        () => status(key),
        (found) => found === code,
      );
    },
    says: async (what, problem, index = 0) => {
      const found = await until(
        async () => (await sources()).filter((source) => source.what === what)[index],
        (source) => (problem === null ? source?.problem === null : problem.test(source?.problem ?? "")),
      );
      return found as SourceState;
    },
    stream: async (key) => {
      const headers = [...callHeaders(key), "mcp-session-id", gateway.session("s", "eks-ro", key)];
      return { cut: isCut(await open(gateway.url, { method: "GET", headers })) };
    },
    close: async () => {
      await gateway.close();
      await backend.close();
      await fake.close();
    },
  };
}

/** What External Secrets renders; `synced` null leaves it out. */
export function putKeys(
  fake: FakeKubernetes,
  entries: Readonly<Record<string, string>> | string,
  { name = "keys", synced = now() }: { readonly name?: string; readonly synced?: string | null } = {},
): void {
  const text = typeof entries === "string" ? entries : JSON.stringify(entries);
  const data = { "keys.json": base64(text), ...(synced === null ? {} : { synced: base64(synced) }) };
  fake.put("secrets", name, { data });
}

export function putLocks(fake: FakeKubernetes, text: string): void {
  fake.put("configmaps", "locks", { data: { "denylist.json": text } });
}

export function putRoles(fake: FakeKubernetes, text: string): void {
  fake.put("configmaps", "roles", { data: { "roles.yaml": text } });
}

export function putBackends(fake: FakeKubernetes, text: string): void {
  fake.put("configmaps", "backends", { data: { "backends.yaml": text } });
}

/** One lock. */
export function lockOn(match: Readonly<Record<string, unknown>>, id = "lock_1"): string {
  const lock = { id, match, reason: "stolen", tell: false, by: "me", at: "2026-01-01T00:00:00Z", until: null };
  return JSON.stringify({ locks: [lock] });
}

/** The API away, as whoever follows it sees that; ends when the function it returns is called. */
export function goAway(fake: FakeKubernetes): () => void {
  const end = fake.inject({}, () => "cut", Infinity);
  fake.endWatches("cut");
  return end;
}

export function now(agoSeconds = 0): string {
  return formatTime(Date.now() - agoSeconds * 1_000);
}

export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
