/** Changes of single lines, by their number from 1: a text to put in the place of one, or null to take it away. */
export type LineEdits = ReadonlyMap<number, string | null>;

/** The lines of a text without their LF; a last one that is empty is none. */
export function linesOf(text: string): readonly string[] {
  const lines = text.split("\n");
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

/** The text with its lines changed; every line that stays keeps its end. */
export function applyEdits(text: string, edits: LineEdits): string {
  const lines = linesOf(text);
  const end = (line: number): string => (line < lines.length || text.endsWith("\n") ? "\n" : "");
  return lines
    .map((old, index) => {
      const edit = edits.get(index + 1);
      return edit === null ? "" : `${edit ?? old}${end(index + 1)}`;
    })
    .join("");
}

const CONTEXT = 3;
const NO_LINE_END = "\\ No newline at end of file";

/** The same as a unified diff, made of the changes themselves in one pass, that `git apply` and `patch -p1` take; empty when nothing changes. */
export function patchOf(path: string, text: string, edits: LineEdits): string {
  const lines = linesOf(text);
  const changed = [...edits.keys()].toSorted((one, other) => one - other);
  const hunks: string[] = [];
  let grown = 0;
  for (let at = 0; at < changed.length;) {
    const first = at;
    while (at + 1 < changed.length && (changed[at + 1] as number) - (changed[at] as number) <= 2 * CONTEXT) at += 1;
    const from = Math.max((changed[first] as number) - CONTEXT, 1);
    const to = Math.min((changed[at] as number) + CONTEXT, lines.length);
    const kept = changed.slice(first, at + 1).filter((line) => edits.get(line) !== null).length;
    const newCount = to - from + 1 - (at + 1 - first) + kept;
    const newFrom = newCount === 0 ? from + grown - 1 : from + grown;
    hunks.push(`@@ -${from},${to - from + 1} +${newFrom},${newCount} @@`);
    hunks.push(hunkLines(text, lines, { from, to }, edits).join("\n"));
    grown += newCount - (to - from + 1);
    at += 1;
  }
  // After a tab comes a time, which may be missing; without one a name ends at its first space.
  const end = path.includes(" ") ? "\t" : "";
  return hunks.length === 0 ? "" : `--- a/${path}${end}\n+++ b/${path}${end}\n${hunks.join("\n")}\n`;
}

/** What goes stands before what comes, in each run of changed lines. */
function hunkLines(
  text: string,
  lines: readonly string[],
  { from, to }: { readonly from: number; readonly to: number },
  edits: LineEdits,
): readonly string[] {
  const told: string[] = [];
  let added: string[] = [];
  for (let line = from; line <= to; line += 1) {
    const old = lines[line - 1] as string;
    const edit = edits.get(line);
    const mark = line === lines.length && !text.endsWith("\n") ? [NO_LINE_END] : [];
    if (edit === undefined) {
      told.push(...added, ` ${old}`, ...mark);
      added = [];
      continue;
    }
    told.push(`-${old}`, ...mark);
    if (edit !== null) added.push(`+${edit}`, ...mark);
  }
  return [...told, ...added];
}
