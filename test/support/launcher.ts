import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const LAUNCHER = resolve("bin/mcpctl.js");

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Launched {
  kill(signal: NodeJS.Signals): void;
  /** `code` is null when a signal ended it. */
  readonly finished: Promise<Finished>;
}

export interface LaunchedGateway {
  readonly url: string;
  readonly admin: string;
  readonly pid: number;
  readonly stop: () => Promise<Finished>;
}

/** The example project in a temporary folder, and the launcher started in it as a person would start it. */
export class LaunchedProject {
  readonly folder: string;
  /** Everything that any process printed, in the order it ended. */
  readonly printed: string[] = [];
  readonly #env: NodeJS.ProcessEnv;
  readonly #running = new Set<ChildProcess>();

  private constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.#env = {
      PATH: process.env["PATH"],
      HOME: folder,
      XDG_CONFIG_HOME: folder,
      TMPDIR: join(folder, "tmp"),
      ...env,
    };
  }

  /** `env` is added to the little that every process gets. */
  static async create(env: NodeJS.ProcessEnv = {}): Promise<LaunchedProject> {
    const folder = await mkdtemp(join(tmpdir(), "mcpctl-launched-"));
    await mkdir(join(folder, "tmp"));
    for (const name of ["roles.yaml", "backends.yaml"]) await cp(join("examples", name), join(folder, name));
    return new LaunchedProject(folder, env);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Runs mcpctl to its end. */
  mcpctl(...args: readonly string[]): Promise<Finished> {
    return this.run(process.execPath, [LAUNCHER, ...args]);
  }

  async run(command: string, args: readonly string[]): Promise<Finished> {
    return this.#finish(this.#start(command, args));
  }

  /** Starts mcpctl, to be sent signals while it runs. */
  launch(...args: readonly string[]): Launched {
    const child = this.#start(process.execPath, [LAUNCHER, ...args]);
    return { kill: (signal) => void child.kill(signal), finished: this.#finish(child) };
  }

  /** Starts the gateway on free ports; `stop` sends SIGTERM and gives how it ended. */
  async startGateway(...args: readonly string[]): Promise<LaunchedGateway> {
    return this.startGatewayUnder("", ...args);
  }

  /** The same after shell commands like `ulimit -n 120;`. */
  async startGatewayUnder(commands: string, ...args: readonly string[]): Promise<LaunchedGateway> {
    const all = [LAUNCHER, "gateway", "start", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", ...args];
    const child = this.#start("bash", ["-c", `${commands} exec "$0" "$@"`, process.execPath, ...all]);
    const texts = this.#collect(child);
    const ready = await new Promise<RegExpExecArray>((done, fail) => {
      child.stderr?.on("data", () => {
        const match = /Serving (http:\/\/[^/]+)\/.* admin at (http:\/\/\S+)\./.exec(texts().err);
        if (match !== null) done(match);
      });
      child.once("close", () => fail(new Error(`the gateway ended: ${texts().err}`)));
    });
    const stop = async (): Promise<Finished> => {
      const closed = once(child, "close");
      child.kill("SIGTERM");
      const [code] = (await closed) as [number | null];
      return { code, ...texts() };
    };
    return { url: ready[1] as string, admin: ready[2] as string, pid: child.pid as number, stop };
  }

  async remove(): Promise<void> {
    for (const child of this.#running) child.kill("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }

  #start(command: string, args: readonly string[]): ChildProcess {
    const child = spawn(command, args, { cwd: this.folder, env: this.#env, stdio: ["ignore", "pipe", "pipe"] });
    this.#running.add(child);
    child.once("close", () => this.#running.delete(child));
    return child;
  }

  async #finish(child: ChildProcess): Promise<Finished> {
    const texts = this.#collect(child);
    const [code] = (await once(child, "close")) as [number | null];
    return { code, ...texts() };
  }

  #collect(child: ChildProcess): () => { out: string; err: string } {
    const texts = { out: "", err: "" };
    child.stdout?.on("data", (chunk: Buffer) => (texts.out += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (texts.err += chunk.toString()));
    child.once("close", () => this.printed.push(texts.out, texts.err));
    return () => texts;
  }
}
