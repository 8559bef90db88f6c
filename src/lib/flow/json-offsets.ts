import { endOfValue, memberSpan, skipSpace } from "../json/raw-json.ts";
import type { Path } from "./document.ts";

/** A value whose place is known, and of its parts those that were asked for. */
interface Located {
  readonly at: number;
  readonly members: Map<string, Located>;
  /** The first items of an array, as far as they were passed. */
  readonly items: Located[];
}

/**
 * Where parts of a JSON text that `parseJson` has accepted begin; for a path that leads nowhere, the deepest part above
 * it. What was passed on the way to one part is remembered for the next: a list may have thousands of items.
 */
export function jsonOffsets(text: string): (path: Path) => number {
  const top = located(skipSpace(text, 0));
  return (path) => {
    let part = top;
    for (const step of path) {
      const next = typeof step === "number" ? itemOf(text, part, step) : memberOf(text, part, step);
      if (next === null) return part.at;
      part = next;
    }
    return part.at;
  };
}

function located(at: number): Located {
  return { at, members: new Map(), items: [] };
}

function memberOf(text: string, { at, members }: Located, name: string): Located | null {
  const known = members.get(name);
  if (known !== undefined) return known;
  const span = memberSpan(text, at, name);
  if (span === null) return null;
  const member = located(span.start);
  members.set(name, member);
  return member;
}

function itemOf(text: string, array: Located, index: number): Located | null {
  if (text[array.at] !== "[") return null;
  const { items } = array;
  while (items.length <= index) {
    const next = afterItem(text, items.at(-1) ?? array, items.length > 0);
    if (text[next] === "]") return null;
    items.push(located(next));
  }
  return items[index] ?? null;
}

/** The offset of the item after this one, or of the first one of an array; or of the bracket that ends it. */
function afterItem(text: string, { at }: Located, isItem: boolean): number {
  if (!isItem) return skipSpace(text, at + 1);
  const end = skipSpace(text, endOfValue(text, at));
  return text[end] === "," ? skipSpace(text, end + 1) : end;
}
