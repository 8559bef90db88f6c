import type { Finding } from "./source.ts";

/** A finding that a comment silences, and the reason that the comment gives. */
export interface Suppressed {
  readonly finding: Finding;
  readonly reason: string;
}

/** A rule that was not run. */
export interface Skipped {
  readonly code: string;
  /** `off`, or what it would need: `no keys were read (--keys)`. */
  readonly why: string;
}

/** What a check looked at and what it found. */
export interface CheckReport {
  /** For a summary: `roles check`. */
  readonly title: string;
  /** Every file that was checked, as people know it, with what it holds. */
  readonly files: readonly { readonly label: string; readonly contents: string }[];
  /** File by file in the order given, in document order within each. */
  readonly findings: readonly Finding[];
  readonly suppressed: readonly Suppressed[];
  readonly skipped: readonly Skipped[];
}
