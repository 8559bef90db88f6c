import { endOfString, stringAt } from "./raw-json.ts";

export type JsonReading =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: "malformed" | "duplicate_name" | "too_deep"; readonly detail: string };

/** Deeper than any real message or file; parsers that recurse give up far later. */
const MAX_DEPTH = 128;
const QUOTE = 0x22;
const OPENING_BRACE = 0x7b;

/**
 * What does this JSON text say, read in the only way that every parser agrees on (RFC 8259)?
 * A member name twice in one object is refused, for parsers differ on which one counts.
 */
export function parseJson(text: string, maxDepth = MAX_DEPTH): JsonReading {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problem: "malformed", detail: "not JSON" };
  }
  return scanNames(text, maxDepth) ?? { ok: true, value };
}

/** Walks text that `JSON.parse` has accepted; tells of the first repeated name, or of too deep a nesting. */
function scanNames(text: string, maxDepth: number): JsonReading | null {
  // One element per open container: the names seen so far in an object, null for an array.
  const open: (SeenNames | null)[] = [];
  let names: SeenNames | null = null;
  let isNameNext = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    switch (code) {
      case OPENING_BRACE:
      case 0x5b: // [
        names = code === OPENING_BRACE ? new SeenNames() : null;
        isNameNext = names !== null;
        if (open.push(names) > maxDepth) {
          return { ok: false, problem: "too_deep", detail: `nested deeper than ${maxDepth} levels` };
        }
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        names = open.at(-1) ?? null;
        isNameNext = false;
        break;
      case 0x2c: // ,
        isNameNext = names !== null;
        break;
      case QUOTE: {
        const end = endOfString(text, at);
        if (isNameNext && names !== null) {
          const name = stringAt(text, at, end);
          if (!names.add(name)) return repeated(name);
          isNameNext = false;
        }
        at = end - 1;
        break;
      }
      default:
    }
  }
  return null;
}

/** Beyond so many names a set finds one faster than a look at each. */
const FEW = 8;

/** The names of one object: nearly always few, so that a list, made for the second, costs less than a set. */
class SeenNames {
  #first: string | null = null;
  #others: string[] | Set<string> | null = null;

  /** False when this name was there before. */
  add(name: string): boolean {
    if (this.#first === null) {
      this.#first = name;
      return true;
    }
    if (name === this.#first) return false;
    const others = this.#others;
    if (others === null) {
      this.#others = [name];
    } else if (others instanceof Set) {
      return others.size < others.add(name).size;
    } else {
      if (others.includes(name)) return false;
      if (others.push(name) > FEW) this.#others = new Set(others);
    }
    return true;
  }
}

function repeated(name: string): JsonReading {
  const detail = `the name ${JSON.stringify(name.slice(0, 80))} stands twice`;
  return { ok: false, problem: "duplicate_name", detail };
}
