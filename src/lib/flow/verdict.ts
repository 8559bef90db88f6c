import type { Place } from "../policy/source.ts";

/** Where an answer is from; `nothing` where no fact was there to ask. */
export type Source = "file" | "live" | "nothing";

/** What a layer below the gateway says of one thing that a tool needs, and what decided it. */
export interface Verdict {
  readonly outcome: "allow" | "deny" | "unknown";
  /** A stable word for programs, e.g. `rule_allows`, `no_rule`, `facts_incomplete`, `argument_unknown`. */
  readonly reason: string;
  /** For people: the binding, role and rule, or the policy and statement, that decided; or why nothing did. */
  readonly text: string;
  /** Where that stands; null where it is no line of a file. */
  readonly place: Place | null;
  readonly source: Source;
  /** With `unknown`: what would decide it, each a sentence without a full stop. */
  readonly missing: readonly string[];
}

/** All must hold: no where one is no, yes where all are, else unknown. */
export function outcomeOfAll(outcomes: readonly Verdict["outcome"][]): Verdict["outcome"] {
  if (outcomes.includes("deny")) return "deny";
  return outcomes.every((outcome) => outcome === "allow") ? "allow" : "unknown";
}

/** Of an upper bound, of which some may not be needed: no only where all are no, yes where all are, else unknown. */
export function outcomeOfBound(outcomes: readonly Verdict["outcome"][]): Verdict["outcome"] {
  if (outcomes.every((outcome) => outcome === "allow")) return "allow";
  return outcomes.every((outcome) => outcome === "deny") ? "deny" : "unknown";
}

/** An answer that no fact was there for. */
export function unknownVerdict(reason: string, text: string, missing: readonly string[]): Verdict {
  return { outcome: "unknown", reason, text, place: null, source: "nothing", missing };
}
