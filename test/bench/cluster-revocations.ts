import { openEnforcement } from "../../src/commands/cluster/open-enforcement.ts";
import type { Enforcement } from "../../src/lib/cluster/enforcement.ts";
import { revocationChange } from "../../src/lib/cluster/revocation-change.ts";
import { runSync } from "../../src/lib/cluster/sync-run.ts";
import { placeLock, proveLock } from "../../src/commands/lock/place-lock.ts";
import { connect } from "../../src/lib/cluster/connection.ts";
import { KubeApi } from "../../src/lib/cluster/kube-api.ts";
import type { KubeList } from "../../src/lib/cluster/objects.ts";
import { currentContext, type Context } from "../../src/lib/config/config.ts";
import { loadConfig } from "../../src/lib/config/load-config.ts";
import type { MintedKey } from "../../src/lib/keys/key.ts";
import { DENYLIST, NAMESPACE, PATH } from "../cluster/support/manifests.ts";
import { ssmCall } from "../cluster/support/parameters.ts";
import { plantKeys } from "../cluster/support/planted-keys.ts";
import { startStage, type Stage } from "../cluster/support/stage.ts";
import { callHeaders, send } from "../support/gateway.ts";
import { quantile } from "./statistics.ts";

const REVOCATIONS = 100;
const TIMEOUT_MS = 30_000;

/**
 * How long does a gateway go on accepting a key, at most, of three that follow a real API server? Each time is from the
 * write's acknowledgement to the answer of the last gateway that proves the refusal; the reference is one bare watch of the
 * same object.
 */
export async function clusterRevocations(): Promise<void> {
  const stage = await startStage();
  try {
    const keys = await plantKeys(stage.moto.url, 2 * REVOCATIONS);
    const bench = await open(stage);
    if ((await stage.mcpctl("sync")).code !== 0) throw new Error("the keys did not reach the gateways");
    print("reference: write to event, one bare watch", await bareWatch(stage));
    print("lock -> refused by 3 gateways", await locks(stage, bench, keys.slice(0, REVOCATIONS)));
    print(
      ".revoked -> External Secrets -> refused by 3 gateways",
      await revocations(stage, bench, keys.slice(REVOCATIONS)),
    );
    bench.enforcement.close();
  } finally {
    await stage.stop();
  }
}

interface Bench {
  readonly context: Context;
  readonly enforcement: Enforcement;
  readonly ports: Parameters<typeof openEnforcement>[1] &
    Parameters<typeof placeLock>[2] &
    Parameters<typeof runSync>[0]["ports"];
}

async function open(stage: Stage): Promise<Bench> {
  const { folder, kubernetes } = stage;
  const config = loadConfig({ configFlag: null, contextFlag: null, env: {}, cwd: folder, home: folder });
  const context = currentContext(config);
  const env = { KUBECONFIG: await kubernetes.kubeconfig("oncall") };
  const api = new KubeApi(connect({ context: "test", env, home: folder }));
  const ports = {
    kube: async () => api,
    label: (path: string) => path,
    signal: new AbortController().signal,
    tell: () => undefined,
    progress: () => undefined,
    author: "bench",
    now: Date.now,
  };
  return { context, ports, enforcement: await openEnforcement(context, ports) };
}

/** From the write to the event that tells of it, on one bare watch. */
async function bareWatch(stage: Stage): Promise<readonly number[]> {
  const { admin } = stage.kubernetes;
  const ref = { resource: "configmaps", namespace: NAMESPACE } as const;
  const query = { fieldSelector: `metadata.name=${DENYLIST}` };
  const { metadata } = await admin.send<KubeList<object>>({ ...ref, verb: "list", name: null, query });
  const ended = new AbortController();
  let onEvent = (): void => undefined;
  const watch = { ...query, watch: "1", resourceVersion: metadata?.resourceVersion ?? "" };
  const watching = admin.watch(
    { ...ref, verb: "watch", name: null, query: watch },
    TIMEOUT_MS,
    () => onEvent(),
    ended.signal,
  );
  const times: number[] = [];
  for (let index = 0; index < REVOCATIONS; index += 1) {
    const seen = new Promise<void>((done) => (onEvent = () => done()));
    const since = performance.now();
    const body = { metadata: { annotations: { bench: String(index) } } };
    await Promise.all([admin.send({ ...ref, verb: "patch", name: DENYLIST, body }), seen]);
    times.push(performance.now() - since);
  }
  ended.abort();
  await watching.catch(() => undefined);
  return times;
}

async function locks(
  stage: Stage,
  { enforcement, ports }: Bench,
  keys: readonly MintedKey[],
): Promise<readonly number[]> {
  const { denylist, findReplicas } = enforcement;
  if (denylist === null || findReplicas === null) throw new Error("the context names no denylist or no gateways");
  const times: number[] = [];
  for (const key of keys) {
    const target = { target: "key", value: key.id } as const;
    const placed = await placeLock(
      denylist,
      { target, reason: "bench", until: null, tell: false, revokes: false },
      ports,
    );
    const proofs = await proveLock(placed, findReplicas, TIMEOUT_MS, ports);
    times.push(Math.max(...proofs.map(({ provenAfterMs }) => provenAfterMs ?? Infinity)));
    await requireRefused(stage, key);
  }
  return times;
}

async function revocations(
  stage: Stage,
  { context, enforcement, ports }: Bench,
  keys: readonly MintedKey[],
): Promise<readonly number[]> {
  const times: number[] = [];
  for (const key of keys) {
    const marker = `${PATH}/dev-readonly/${key.hash}.revoked`;
    await ssmCall(stage.moto.url, "PutParameter", {
      Name: marker,
      Value: "at=2026-11-20T10:00:00Z",
      Type: "SecureString",
    });
    const since = performance.now();
    const change = revocationChange([key.hash], { id: key.id, user: null, role: null });
    const { problems } = await runSync({ context, enforcement, change, timeoutMs: TIMEOUT_MS, ports });
    if (problems.length > 0) throw new Error(problems.join("\n"));
    times.push(performance.now() - since);
    await requireRefused(stage, key);
  }
  return times;
}

/** What was proven must be so. */
async function requireRefused({ gateways }: Stage, key: MintedKey): Promise<void> {
  const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  for (const { name, url } of gateways) {
    const { status } = await send(url, { path: "/mcp/eks-ro/mcp", headers: callHeaders(key), body });
    if (status !== 401) throw new Error(`${name} answers ${status} to a key that it was proven to refuse`);
  }
}

function print(what: string, times: readonly number[]): void {
  const at = (share: number): string => `${quantile(times, share).toFixed(0)} ms`;
  process.stdout.write(`  ${what}: p50 ${at(0.5)}, p99 ${at(0.99)}, worst ${at(1)} of ${times.length}\n`);
}
