/** One of the process's output streams. */
export interface Output {
  readonly isTerminal: boolean;
  /** Whether whatever is written is lost: the stream is closed, or the null device. */
  readonly isDiscarded: boolean;
  /** Ends when the text was taken by the system. @throws the system's error when it was not. */
  write(text: string): Promise<void>;
}

/** What `ask` gives at the end of input (Ctrl-D); nobody types it. */
export const END_OF_INPUT = "\u0004";

/** Everything of the outside that a run of the program sees. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Asks a person for one line; null when there is no terminal to ask on. */
  readonly ask: ((question: string) => Promise<string>) | null;
  /** The same without showing what is typed. */
  readonly askHidden: ((question: string) => Promise<string>) | null;
  /** What comes in on standard input, in parts; null when that is a terminal. */
  readonly stdin: (() => AsyncIterable<Uint8Array>) | null;
  /** How wide the terminal of standard output is; 80 where there is none, or it does not say. */
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  /** Aborted at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}
