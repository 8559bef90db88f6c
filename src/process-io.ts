import { homedir } from "node:os";
import process from "node:process";
import type { Io, Output } from "./io.ts";
import { AppError } from "./lib/errors.ts";

/** The real process as an {@link Io}; `signal` is aborted at the first SIGINT or SIGTERM. */
export function processIo(signal: AbortSignal): Io {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    ask: process.stdin.isTTY && process.stderr.isTTY ? (question) => ask(question, signal) : null,
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    signal,
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  // Without a listener a closed pipe would end the process before anyone could answer for it; write() reports it.
  stream.on("error", () => undefined);
  return {
    // Absent where there is no terminal, whatever its type says.
    isTerminal: stream.isTTY ?? false,
    write: (text) =>
      new Promise((done, fail) => {
        stream.write(text, (error) => (error ? fail(error) : done()));
      }),
  };
}

/** Ctrl-C, and an end of input, are a way out of every question. */
async function ask(question: string, signal: AbortSignal): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((done) => terminal.once("close", () => done("")));
  try {
    return await Promise.race([terminal.question(question, { signal }), closed]);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new AppError("interrupted", "interrupted", "interrupted; nothing was changed", { cause: error });
  } finally {
    terminal.close();
  }
}
