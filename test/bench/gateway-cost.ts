import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { mintKey } from "../../src/lib/keys/key.ts";
import { cpuTimeNs, residentMb } from "./cpu-time.ts";
import { closedLoop, openLoop, type Target } from "./load.ts";
import { BenchServers, type Started } from "./servers.ts";
import { quantile, spread } from "./statistics.ts";

const ROUNDS = 5;
const CALLS = 10_000;
const KEYS = 10_000;
const RATE_CALLS = 5_000;
const LAUNCHER = join(process.cwd(), "bin", "mcpctl.js");

interface Arm {
  readonly target: Target;
  readonly pid: number;
}

/** CPU per call and added latency of the gateway, against nginx and the backend itself, arms alternating in each round. */
export async function gatewayCost(): Promise<void> {
  const servers = await BenchServers.create();
  try {
    const token = await writeProject(servers.folder);
    const backend = await servers.startNode([join(process.cwd(), "test", "bench", "backend.ts")], "stdout", /^(\d+)\n/);
    await writeRegistry(servers.folder, backend);
    const gateway = await servers.startNode(
      [
        LAUNCHER,
        "gateway",
        "start",
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--audit",
        join(servers.folder, "audit.jsonl"),
      ],
      "stderr",
      /Serving http:\/\/127\.0\.0\.1:(\d+)/,
    );
    const nginx = await servers.startNginx(backend.origin, token);
    if (nginx === null)
      process.stdout.write("  nginx is not installed: no reference for CPU (Debian: apt-get install nginx)\n");
    const arms = [
      arm("direct", backend, "/mcp", token),
      ...(nginx === null ? [] : [arm("nginx", nginx, "/mcp/eks-ro/mcp", token)]),
      arm("gateway", gateway, "/mcp/eks-ro/mcp", token),
    ];
    for (const { target } of arms) await closedLoop(target, 4_000, 16);
    await reportCpu(arms);
    await reportLatency(arms);
    process.stdout.write(`  gateway memory with ${KEYS} keys: ${(await residentMb(gateway.pid)).toFixed(0)} MB RSS\n`);
    await checkAudit(servers.folder, arms);
  } finally {
    await servers.stop();
  }
}

function arm(name: string, { pid, origin }: Started, path: string, token: string): Arm {
  return { target: { name, origin, path, token }, pid };
}

async function reportCpu(arms: readonly Arm[]): Promise<void> {
  const used = new Map<string, number[]>(arms.map(({ target }) => [target.name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { target, pid } of arms) {
      const before = await cpuTimeNs(pid);
      await closedLoop(target, CALLS, 16);
      used.get(target.name)?.push(((await cpuTimeNs(pid)) - before) / CALLS / 1000);
    }
  }
  const nginx = used.get("nginx");
  for (const [name, times] of used) {
    const ratios = nginx === undefined ? null : times.map((time, round) => time / (nginx[round] as number));
    process.stdout.write(
      `  CPU per call, ${name.padEnd(8)} ${spread(times, 1, " us").padEnd(26)} ${ratios === null ? "" : `ratio to nginx ${spread(ratios, 2)}`}\n`,
    );
  }
}

async function reportLatency(arms: readonly Arm[]): Promise<void> {
  const direct: number[] = [];
  for (const { target } of arms) {
    const times = await openLoop(target, RATE_CALLS, 1_000);
    const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
    if (target.name === "direct") direct.push(p50, p99);
    const added = `added p50 ${(p50 - (direct[0] ?? 0)).toFixed(0)} us, p99 ${(p99 - (direct[1] ?? 0)).toFixed(0)} us`;
    process.stdout.write(
      `  at 1,000 calls/s, ${target.name.padEnd(8)} p50 ${p50.toFixed(0)} us, p99 ${p99.toFixed(0)} us; ${added}\n`,
    );
  }
}

/** Every call that was timed must stand in the audit log. */
async function checkAudit(folder: string, arms: readonly Arm[]): Promise<void> {
  const calls = 4_000 + ROUNDS * CALLS + RATE_CALLS;
  const lines = (await readFile(join(folder, "audit.jsonl"), "utf8"))
    .split("\n")
    .filter((line) => line.includes('"phase":"final"')).length;
  if (lines !== calls) throw new Error(`${lines} audit records for ${calls} calls`);
  process.stdout.write(
    `  audit records equal calls: ${lines}; ${arms.length} arms, ${ROUNDS} rounds of ${CALLS} calls, 16 at a time\n`,
  );
}

/** A project with 10,000 keys of which one is used; gives its token. */
async function writeProject(folder: string): Promise<string> {
  const keys = Array.from({ length: KEYS }, () => mintKey(randomBytes));
  const entries = Object.fromEntries(
    keys.map(({ hash }, index) => [`dev-readonly.${hash}`, `dev-readonly/bench-${index}`]),
  );
  await writeFile(join(folder, "keys.json"), JSON.stringify(entries));
  await writeFile(join(folder, "denylist.json"), '{"locks":[]}');
  await writeFile(
    join(folder, "roles.yaml"),
    "roleMapping:\n  dev-readonly:\n    - backend: eks-ro\n      tools: { allow: [eks_get_*] }\n",
  );
  await writeFile(
    join(folder, "mcpctl.yaml"),
    "contexts:\n  - name: bench\n    store: { type: file, path: keys.json }\n",
  );
  return (keys[KEYS / 2] as (typeof keys)[number]).token.reveal();
}

async function writeRegistry(folder: string, backend: Started): Promise<void> {
  const fields = `service: eks, environment: stage, access: ro, owner: bench, url: "${backend.origin}"`;
  await writeFile(join(folder, "backends.yaml"), `backends:\n  eks-ro: { ${fields} }\n`);
}
