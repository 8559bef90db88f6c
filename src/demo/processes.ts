import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { AppError } from "../lib/errors.ts";

/** How long a process may take to say that it is ready, or to stop. */
const PATIENCE_MS = 20_000;

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The processes that the demo started; none of them outlives `stopAll`. */
export class Processes {
  readonly #children = new Set<ChildProcess>();
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** Runs a Node script to its end. */
  async run(script: string, args: readonly string[], cwd: string): Promise<Finished> {
    const child = this.#start(script, args, cwd);
    const [out, err] = [collect(child.stdout), collect(child.stderr)];
    const [code] = (await once(child, "close")) as [number | null];
    return { code, out: out(), err: err() };
  }

  /** Starts a Node script and waits until it prints what `ready` finds; returns the match. */
  async startServer(
    script: string,
    args: readonly string[],
    cwd: string,
    stream: "stdout" | "stderr",
    ready: RegExp,
  ): Promise<RegExpExecArray> {
    const child = this.#start(script, args, cwd);
    const texts = { stdout: collect(child.stdout), stderr: collect(child.stderr) };
    return new Promise((done, fail) => {
      const give = (why: string): void =>
        fail(
          new AppError(
            "unavailable",
            "demo_process_failed",
            `${args[0] ?? script} ${why}: ${texts.stderr().trim().slice(-500)}`,
          ),
        );
      const timer = setTimeout(() => give("did not become ready"), PATIENCE_MS);
      child.once("close", () => {
        clearTimeout(timer);
        give("ended");
      });
      child[stream]?.on("data", () => {
        const match = ready.exec(texts[stream]());
        if (match === null) return;
        clearTimeout(timer);
        done(match);
      });
    });
  }

  /** Asks every process to stop and waits until it has; one that does not is killed. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#children].map(stop));
  }

  #start(script: string, args: readonly string[], cwd: string): ChildProcess {
    const child = spawn(process.execPath, [script, ...args], {
      cwd,
      env: this.#env,
      // The channel ends with this process, and what it started with it.
      stdio: ["pipe", "pipe", "pipe", "ipc"],
    });
    this.#children.add(child);
    child.once("close", () => this.#children.delete(child));
    return child;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  child.kill("SIGTERM");
  await closed;
  clearTimeout(timer);
}

/** Reads a stream to its end: one that nobody reads would keep its process from ever closing. */
function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = "";
  stream?.setEncoding("utf8");
  stream?.on("data", (chunk: string) => (text += chunk));
  return () => text;
}
