import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { nginxConf } from "./nginx-conf.ts";
import type { Project } from "./project.ts";

export interface Started {
  readonly pid: number;
  readonly origin: string;
}

export interface StartedGateway extends Started {
  readonly admin: string;
  readonly auditFile: string;
  /** Ends it as the cluster does, and waits until it has ended. */
  readonly stop: () => Promise<void>;
}

export interface GatewayFlags {
  readonly node?: readonly string[];
  readonly gateway?: readonly string[];
  /** Default: the built one. */
  readonly launcher?: string;
}

export const LAUNCHER = join(process.cwd(), "bin", "mcpctl.js");
const HERE = join(process.cwd(), "test", "bench");

/** The processes of one benchmark, in one temporary folder; all are gone after `stop`. */
export class BenchServers {
  readonly folder: string;
  readonly #children: ChildProcess[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    // An error that nobody caught, or a signal: nginx would stay, for it cannot see that the bench is gone.
    process.once("exit", () => {
      for (const child of this.#children) child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    });
  }

  static async create(): Promise<BenchServers> {
    return new BenchServers(await mkdtemp(join(tmpdir(), "mcpctl-bench-")));
  }

  /** One of the bench's own servers, which print their port. */
  async startScript(name: string, ...args: readonly string[]): Promise<Started> {
    const child = this.#spawnNode([join(HERE, name), ...args], this.folder);
    const [, port] = await printed(child, "stdout", /^(\d+)\n/, name);
    return { pid: child.pid as number, origin: `http://127.0.0.1:${port}` };
  }

  /** The gateway from the built launcher. */
  async startGateway(project: Project, flags: GatewayFlags = {}): Promise<StartedGateway> {
    // Not beside the files that are followed: every record would be announced there as a change.
    const auditFile = join(await mkdtemp(join(this.folder, "audit-")), "audit.jsonl");
    const addresses = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    const args = [
      flags.launcher ?? LAUNCHER,
      "gateway",
      "start",
      ...addresses,
      "--audit",
      auditFile,
      ...(flags.gateway ?? []),
    ];
    const child = this.#spawnNode([...(flags.node ?? []), ...args], project.folder);
    const serving = /Serving (http:\/\/[^/]+)\/.*admin at (http:\/\/[\d.]+:\d+)/;
    const [, origin, admin] = await printed(child, "stderr", serving, "the gateway");
    const readiness = await fetch(`${admin}/readyz`);
    if (!readiness.ok) throw new Error(`the gateway is not ready: ${await readiness.text()}`);
    const stop = (): Promise<void> => ended(child);
    return { pid: child.pid as number, origin: origin as string, admin: admin as string, auditFile, stop };
  }

  /** nginx with a static key map and a JSON access log in front of the same backend; null where there is no nginx. */
  async startNginx(project: Project, backend: Started): Promise<Started | null> {
    if (spawnSync("nginx", ["-v"]).error !== undefined) return null;
    const port = await freePort();
    const conf = join(project.folder, "nginx.conf");
    const tokens = project.keys.map(({ token }) => token.reveal());
    await writeFile(conf, nginxConf({ folder: project.folder, port, backend: new URL(backend.origin).host, tokens }));
    const child = spawn("nginx", ["-p", project.folder, "-c", conf], { stdio: ["ignore", "ignore", "pipe"] });
    this.#children.push(child);
    for (let tries = 0; !(await answers(port)); tries += 1) {
      if (tries > 200 || child.exitCode !== null)
        throw new Error(`nginx did not start: ${String(child.stderr.read() ?? "")}`);
      await delay(20);
    }
    return { pid: child.pid as number, origin: `http://127.0.0.1:${port}` };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map(ended));
    await rm(this.folder, { recursive: true, force: true });
  }

  /** With a channel, by whose end they see that the bench is gone. */
  #spawnNode(args: readonly string[], cwd: string): ChildProcess {
    const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    this.#children.push(child);
    return child;
  }
}

async function printed(
  child: ChildProcess,
  stream: "stdout" | "stderr",
  ready: RegExp,
  what: string,
): Promise<RegExpExecArray> {
  const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
  let text = "";
  const take = (chunk: Buffer): void => {
    text += chunk.toString();
    const match = ready.exec(text);
    if (match) resolve(match);
  };
  child.stdout?.on("data", stream === "stdout" ? take : (chunk: Buffer) => process.stderr.write(chunk));
  child.stderr?.on("data", stream === "stderr" ? take : (chunk: Buffer) => process.stderr.write(chunk));
  child.once("exit", () => reject(new Error(`${what} ended: ${text}`)));
  return promise;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}

function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
