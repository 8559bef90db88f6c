import type { ChalkInstance } from "chalk";
import type { Config } from "../lib/config/config.ts";
import type { KeyStore } from "../lib/keys/key-store.ts";

/** Where a token goes. It is opened before anything is minted, so that a key never waits for a place. */
export interface TokenSink {
  /** For people: `standard output`, or the file's path. */
  readonly label: string;
  /** Ends only when the text is where it was asked for. @throws AppError unavailable */
  deliver(text: string): Promise<void>;
  /** Ends the use of a sink that something was delivered to. */
  close(): Promise<void>;
  /** Ends it by taking back what was opened and never used. */
  discard(): Promise<void>;
}

/** Everything a command may touch; each is built only when it is asked for. */
export interface Ports {
  readonly now: () => number;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Who acts, as the operating system says. */
  readonly author: string;
  /** Aborted at the first Ctrl-C. */
  readonly signal: AbortSignal;
  readonly cwd: string;
  readonly config: () => Promise<Config>;
  /** The store of the current context. */
  readonly store: () => Promise<KeyStore>;
  /** A path as people know it: relative to where they stand, when it lies below. */
  readonly label: (path: string) => string;
  /** Shows the lines and asks. @throws AppError usage when there is no terminal to ask on, or the answer is no. */
  readonly confirm: (lines: readonly string[], question: string) => Promise<void>;
  readonly stdoutIsTerminal: boolean;
  readonly stdoutIsDiscarded: boolean;
  /** `out` null is standard output. @throws AppError conflict when the file exists, unavailable when it cannot be made. */
  readonly sink: (out: string | null) => Promise<TokenSink>;
  /** One line of data on stdout while work goes on. @throws AppError unavailable when it cannot be written */
  readonly print: (line: string) => Promise<void>;
  /** Colours for what `print` shows; none where they do not belong. */
  readonly paint: ChalkInstance;
  /** Prose for stderr while work goes on. */
  readonly tell: (line: string) => void;
}
