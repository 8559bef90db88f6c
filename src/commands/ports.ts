import type { ChalkInstance } from "chalk";
import type { IamSession } from "../lib/aws/iam-session.ts";
import type { Config } from "../lib/config/config.ts";
import type { KubeApi, KubeApiOptions } from "../lib/cluster/kube-api.ts";
import type { KeyStore } from "../lib/keys/key-store.ts";
import type { DeliveryJournals } from "../lib/keys/undelivered.ts";

/** Where a token goes. It is opened before anything is minted, so that a key never waits for a place. */
export interface TokenSink {
  /** For people: `standard output`, or the file's path. */
  readonly label: string;
  /** The file's absolute path, or the Secret as it was written; null for standard output. */
  readonly path: string | null;
  /** Ends only when the text is where it was asked for. @throws AppError unavailable */
  deliver(text: string): Promise<void>;
  /** Ends the use of a sink that something was delivered to. */
  close(): Promise<void>;
  /** Ends it by taking back what was opened and never used. */
  discard(): Promise<void>;
}

/** Where the tokens of many users go: a file for each, readable by its owner alone. */
export interface FolderSink {
  readonly label: string;
  /** The file of a user; `isLines` for one that may hold many tokens, a line each, and is added to. */
  of(user: string, extension: string, isLines: boolean): Promise<TokenSink>;
  close(): Promise<void>;
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
  /** The same without the user's own file: what a file of the project says must not depend on who checks it. */
  readonly projectConfig: () => Promise<Config>;
  /** The store of the current context. */
  readonly store: () => Promise<KeyStore>;
  /**
   * The API server of a kubeconfig context; null for the one of the pod this runs in, or else of the current context.
   * @throws AppError
   */
  readonly kube: (context: string | null, options?: KubeApiOptions) => Promise<KubeApi>;
  /** IAM, with the AWS credentials in use, of whatever account they are. */
  readonly iam: () => Promise<IamSession>;
  /** Every entry of the `tools/list` of the MCP server at this address, which gets the token in MCPCTL_MCP_TOKEN. @throws AppError */
  readonly listTools: (url: string) => Promise<readonly unknown[]>;
  /** What this machine keeps of keys of that store between their making and their delivery. */
  readonly journals: () => Promise<DeliveryJournals>;
  /** A path as people know it: relative to where they stand, when it lies below. */
  readonly label: (path: string) => string;
  /** Adds a receipt to this user's admin log; says where it stands. @throws AppError unavailable */
  readonly recordReceipt: (receipt: object) => Promise<string>;
  /** Shows the lines and asks. @throws AppError usage when there is no terminal to ask on, or the answer is no. */
  readonly confirm: (lines: readonly string[], question: string) => Promise<void>;
  /**
   * Shows the lines, if any, and asks for one line of text; null where there is no terminal to ask on.
   * @throws AppError usage at the end of input, interrupted at Ctrl-C
   */
  readonly ask: ((lines: readonly string[], question: string) => Promise<string>) | null;
  readonly stdoutIsTerminal: boolean;
  readonly stdoutIsDiscarded: boolean;
  /** How wide the terminal of standard output is; 80 where that is not known. */
  readonly columns: number;
  /**
   * `out` null is standard output, `secret:NAMESPACE/NAME` a Secret of the context's cluster, which may hold the token of the
   * key whose hash is `replaces`. @throws AppError conflict when it exists, unavailable when it cannot be made.
   */
  readonly sink: (out: string | null, replaces?: string) => Promise<TokenSink>;
  /** Does the place that a {@link TokenSink.path} names hold the token of this key hash? @throws AppError */
  readonly holdsToken: (path: string, hash: string) => Promise<boolean>;
  /** A folder with a file for each user, made when it is not there. @throws AppError */
  readonly folderSink: (folder: string) => Promise<FolderSink>;
  /** What a person types at a terminal, not shown; null where standard input is no terminal. @throws AppError interrupted */
  readonly secret: (question: string) => Promise<string | null>;
  /** Standard input, in parts as they come. @throws AppError usage on a terminal */
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** One line of data on stdout while work goes on. @throws AppError unavailable when it cannot be written */
  readonly print: (line: string) => Promise<void>;
  /** Colours for what `print` shows; none where they do not belong. */
  readonly paint: ChalkInstance;
  /** One line on a terminal that the next one replaces; null takes it away. Nothing elsewhere. */
  readonly progress: (line: string | null) => void;
  /** Prose for stderr while work goes on. */
  readonly tell: (line: string) => void;
}
