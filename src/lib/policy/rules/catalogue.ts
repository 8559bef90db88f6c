import type { Severity } from "../source.ts";

/** What a rule needs beside the role file and the registry; without it the rule is skipped, and counted as skipped. */
export type RuleNeed = "keys" | "base" | "option";

/** One rule of `roles check` or, from MC601 on, of `verify`; docs/rules/<code>.md is its page. */
export interface Rule {
  readonly code: string;
  readonly slug: string;
  readonly severity: Severity;
  /** What is wrong, as a heading. */
  readonly title: string;
  /** Whether `--fix` mends it, where that is safe. */
  readonly isFixable: boolean;
  /**
   * Whether a file that breaks it cannot be read as a policy: the gateway keeps its last good one, and the rule can be neither
   * configured nor suppressed.
   */
  readonly isFatal: boolean;
  readonly needs: readonly RuleNeed[];
}

type Traits = Partial<Pick<Rule, "isFixable" | "isFatal" | "needs">>;

function rule(code: string, slug: string, severity: Severity, title: string, traits: Traits = {}): Rule {
  return { code, slug, severity, title, isFixable: false, isFatal: false, needs: [], ...traits };
}

const FATAL = { isFatal: true } as const;

/** Every rule, by its code. */
export const RULES: readonly Rule[] = [
  rule("MC001", "yaml-syntax", "error", "YAML that cannot be read", FATAL),
  rule("MC002", "schema", "error", "A field, name or value that the schema does not know", FATAL),
  rule("MC003", "unknown-backend", "error", "A grant to a backend that the registry lacks"),
  rule("MC004", "duplicate-backend", "error", "A backend twice in one role", { isFatal: true, isFixable: true }),
  rule("MC005", "empty-role", "warning", "A role that is granted nothing"),
  rule("MC006", "nothing-checked", "error", "Nothing to check", FATAL),
  rule("MC101", "duplicate-name", "error", "A name twice", FATAL),
  rule("MC102", "merge-key", "error", "A merge key", FATAL),
  rule("MC103", "alias", "warning", "An alias that repeats what stands elsewhere"),
  rule("MC104", "word-read-two-ways", "error", "A word that YAML 1.1 reads as a boolean", {
    isFatal: true,
    isFixable: true,
  }),
  rule("MC105", "number-read-two-ways", "error", "A number that YAML 1.1 reads as another", {
    isFatal: true,
    isFixable: true,
  }),
  rule("MC106", "tab-indentation", "error", "Tabs as indentation", FATAL),
  rule("MC107", "folded-item", "error", "Two items of a list that are read as one", FATAL),
  rule("MC108", "glued-comment", "error", "A comment glued to a name", FATAL),
  rule("MC109", "tag-or-directive", "error", "A tag or directive that changes how a value is read", FATAL),
  rule("MC110", "parser-differential", "error", "A character on which parsers differ", FATAL),
  rule("MC201", "name-convention", "info", "A backend whose name breaks the team's convention", { needs: ["option"] }),
  rule("MC202", "name-contradicts-registry", "error", "A backend whose name says other than its fields"),
  rule("MC203", "case", "error", "A name in the wrong case", FATAL),
  rule("MC204", "confusable", "error", "A name that looks like another, or text that does not look like what it is"),
  rule("MC205", "reserved-character", "error", "A name with a character that separates parts", FATAL),
  rule("MC301", "read-only-role-writes", "error", "A role that is called read-only, and may write"),
  rule("MC302", "production-write", "error", "Write access to production without a stated reason"),
  rule("MC303", "writes-to-two-environments", "error", "A role that writes to two environments"),
  rule("MC304", "reads-from-two-environments", "info", "A role that reads production and another environment"),
  rule("MC305", "wildcard", "error", "A wildcard where names belong"),
  rule("MC306", "toxic-combination", "error", "Grants that are dangerous together"),
  rule("MC307", "read-and-write-of-one-target", "warning", "Read and write access to the same target"),
  rule("MC308", "self-administration", "error", "A role that can reach the keys or roles themselves"),
  rule("MC401", "equal-role", "warning", "A role that grants the same as another"),
  rule("MC402", "superset-role", "info", "A role that grants all of another, and more"),
  rule("MC403", "unused-role", "warning", "A role without a live key", { needs: ["keys"] }),
  rule("MC404", "ungranted-backend", "warning", "A backend that no role is granted"),
  rule("MC405", "role-growth", "warning", "A role that grew by more than a few grants", { needs: ["base"] }),
  rule("MC406", "no-owner", "info", "A role that names no owner", { needs: ["option"] }),
  rule("MC407", "stale-suppression", "warning", "A suppression that is unused, expired or incomplete", {
    isFixable: true,
  }),
  rule("MC501", "orphan-key", "error", "A live key of a role that does not exist", { needs: ["keys"] }),
  rule("MC502", "key-never-expires", "warning", "A live key without an end", { needs: ["keys"] }),
  rule("MC503", "stale-keys", "info", "Old keys, or many of one user", { needs: ["keys"] }),
  rule("MC504", "store-capacity", "warning", "Keys that soon no Secret can hold", { needs: ["keys"] }),
  rule("MC505", "role-removal-breaks-keys", "error", "A role is gone that live keys have", { needs: ["keys", "base"] }),
  rule(
    "MC601",
    "read-only-backend-writes-in-kubernetes",
    "error",
    "A read-only backend whose ServiceAccount may write",
  ),
  rule("MC602", "read-only-backend-writes-in-aws", "error", "A read-only backend whose IAM role may write"),
  rule("MC603", "shared-service-account", "error", "A backend without a ServiceAccount of its own"),
  rule("MC604", "shared-iam-role", "error", "A backend without an IAM role of its own"),
  rule("MC605", "cluster-admin", "error", "An MCP server that is cluster-admin"),
  rule("MC606", "open-network", "error", "An MCP server that others than the gateway can reach"),
  rule("MC607", "way-round-the-gateway", "warning", "Somebody who can get round the gateway"),
  rule("MC608", "tool-not-listed", "warning", "A tool of the registry that the server does not list"),
  rule("MC609", "tool-not-registered", "warning", "A tool that the server lists and the registry does not name"),
  rule(
    "MC610",
    "destructive-tool-of-read-only-backend",
    "error",
    "A read-only backend with a tool that calls itself destructive",
  ),
  rule("MC611", "unusable-fact", "warning", "A manifest or policy that cannot be used"),
  rule("MC612", "dangling-binding", "warning", "A binding of a backend to a role that does not exist"),
];

/** The rules of `roles check`; the others are of `verify`. */
export const CHECK_RULES: readonly Rule[] = RULES.filter(({ code }) => code < "MC6");
export const VERIFY_RULES: readonly Rule[] = RULES.filter(({ code }) => code >= "MC6");

const BY_CODE: ReadonlyMap<string, Rule> = new Map(RULES.map((each) => [each.code, each]));

/** @throws Error for a code that is not in the catalogue: a bug. */
export function ruleOf(code: string): Rule {
  const found = BY_CODE.get(code);
  if (found === undefined) throw new Error(`there is no rule ${code}`);
  return found;
}

export function isRuleCode(code: string): boolean {
  return BY_CODE.has(code);
}
