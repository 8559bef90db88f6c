import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  DescribeParametersCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  PutParameterCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { MOTO_ACCOUNT, startMoto, TEST_CREDENTIALS } from "../support/moto.ts";
import { spread } from "./statistics.ts";

const LAUNCHER = join(process.cwd(), "bin", "mcpctl.js");
const IMPORTED = 1000;
const ROTATED = 500;
const LISTED = 10_000;
const SAMPLE_MS = 20;
const COLD_ROUNDS = 15;
const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

interface Arm {
  readonly elapsedMs: number;
  readonly peakMb: number;
  readonly out: string;
  readonly calls: ReadonlyMap<string, number>;
}

/**
 * What do keys in SSM cost, on moto? Calls are counted against the least that AWS's API allows, times against the bare SDK
 * making those least calls one after another; what was made is checked.
 */
export async function ssmStore(only: string | undefined): Promise<void> {
  const moto = await startMoto();
  const proxy = await startFaultProxy(moto.url);
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-bench-ssm-"));
  try {
    for (const name of ["roles.yaml", "backends.yaml"]) await copyFile(join("examples", name), join(folder, name));
    for (const [name, bench] of Object.entries(BENCHES))
      if (only === undefined || only === name) await bench(folder, proxy, moto.url);
  } finally {
    await proxy.close();
    await moto.stop();
    await rm(folder, { recursive: true });
  }
}

const BENCHES: Readonly<Record<string, (folder: string, proxy: FaultProxy, moto: string) => Promise<void>>> = {
  cold: benchColdStart,
  import: benchImport,
  rotate: benchRotate,
  list: benchList,
};

/** Start to end of `keys list` on an empty store, against `node -e 0`, rounds alternating. */
async function benchColdStart(folder: string, proxy: FaultProxy): Promise<void> {
  await useStore(folder, "/bench-cold/keys");
  const times: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < COLD_ROUNDS; round += 1) {
    const started = performance.now();
    await once(spawn(process.execPath, ["-e", "0"], { stdio: "ignore" }), "close");
    const base = performance.now() - started;
    const { elapsedMs, out } = await mcpctl(folder, proxy, ["keys", "list", "-o", "json"]);
    require(out === "[]\n", "an empty store lists something");
    times.push(elapsedMs);
    ratios.push(elapsedMs / base);
  }
  print(`  keys list (ssm, empty): ${spread(times, 0, " ms")}, ratio to node -e 0 ${spread(ratios, 2)}; bar 4`);
}

async function benchImport(folder: string, proxy: FaultProxy): Promise<void> {
  await useStore(folder, "/bench-import/keys");
  await writeFile(join(folder, "import.txt"), lines("import", IMPORTED));
  const bare = await bareSdk(proxy, async (ssm) => {
    const names = hashes("import", IMPORTED).map((hash) => `/bare-import/keys/dev-readonly/${hash}`);
    for (const name of names) await put(ssm, name);
    for (let at = 0; at < names.length; at += 10)
      await ssm.send(new GetParametersCommand({ Names: names.slice(at, at + 10), WithDecryption: true }));
  });
  const arm = await mcpctl(folder, proxy, ["keys", "import", "import.txt", "--ttl", "90d", "--yes", "-o", "name"]);
  require(arm.out.trim().split("\n").length === IMPORTED, "the import told other keys than it was given");
  // One Put for each, a read back of ten at a time, one page each of keys and tombstones, and whose account it is.
  report(`import ${IMPORTED}`, arm, bare, IMPORTED + IMPORTED / 10 + 2 + 1);
}

async function benchRotate(folder: string, proxy: FaultProxy): Promise<void> {
  await useStore(folder, "/bench-rotate/keys");
  await writeFile(join(folder, "rotate.txt"), lines("rotate", ROTATED));
  await mcpctl(folder, proxy, ["keys", "import", "rotate.txt", "--ttl", "30d", "--yes", "-o", "name"]);
  const bare = await bareSdk(proxy, async (ssm) => {
    const names = hashes("rotate", ROTATED * 2).map((hash) => `/bare-rotate/keys/dev-readonly/${hash}`);
    for (const name of names) await put(ssm, name);
    for (let at = 0; at < names.length * 1.5; at += 10)
      await ssm.send(new GetParametersCommand({ Names: names.slice(at % 900, (at % 900) + 10), WithDecryption: true }));
  });
  const arm = await mcpctl(folder, proxy, ["keys", "rotate", "--role", "dev-readonly", "--yes", "--out", "tokens"]);
  const file = await readFile(join(folder, "tokens", "agent-0.jsonl"), "utf8");
  require(file.includes('"replaces"'), "no token was delivered");
  // Two Puts for each; record, end and revocation read ten at a time; one list of pages of ten, and whose account it is.
  report(`rotate ${ROTATED}`, arm, bare, ROTATED * 2 + (ROTATED * 3) / 10 + ROTATED / 10 + 1);
}

async function benchList(folder: string, proxy: FaultProxy, url: string): Promise<void> {
  await useStore(folder, "/bench-empty/keys");
  const empty = await mcpctl(folder, proxy, ["keys", "list", "-o", "json"]);
  require(empty.out === "[]\n", "an empty store lists something");
  await useStore(folder, "/bench-list/keys");
  const ssm = client(url);
  for (const [at, hash] of hashes("list", LISTED).entries())
    await put(ssm, `/bench-list/keys/dev-readonly/${hash}`, `dev-readonly/agent-${at % 2000}`);
  ssm.destroy();
  const bare = await bareSdk(proxy, async (sdk) => {
    await Promise.all([pages(sdk), descriptions(sdk)]);
  });
  const arm = await mcpctl(folder, proxy, ["keys", "list", "-o", "json"]);
  require((JSON.parse(arm.out) as unknown[]).length === LISTED, "not every key is listed");
  const described = arm.calls.get("DescribeParameters") ?? 0;
  report(`list ${LISTED}`, arm, bare, LISTED / 10 + described + 1);
  print(`    of them ${described} DescribeParameters: moto gives 10 a page where AWS gives 50 (${LISTED / 50} calls)`);
  print(
    `    peak memory ${arm.peakMb.toFixed(0)} MB, an empty list ${empty.peakMb.toFixed(0)} MB: ${(arm.peakMb - empty.peakMb).toFixed(0)} more; bar 30`,
  );
}

async function pages(ssm: SSMClient): Promise<void> {
  for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
    const next = token === undefined ? {} : { NextToken: token };
    const input = { Path: "/bench-list/keys", Recursive: true, WithDecryption: true, MaxResults: 10, ...next };
    token = (await ssm.send(new GetParametersByPathCommand(input))).NextToken || undefined;
  }
}

async function descriptions(ssm: SSMClient): Promise<void> {
  const filters = [{ Key: "Path", Option: "Recursive", Values: ["/bench-list/keys"] }];
  for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
    const next = token === undefined ? {} : { NextToken: token };
    const input = { ParameterFilters: filters, MaxResults: 50, ...next };
    token = (await ssm.send(new DescribeParametersCommand(input))).NextToken || undefined;
  }
}

function report(name: string, arm: Arm, bare: { readonly elapsedMs: number }, least: number): void {
  const total = [...arm.calls.values()].reduce((sum, count) => sum + count, 0);
  const each = [...arm.calls].map(([action, count]) => `${count} ${action}`).join(", ");
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  print(
    `  ${name}: ${seconds(arm.elapsedMs)}, the bare SDK's least calls ${seconds(bare.elapsedMs)}, ratio ${(arm.elapsedMs / bare.elapsedMs).toFixed(2)}`,
  );
  print(`    ${total} calls, least ${least}, ratio ${(total / least).toFixed(2)}: ${each}`);
}

/** Runs the launcher with the fault proxy for AWS; its largest memory is what the kernel says (VmHWM), sampled. */
async function mcpctl(folder: string, proxy: FaultProxy, args: readonly string[]): Promise<Arm> {
  proxy.settle();
  const started = performance.now();
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    cwd: folder,
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      AWS_ENDPOINT_URL: proxy.url,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  let peakMb = 0;
  const sampling = setInterval(() => {
    void peakOf(child).then((mb) => (peakMb = Math.max(peakMb, mb)));
  }, SAMPLE_MS);
  const [code] = (await once(child, "close")) as [number | null];
  clearInterval(sampling);
  require(code === 0, `${args.join(" ")} ended with ${code}: ${err.slice(-500)}`);
  const calls = new Map<string, number>();
  for (const { action } of proxy.calls) calls.set(action, (calls.get(action) ?? 0) + 1);
  return { elapsedMs: performance.now() - started, peakMb, out, calls };
}

async function peakOf({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

async function bareSdk(proxy: FaultProxy, work: (ssm: SSMClient) => Promise<void>): Promise<{ elapsedMs: number }> {
  const ssm = client(proxy.url);
  const started = performance.now();
  await work(ssm);
  const elapsedMs = performance.now() - started;
  ssm.destroy();
  return { elapsedMs };
}

function client(endpoint: string): SSMClient {
  return new SSMClient({ region: "eu-central-1", endpoint, credentials: TEST_CREDENTIALS });
}

async function put(ssm: SSMClient, Name: string, Value = "dev-readonly/agent-0"): Promise<void> {
  const Description = '{"action":"import","at":"2026-11-20T10:00:00Z","author":"bench"}';
  await ssm.send(new PutParameterCommand({ Name, Value, Description, Type: "SecureString", Overwrite: false }));
}

async function useStore(folder: string, path: string): Promise<void> {
  const store = `{ type: ssm, path: ${path}, region: eu-central-1, account: "${MOTO_ACCOUNT}" }`;
  await writeFile(join(folder, "mcpctl.yaml"), `currentContext: c\ncontexts:\n  - { name: c, store: ${store} }\n`);
}

function hashes(seed: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, number) => hashOf(`${seed} ${number}`));
}

function lines(seed: string, count: number): string {
  return hashes(seed, count)
    .map((hash, number) => `${hash}:dev-readonly/agent-${number % 50}`)
    .join("\n");
}

function require(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
