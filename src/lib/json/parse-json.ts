import { endOfString } from "./raw-json.ts";

export type JsonReading =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: "malformed" | "duplicate_name" | "too_deep"; readonly detail: string };

/** Deeper than any real message or file; parsers that recurse give up far later. */
const MAX_DEPTH = 128;
const QUOTE = 0x22;

/**
 * What does this JSON text say, read in the only way that every parser agrees on (RFC 8259)?
 * A member name twice in one object is refused, for parsers differ on which one counts.
 */
export function parseJson(text: string): JsonReading {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problem: "malformed", detail: "not JSON" };
  }
  return scanNames(text) ?? { ok: true, value };
}

/** Walks text that `JSON.parse` has accepted; tells of the first repeated name, or of too deep a nesting. */
function scanNames(text: string): JsonReading | null {
  // One element per open container: the names seen so far in an object, null for an array.
  const open: (Set<string> | null)[] = [];
  let names: Set<string> | null = null;
  let isNameNext = false;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
      case 0x5b: // [
        names = text.charCodeAt(at) === 0x7b ? new Set() : null;
        isNameNext = names !== null;
        if (open.push(names) > MAX_DEPTH) {
          return { ok: false, problem: "too_deep", detail: `nested deeper than ${MAX_DEPTH} levels` };
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
          const name = stringValue(text.slice(at, end));
          if (names.has(name)) {
            return {
              ok: false,
              problem: "duplicate_name",
              detail: `the name ${JSON.stringify(name.slice(0, 80))} stands twice`,
            };
          }
          names.add(name);
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

function stringValue(literal: string): string {
  return literal.includes("\\") ? (JSON.parse(literal) as string) : literal.slice(1, -1);
}
