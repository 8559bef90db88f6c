import type { Match } from "../template.ts";
import { compilePattern, matchPattern, type Pattern, type Subject } from "./glob.ts";
import { arnPartsOf, lower, type Told } from "./policy-variables.ts";

/** Texts of `Action`, `Resource` and the like, and whether what they do not name is meant (`NotAction`). */
export interface NameSet {
  readonly isNegated: boolean;
  readonly names: readonly Name[];
}

export interface Name {
  readonly shown: string;
  /** Null for a text with variables, which each role's values fill anew. */
  readonly pattern: Pattern | null;
}

/** `service:Action`; case does not count, and `*` and `?` are the wildcards. */
export function actionName(shown: string): Name {
  return { shown, pattern: compilePattern(shown, [{ glob: lower(shown) }], false) };
}

export function arnName(shown: string, isVariable: boolean): Name {
  return { shown, pattern: isVariable ? null : compilePattern(shown, [{ glob: shown }], true) };
}

export interface Matched {
  readonly match: Match;
  /** The name that decided, or that may; null where none does. */
  readonly by: Name | null;
}

/** Is the subject among these names? */
export function matchNames({ isNegated, names }: NameSet, subject: Subject, told: Told): Matched {
  let best: Matched = { match: "no", by: null };
  for (const name of names) {
    const pattern = name.pattern ?? compilePattern(name.shown, arnPartsOf(name.shown, told), true);
    const match = matchPattern(pattern, subject);
    if (match === "yes") {
      best = { match, by: name };
      break;
    }
    if (match === "maybe" && best.match === "no") best = { match, by: name };
  }
  return isNegated ? { match: negated(best.match), by: best.by } : best;
}

export function negated(match: Match): Match {
  return match === "maybe" ? match : match === "yes" ? "no" : "yes";
}

/** All of them: no where one is no, yes where all are. */
export function allOf(matches: readonly Match[]): Match {
  if (matches.includes("no")) return "no";
  return matches.includes("maybe") ? "maybe" : "yes";
}

/** One of them: yes where one is yes, no where all are no. */
export function anyOf(matches: readonly Match[]): Match {
  if (matches.includes("yes")) return "yes";
  return matches.includes("maybe") ? "maybe" : "no";
}
