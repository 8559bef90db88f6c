import { fstatSync, statSync } from "node:fs";
import { homedir } from "node:os";
import process from "node:process";
import { addAbortSignal, Writable } from "node:stream";
import { END_OF_INPUT, type Io, type Output } from "./io.ts";
import { AppError } from "./lib/errors.ts";

/** The real process as an {@link Io}; `signal` is aborted at the first SIGINT or SIGTERM. */
export function processIo(signal: AbortSignal): Io {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    ask: process.stdin.isTTY && process.stderr.isTTY ? (question) => ask(question, signal) : null,
    askHidden: process.stdin.isTTY ? (question) => ask(question, signal, true) : null,
    stdin: process.stdin.isTTY ? null : () => addAbortSignal(signal, process.stdin),
    // 0 on a terminal that nobody gave a size, as in some CI services.
    columns: process.stdout.columns || DEFAULT_COLUMNS,
    env: process.env,
    cwd: currentFolder(),
    home: homedir(),
    signal,
  };
}

const DEFAULT_COLUMNS = 80;

/** Node opens a closed descriptor as the null device, so that `>&-` and `>/dev/null` look alike. */
function isNullDevice(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).rdev === statSync("/dev/null").rdev;
  } catch {
    return false;
  }
}

/** `/` when the folder was removed: every path is then named in full, or not found. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    return "/";
  }
}

function outputOf(stream: NodeJS.WriteStream & { readonly fd: number }): Output {
  // Without a listener a closed pipe would end the process before anyone could answer for it; write() reports it.
  stream.on("error", () => undefined);
  return {
    // Absent where there is no terminal, whatever its type says.
    isTerminal: stream.isTTY ?? false,
    isDiscarded: isNullDevice(stream.fd),
    write: (text) =>
      new Promise((done, fail) => {
        stream.write(text, (error) => (error ? fail(error) : done()));
      }),
  };
}

function interrupted(): AppError {
  return new AppError("interrupted", "interrupted", "interrupted; nothing was changed");
}

/** Ctrl-C, and an end of input, are a way out of every question. */
async function ask(question: string, signal: AbortSignal, isHidden = false): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  if (isHidden) process.stderr.write(question);
  // Readline echoes to its output what is typed.
  const output = isHidden ? new Writable({ write: (_chunk, _encoding, done) => done() }) : process.stderr;
  const terminal = createInterface({ input: process.stdin, output, terminal: true });
  const closed = new Promise<string>((done, fail) => {
    terminal.once("SIGINT", () => fail(interrupted()));
    terminal.once("close", () => done(END_OF_INPUT));
  });
  try {
    const answer = await Promise.race([terminal.question(question, { signal }), closed]);
    if (isHidden || answer === END_OF_INPUT) process.stderr.write("\n");
    return answer;
  } catch (error) {
    process.stderr.write("\n");
    throw signal.aborted ? interrupted() : error;
  } finally {
    terminal.close();
  }
}
