import type { Io, Output } from "../../src/io.ts";

export interface MemoryIoOptions {
  readonly cwd: string;
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether standard output is a terminal. */
  readonly outIsTerminal?: boolean;
  /** How wide it is; 80 unless given. */
  readonly columns?: number;
  /** Whether standard error is one; as standard output unless given. */
  readonly errIsTerminal?: boolean;
  /** What a person types, one answer a question; null, the default, for no terminal to ask on. */
  readonly answers?: readonly string[] | null;
  /** What comes in on standard input; a terminal unless given. */
  readonly stdin?: string | Uint8Array;
  /** What every write to standard output fails with. */
  readonly outFails?: Error;
  readonly signal?: AbortSignal;
}

/** The outside of one run, kept in memory. */
export interface MemoryIo {
  readonly io: Io;
  readonly out: () => string;
  readonly err: () => string;
  /** The questions asked, in order. */
  readonly asked: readonly string[];
}

export function memoryIo(options: MemoryIoOptions): MemoryIo {
  const written = { out: "", err: "" };
  const asked: string[] = [];
  const answers = [...(options.answers ?? [])];
  const outIsTerminal = options.outIsTerminal ?? false;
  const outputOf = (name: "out" | "err", isTerminal: boolean): Output => ({
    isTerminal,
    isDiscarded: false,
    write: async (text) => {
      if (name === "out" && options.outFails !== undefined) throw options.outFails;
      written[name] += text;
    },
  });
  const ask = async (question: string): Promise<string> => {
    asked.push(question);
    const answer = answers.shift();
    if (answer === undefined) throw new Error(`nobody was to be asked: ${question}`);
    return answer;
  };
  return {
    io: {
      stdout: outputOf("out", outIsTerminal),
      stderr: outputOf("err", options.errIsTerminal ?? outIsTerminal),
      askHidden: options.answers == null ? null : ask,
      stdin: options.stdin === undefined ? null : () => parts(options.stdin ?? ""),
      ask: options.answers == null ? null : ask,
      columns: options.columns ?? 80,
      env: options.env ?? {},
      cwd: options.cwd,
      home: options.home ?? options.cwd,
      signal: options.signal ?? new AbortController().signal,
    },
    out: () => written.out,
    err: () => written.err,
    asked,
  };
}

async function* parts(input: string | Uint8Array): AsyncIterable<Uint8Array> {
  yield Buffer.from(input);
}

/** An error of the operating system, as `fs` throws them. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made up by a test`), { code });
}
