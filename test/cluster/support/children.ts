import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Finished } from "../../support/launcher.ts";
import { createServer, type AddressInfo } from "node:net";

/** What a server printed last, for when it fails. */
const KEPT_BYTES = 4_000_000;
const READY_MS = 60_000;

/** A server that a test started: it can be killed, stopped for a while, and is gone when the test is. */
export interface Child {
  readonly pid: number;
  /** What it printed last. */
  log(): string;
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** Whatever runs when the test process ends is ended with it. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export interface StartedChild extends Child {
  readonly finished: Promise<Finished>;
}

export function startChild(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = ".",
): StartedChild {
  const child = spawn(command, args, {
    cwd,
    env: { PATH: process.env["PATH"], HOME: "/nonexistent", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (texts.out = (texts.out + chunk.toString()).slice(-KEPT_BYTES)));
  child.stderr.on("data", (chunk: Buffer) => (texts.err = (texts.err + chunk.toString()).slice(-KEPT_BYTES)));
  const finished = once(child, "close").then(([code]) => ({ code: code as number | null, ...texts }));
  running.add(child);
  return {
    finished,
    pid: child.pid ?? 0,
    log: () => texts.out + texts.err,
    signal: (signal) => void child.kill(signal),
    stop: async () => {
      running.delete(child);
      if (child.exitCode !== null || child.signalCode !== null) return;
      // One that was stopped takes no notice of any other signal.
      child.kill("SIGKILL");
      await finished;
    },
  };
}

/** A port that nobody uses now; servers that cannot choose one themselves get it. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, host, done));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((done) => server.close(() => done()));
  return port;
}

/** Asks until the answer is not null. @throws after a minute, with what `explain` says */
export async function eventually<T>(ask: () => Promise<T | null>, explain: () => string, ms = READY_MS): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const answer = await ask().catch(() => null);
    if (answer !== null) return answer;
    if (performance.now() > deadline) throw new Error(explain());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
