import { applyEdits, linesOf, type LineEdits } from "./line-edits.ts";
import type { Finding, Fix } from "./source.ts";

/** A text under repair: as it was, as it is, and what was done to which of its first lines. */
export interface Repair {
  readonly before: string;
  readonly after: string;
  readonly edits: LineEdits;
  /** The number that each line had at first. */
  readonly origins: readonly number[];
}

export function startRepair(text: string): Repair {
  return { before: text, after: text, edits: new Map(), origins: linesOf(text).map((_, index) => index + 1) };
}

/** The same with the fixes of these findings made as well. Each changes one line, or takes one away. */
export function applyFixes(repair: Repair, findings: readonly Finding[]): Repair {
  const edits = editsOf(repair.after, findings);
  const all = new Map(repair.edits);
  for (const [line, text] of edits) all.set(repair.origins[line - 1] as number, text);
  return {
    before: repair.before,
    after: applyEdits(repair.after, edits),
    edits: all,
    origins: repair.origins.filter((_, index) => edits.get(index + 1) !== null),
  };
}

/** Of two fixes that overlap, the first; a line that goes needs no other. */
function editsOf(text: string, findings: readonly Finding[]): LineEdits {
  const fixes = findings
    .flatMap(({ fix }): readonly Fix[] => (fix === undefined ? [] : [fix]))
    .toSorted((a, b) => a.from - b.from);
  const edits = new Map<number, string | null>();
  let [start, next] = [0, 0];
  for (const [index, old] of linesOf(text).entries()) {
    const end = start + old.length;
    const first = next;
    while ((fixes[next]?.from ?? Infinity) <= end) next += 1;
    const own = fixes.slice(first, next);
    if (own.length > 0) edits.set(index + 1, edited(old, start, own));
    start = end + 1;
  }
  return edits;
}

/** `fixes` in the order of their places. */
function edited(line: string, start: number, fixes: readonly Fix[]): string | null {
  if (fixes.some(({ from, to, text }) => text === "" && from === start && to > start + line.length)) return null;
  let result = "";
  let at = 0;
  for (const { from, to, text } of fixes) {
    if (from - start < at) continue;
    result += line.slice(at, from - start) + text;
    at = to - start;
  }
  return result + line.slice(at);
}
