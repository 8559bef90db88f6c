/** What went wrong, in the product's own words; two tables translate it (exit codes here, HTTP in the gateway). */
export type ErrorKind =
  | "usage"
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "not-found"
  | "conflict"
  | "unavailable"
  | "interrupted";

/** The exit codes of the command line; each is documented in README. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 70 | 130;

/** Exit code of a bug: any thrown value that is not an {@link AppError}. */
export const EXIT_BUG: ExitCode = 70;

/** Which exit code does an error of this kind end the process with? */
export const EXIT_BY_KIND: Readonly<Record<ErrorKind, ExitCode>> = {
  usage: 2,
  invalid: 3,
  unauthenticated: 4,
  forbidden: 4,
  "not-found": 3,
  conflict: 3,
  unavailable: 5,
  interrupted: 130,
};

export interface AppErrorOptions {
  /** What to do next, in one sentence. */
  readonly hint?: string;
  /** The failure underneath; shown only with `--debug`, never sent to a client. */
  readonly cause?: unknown;
}

/**
 * An expected failure. `message` is safe to show, `code` is stable and documented;
 * details of an SDK or the operating system stay in `cause`.
 */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly kind: ErrorKind;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(kind: ErrorKind, code: string, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.code = code;
    this.hint = options.hint;
  }
}

/** A message as part of a sentence that goes on: without its full stop, where it has one. */
export function clause(message: string): string {
  return message.replace(/\.$/, "");
}
