import { endOfString, endOfValue, skipSpace, type Span } from "../json/raw-json.ts";
import { mayHoldToken, redactLiteral, SHORTEST_TOKEN_LITERAL } from "./redact.ts";
import type { RedactedNames } from "./redacted-names.ts";

/** JSON text that `parseJson` has accepted, and what of it is not to be logged. */
export interface LoggedText {
  readonly text: string;
  readonly names: RedactedNames;
  readonly mayHoldToken: boolean;
}

/** Takes what is to be logged, in order. */
export interface LogTarget {
  /** String literals of more units than this, the values, come through `addLong`. */
  readonly longestShort: number;
  /** Nothing more is wanted. */
  readonly isFull: boolean;
  add(json: string): void;
  addLong(literal: string): void;
}

const QUOTE = 0x22;
const COLON = 0x3a;
const SPACE = 0x20;
const REDACTED = '"[redacted]"';

export function loggedText(text: string, names: RedactedNames): LoggedText {
  return { text, names, mayHoldToken: mayHoldToken(text) };
}

/**
 * Copies this part of the text as the log may have it: without whitespace between tokens, our tokens and keys replaced,
 * the values of redacted names too. Numbers, names and structure stay as they were received. One pass, no recursion.
 */
export function copyLogged(source: LoggedText, { start, end }: Span, target: LogTarget): void {
  const { text } = source;
  let from = start;
  for (let at = start; at < end;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const after = endOfString(text, at);
      const next = skipSpace(text, after);
      const kept = text.charCodeAt(next) === COLON ? keepName(source, at, after) : keepValue(source, at, after, target);
      if (kept === null) {
        at = after;
        continue;
      }
      target.add(text.slice(from, at));
      if (kept.isLong) target.addLong(kept.json);
      else target.add(kept.json);
      at = kept.resumeAt;
      from = at;
    } else if (code > SPACE) {
      at += 1;
      continue;
    } else {
      target.add(text.slice(from, at));
      at = skipSpace(text, at);
      from = at;
    }
    if (target.isFull) return;
  }
  target.add(text.slice(from, end));
}

/** What stands in the place of a string, and where the text goes on; null where the string stays as it is. */
interface Kept {
  readonly json: string;
  readonly isLong: boolean;
  readonly resumeAt: number;
}

function keepName({ text, names, mayHoldToken: isSuspect }: LoggedText, at: number, after: number): Kept | null {
  if (names.has(text, at, after)) {
    const valueAt = skipSpace(text, skipSpace(text, after) + 1);
    return { json: `${text.slice(at, after)}:${REDACTED}`, isLong: false, resumeAt: endOfValue(text, valueAt) };
  }
  return isSuspect ? keepString(text, at, after, Infinity) : null;
}

function keepValue(
  { text, mayHoldToken: isSuspect }: LoggedText,
  at: number,
  after: number,
  target: LogTarget,
): Kept | null {
  const { longestShort } = target;
  return isSuspect || after - at > longestShort ? keepString(text, at, after, longestShort) : null;
}

function keepString(text: string, at: number, after: number, longestShort: number): Kept | null {
  if (after - at < SHORTEST_TOKEN_LITERAL) return null;
  const literal = text.slice(at, after);
  const json = redactLiteral(literal);
  const isLong = json.length > longestShort;
  return isLong || json !== literal ? { json, isLong, resumeAt: after } : null;
}
