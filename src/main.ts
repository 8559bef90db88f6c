import process from "node:process";
import { run } from "./cli.ts";
import { COMPLETE } from "./commands/cli.ts";
import { EXIT_BUG, EXIT_BY_KIND } from "./lib/errors.ts";
import { processIo } from "./process-io.ts";

/** Runs the process's command line; the first SIGINT, SIGTERM or SIGHUP asks the command to stop, a second one insists. */
export async function main(): Promise<void> {
  quietExperiments();
  for (const name of ["uncaughtException", "unhandledRejection"] as const) process.on(name, endAsBug);
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(EXIT_BY_KIND.interrupted);
      stop.abort();
    });
  }
  // Whoever started this and talks to it is gone: what it was started for is over too.
  process.once("disconnect", () => stop.abort());
  process.channel?.unref();
  process.exitCode = await run(process.argv.slice(2), processIo(stop.signal));
  // A shell waits for its completion: nothing that a store left open may keep it.
  if (process.argv[2] === COMPLETE) process.exit();
}

function endAsBug(error: unknown): void {
  process.stderr.write(`error: this is a bug in mcpctl\n${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(EXIT_BUG);
}

/** Node 22 and 24 call node:sqlite experimental at every use; that is for us to know and not for our users. */
function quietExperiments(): void {
  process.removeAllListeners("warning");
  process.on("warning", ({ name, message }) => {
    if (name !== "ExperimentalWarning") process.stderr.write(`warning: ${message}\n`);
  });
}
