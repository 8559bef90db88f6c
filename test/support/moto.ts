import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The account that moto gives every caller. */
export const MOTO_ACCOUNT = "123456789012";
/** Credentials for moto, which checks none. */
export const TEST_CREDENTIALS = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "test-only-not-a-secret" };

export interface MotoServer {
  readonly url: string;
  stop(): Promise<void>;
}

const REPOSITORY = resolve(fileURLToPath(import.meta.url), "../../..");
const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 5000;

/**
 * May tests that need moto run? Without it they are skipped, which is said on stderr; with
 * MCPCTL_REQUIRE_SERVERS=1 the answer is always yes, and {@link startMoto} fails.
 */
export function motoAvailable(): boolean {
  if (process.env["MCPCTL_REQUIRE_SERVERS"] === "1" || findMoto() !== null) return true;
  process.stderr.write(
    "NOT TESTED against SSM: moto_server is missing (python3 -m venv .venv && .venv/bin/pip install -r test/requirements.txt)\n",
  );
  return false;
}

/** A real moto server on a free port of 127.0.0.1, ready to answer. */
export async function startMoto(): Promise<MotoServer> {
  const executable = findMoto();
  if (executable === null) {
    throw new Error("moto_server is missing: set MCPCTL_MOTO_SERVER, or install test/requirements.txt into .venv");
  }
  const child = spawn(executable, ["-H", "127.0.0.1", "-p", "0"], { stdio: ["ignore", "pipe", "pipe"] });
  const stopAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", stopAtExit);
  const stop = async (): Promise<void> => {
    process.removeListener("exit", stopAtExit);
    await end(child);
  };
  try {
    const url = await announcedUrl(child);
    await answering(url);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function findMoto(): string | null {
  const named = process.env["MCPCTL_MOTO_SERVER"];
  if (named) return isExecutable(named) ? named : null;
  const folders = [join(REPOSITORY, ".venv/bin"), ...(process.env["PATH"] ?? "").split(delimiter).filter(Boolean)];
  return folders.map((folder) => join(folder, "moto_server")).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** moto chooses the port itself, so that no other process can take it in between. */
async function announcedUrl(child: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    let output = "";
    const deadline = setTimeout(() => failed(new Error(`moto_server named no port:\n${output}`)), START_DEADLINE_MS);
    const read = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4000);
      const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1];
      if (url === undefined) return;
      clearTimeout(deadline);
      found(url);
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("error", failed);
    child.once("exit", (code) => failed(new Error(`moto_server ended with code ${code}:\n${output}`)));
  });
}

async function answering(url: string): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  for (;;) {
    const status = await fetch(`${url}/moto-api/data.json`).then(
      (answer) => answer.status,
      () => null,
    );
    if (status === 200) return;
    if (Date.now() > deadline) throw new Error(`moto_server at ${url} does not answer (status ${status})`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const impatient = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
  await ended;
  clearTimeout(impatient);
}
