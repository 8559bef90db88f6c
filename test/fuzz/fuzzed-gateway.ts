import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { backendsYaml, keysJsonOf, ROLES_YAML, type Holders } from "./world.ts";

/** A gateway in a process of its own, seen from outside. */
export interface FuzzedGateway {
  readonly port: number;
  readonly adminUrl: string;
  readonly auditFile: string;
  /** What it logged beside the files it read. */
  complaints(): readonly string[];
  hasEnded(): boolean;
  /** Its memory after garbage was collected. */
  memory(): Promise<Memory>;
  descriptors(): number;
  stop(): Promise<void>;
}

export interface Memory {
  /** What objects and buffers take. */
  readonly heldMiB: number;
  readonly rssMiB: number;
}

export async function startFuzzedGateway(holders: Holders, backendOrigin: string): Promise<FuzzedGateway> {
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-fuzz-"));
  const files = {
    "keys.json": keysJsonOf(holders),
    "denylist.json": '{"locks":[],"removed":[]}',
    "roles.yaml": ROLES_YAML,
    "backends.yaml": backendsYaml(backendOrigin),
  };
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
  const script = fileURLToPath(new URL("gateway-process.ts", import.meta.url));
  const child = spawn(process.execPath, ["--expose-gc", script, folder], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => undefined);
  let logged = "";
  child.stderr.on("data", (chunk: Buffer) => (logged += chunk.toString()));
  const lines = createInterface(child.stdout);
  const exit = once(child, "exit");
  const line = async (): Promise<string> => {
    const [next] = (await Promise.race([once(lines, "line"), exit.then(() => [null])])) as [string | null];
    if (next === null) throw new Error(`the gateway ended: ${logged}`);
    return next;
  };
  const { url, adminUrl } = JSON.parse(await line()) as { url: string; adminUrl: string };
  return {
    port: Number(new URL(url).port),
    adminUrl,
    auditFile: join(folder, "audit.jsonl"),
    complaints: () => logged.split("\n").filter((text) => text !== "" && !text.endsWith(" is read and in force")),
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    memory: async () => {
      child.stdin.write("\n");
      return JSON.parse(await line()) as Memory;
    },
    descriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
    stop: async () => {
      child.stdin.end();
      await exit;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
