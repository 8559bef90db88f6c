import process from "node:process";
import { run } from "./cli.ts";
import { EXIT_BY_KIND } from "./lib/errors.ts";
import { processIo } from "./process-io.ts";

/** Runs the process's command line; the first SIGINT or SIGTERM asks the command to stop, a second one insists. */
export async function main(): Promise<void> {
  quietExperiments();
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(EXIT_BY_KIND.interrupted);
      stop.abort();
    });
  }
  process.exitCode = await run(process.argv.slice(2), processIo(stop.signal));
}

/** Node 22 and 24 call node:sqlite experimental at every use; that is for us to know and not for our users. */
function quietExperiments(): void {
  process.removeAllListeners("warning");
  process.on("warning", ({ name, message }) => {
    if (name !== "ExperimentalWarning") process.stderr.write(`warning: ${message}\n`);
  });
}
