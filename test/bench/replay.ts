import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readAuditFiles, auditFile } from "../../src/lib/files/audit-files.ts";
import { auditLine } from "../support/audit-lines.ts";
import { loadRegistry, loadRoles } from "../../src/lib/files/load-policy.ts";
import { Replay, type ReplayReport } from "../../src/lib/policy/replay.ts";
import { spread } from "./statistics.ts";

const RECORDS = 200_000;
const ROUNDS = 7;
const GIGABYTE = 1e9;
const LAUNCHER = join(process.cwd(), "bin", "mcpctl.js");
/** One of so many calls goes to a backend that its role is not granted. */
const REFUSED_EVERY = 4;

/** How many records a second does a replay judge, and how does that compare with `JSON.parse` of the same lines? */
export async function replay(): Promise<void> {
  await inFolder(async (folder) => {
    const path = join(folder, "audit.jsonl");
    writeLog(path, RECORDS);
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    const [rates, ratios]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const start = performance.now();
      for (const line of lines) JSON.parse(line);
      const parsed = performance.now();
      const { counts, unknown } = await judge(path);
      const judged = performance.now();
      if (counts.refused !== RECORDS / REFUSED_EVERY || counts.stillAllowed + counts.refused !== RECORDS)
        throw new Error(`the answers are wrong: ${JSON.stringify({ counts, unknown })}`);
      rates.push(RECORDS / (judged - parsed));
      ratios.push((judged - parsed) / (parsed - start));
    }
    process.stdout.write(
      `  ${RECORDS} records             ${spread(rates, 0, " thousand/s")}  bar 200, ratio to JSON.parse alone ${spread(ratios, 2)}\n`,
    );
  });
}

/** The command itself over a gigabyte: how long, and how much memory at most? */
export async function replayGigabyte(): Promise<void> {
  await inFolder(async (folder) => {
    const records = writeLog(join(folder, "audit.jsonl"), Infinity);
    const start = performance.now();
    const peak = `data:text/javascript,process.on("exit",()=>process.stderr.write("peak "+process.resourceUsage().maxRSS))`;
    const args = ["--import", peak, LAUNCHER, "roles", "replay", "audit.jsonl", "-o", "json"];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    const seconds = (performance.now() - start) / 1000;
    const { calls } = JSON.parse(stdout) as { calls: { refused: number; still_allowed: number } };
    if (status !== 0 || calls.refused + calls.still_allowed !== records)
      throw new Error(`${status}: ${stdout}${stderr}`);
    const megabytes = Number(/peak (\d+)/.exec(stderr)?.[1]) / 1024;
    process.stdout.write(
      `  ${records} records of 1 GB   ${seconds.toFixed(1)} s, ${Math.round(records / seconds / 1000)} thousand/s, peak RSS ${Math.round(megabytes)} MB\n`,
    );
  });
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-bench-"));
  try {
    await cp("examples", folder, { recursive: true });
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function judge(path: string): Promise<ReplayReport> {
  const { roles } = loadRoles({ path: "examples/roles.yaml", label: "roles.yaml" });
  const { registry } = loadRegistry({ path: "examples/backends.yaml", label: "backends.yaml" });
  const judged = new Replay({ roles, registry });
  await readAuditFiles([auditFile(path, path)], {
    since: null,
    take: (call) => judged.add(call),
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  return judged.report();
}

/** Writes so many records, or a gigabyte of them; tells how many. */
function writeLog(path: string, most: number): number {
  const file = openSync(path, "w");
  let [count, bytes] = [0, 0];
  while (count < most && bytes < GIGABYTE) {
    const lines = Array.from({ length: Math.min(5_000, most - count) }, (_, index) => recordLine(count + index));
    bytes += writeSync(file, lines.join(""));
    count += lines.length;
  }
  closeSync(file);
  return count;
}

const TOOLS = ["eks_get_pods", "eks_get_pod_logs", "eks_get_events", "eks_describe_deployment"];
const BACKENDS = ["eks-ro", "eks-ro-prod", "aws-ro", "eks-rw"];

/** A record of the usual kind, some 800 bytes, of one of 3 gateways and 50 agents. */
function recordLine(index: number): string {
  return auditLine({
    ts: new Date(Date.UTC(2026, 0, 1) + index * 50).toISOString(),
    request_id: `req_${index.toString(36).padStart(16, "A")}`,
    instance: `mcp-gateway-6f7c9d8b5-x2x4k-0a1b2${index % 3}`,
    seq: Math.floor(index / 3) + 1,
    client_ip: `10.0.3.${index % 250}`,
    user: `incident-agent-${index % 50}`,
    backend: BACKENDS[index % REFUSED_EVERY] as string,
    jsonrpc_id: { json: String(index) },
    trace_id: index.toString(16).padStart(32, "0"),
    span_id: index.toString(16).padStart(16, "0"),
    tool_name: TOOLS[index % TOOLS.length] as string,
    tool_args: { json: `{"namespace":"production","labelSelector":"app=payment-service","limit":${index}}` },
  });
}
