import { isToolAllowed, type ToolRule } from "../tools.ts";

/** Is there a tool that one rule lets through and another does not? */
export type ToolGap =
  | { readonly kind: "none" }
  /** A shortest tool name that there is. */
  | { readonly kind: "some"; readonly tool: string }
  /** The rules are too intricate to be compared; to be taken for a gap. */
  | { readonly kind: "perhaps" };

const EVERYTHING: ToolRule = { allow: null, deny: [] };
const NONE: ToolGap = { kind: "none" };
/** How much comparing may still be done: steps of one pattern by one letter. */
export interface Effort {
  left: number;
}

/** Enough for any rules that people write, many times over; some ten seconds. */
export function newEffort(): Effort {
  return { left: 20_000_000 };
}

/**
 * What does `rule` let through that `other` does not, for any tool name that there could be? Exact, by walking both rules'
 * patterns side by side over every text, shortest first; null stands for a grant that is not narrowed. Rules that would take
 * more than half of the `effort` that is left are not compared.
 */
export function toolGap(rule: ToolRule | null, other: ToolRule | null, effort = newEffort()): ToolGap {
  const [a, b] = [rule ?? EVERYTHING, other ?? EVERYTHING];
  if (b.allow === null && b.deny.every((pattern) => a.deny.includes(pattern))) return NONE;
  const named = a.allow?.filter((pattern) => !pattern.includes("*")) ?? [];
  const example = named.find((tool) => isToolAllowed(a, tool) && !isToolAllowed(b, tool));
  if (example !== undefined) return { kind: "some", tool: example };
  if (a.allow !== null && named.length === a.allow.length) return NONE;
  return walk(a, b, effort);
}

/** How far each pattern of a list has come: the positions in it that the text so far can stand at, in order. */
type Reach = readonly (readonly number[])[];

interface State {
  readonly text: string;
  /** Of allow and deny of the first rule, then of the second. */
  readonly reaches: readonly [Reach, Reach, Reach, Reach];
}

function walk(a: ToolRule, b: ToolRule, effort: Effort): ToolGap {
  const lists = [a.allow ?? ["*"], a.deny, b.allow ?? ["*"], b.deny] as const;
  const letters = alphabet(lists.flat());
  const stepCost = letters.length * lists.flat().length;
  const least = effort.left / 2;
  const start: State = { text: "", reaches: map4(lists, (list) => list.map((pattern) => closure(pattern, [0]))) };
  const seen = new Set([keyOf(start)]);
  let level: readonly State[] = [start];
  while (level.length > 0) {
    const next: State[] = [];
    for (const state of level) {
      effort.left -= stepCost;
      if (effort.left < least) return { kind: "perhaps" };
      for (const letter of letters) {
        const reaches = map4(lists, (list, index) =>
          list.map((pattern, at) => closure(pattern, step(pattern, state.reaches[index]?.[at] ?? [], letter))),
        );
        // A text that the first rule can allow no more leads nowhere.
        if (reaches[0].every((positions) => positions.length === 0)) continue;
        const reached: State = { text: state.text + letter, reaches };
        if (isGap(lists, reaches)) return { kind: "some", tool: reached.text };
        if (seen.size === seen.add(keyOf(reached)).size) continue;
        next.push(reached);
      }
    }
    level = next;
  }
  return NONE;
}

type Lists = readonly [readonly string[], readonly string[], readonly string[], readonly string[]];

function isGap(lists: Lists, reaches: State["reaches"]): boolean {
  const matches = (index: 0 | 1 | 2 | 3): boolean =>
    lists[index].some((pattern, at) => reaches[index][at]?.at(-1) === pattern.length);
  return matches(0) && !matches(1) && (!matches(2) || matches(3));
}

/** Every letter that a pattern has, and one that none has, which stands for all others. */
function alphabet(patterns: readonly string[]): readonly string[] {
  const letters = new Set(patterns.flatMap((pattern) => pattern.split("")));
  letters.delete("*");
  const other =
    Array.from("xyzabcdefghijklmnopqrstuvw_0123456789").find((letter) => !letters.has(letter)) ?? "\u{10ffff}";
  return [...letters, other];
}

/** A star lets the place behind it be reached without a letter. */
function closure(pattern: string, positions: readonly number[]): readonly number[] {
  const reached = new Set(positions);
  for (const at of reached) if (pattern[at] === "*") reached.add(at + 1);
  return [...reached].toSorted((a, b) => a - b);
}

function step(pattern: string, positions: readonly number[], letter: string): readonly number[] {
  return positions.flatMap((at) => (pattern[at] === "*" ? [at] : pattern[at] === letter ? [at + 1] : []));
}

function keyOf({ reaches }: State): string {
  return JSON.stringify(reaches);
}

function map4<T>(lists: Lists, make: (list: readonly string[], index: 0 | 1 | 2 | 3) => T): readonly [T, T, T, T] {
  return [make(lists[0], 0), make(lists[1], 1), make(lists[2], 2), make(lists[3], 3)];
}
