import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** What a server printed last, for when it fails. */
const KEPT_BYTES = 8_000;
const READY_MS = 60_000;

/** A server that a test started: it can be killed, stopped for a while, and is gone when the test is. */
export interface Child {
  readonly pid: number;
  /** What it printed last. */
  log(): string;
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export function startChild(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Child & { readonly process: ChildProcess } {
  const child = spawn(command, args, {
    env: { PATH: process.env["PATH"], HOME: "/nonexistent", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-KEPT_BYTES);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  return {
    process: child,
    pid: child.pid ?? 0,
    log: () => log,
    signal: (signal) => void child.kill(signal),
    stop: async () => {
      process.removeListener("exit", killAtExit);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, "close");
      // One that was stopped takes no notice of any other signal.
      child.kill("SIGKILL");
      await closed;
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
