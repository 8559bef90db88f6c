import type { ChalkInstance } from "chalk";

/** What a command answers, before anyone has decided how it looks. */
export interface View {
  /** What `-o json` and `-o yaml` print; it has a schema under schemas/output. */
  readonly data: unknown;
  /** A projection of `data` for `-o table`. */
  readonly table?: Table;
  /** The form for people where a table does not fit, e.g. findings with their excerpts. */
  readonly text?: (paint: ChalkInstance) => string;
  /** What `-o name` prints, one a line. */
  readonly names?: readonly string[];
  /** Forms of this one command, e.g. `sarif`: whole texts for other programs, which escape what they must themselves. */
  readonly forms?: Readonly<Partial<Record<OwnForm, () => string | Promise<string>>>>;
}

export interface Table {
  readonly columns: readonly string[];
  /** Read once, row by row: there may be very many. */
  readonly rows: Iterable<readonly string[]>;
}

export const OWN_FORMS = ["compact", "github", "sarif", "junit", "markdown", "mermaid", "dot", "svg"] as const;
export type OwnForm = (typeof OWN_FORMS)[number];

export type Format = "table" | "text" | "json" | "yaml" | "name" | "csv" | OwnForm;
