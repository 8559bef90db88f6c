import { isEscaped } from "./closing-quote.ts";

/**
 * Places in JSON text, so that parts of it can be kept exactly as they were received: numbers beyond 2^53, `1.0`,
 * the order of names. Every function here expects text that `parseJson` has accepted.
 */
export interface Span {
  readonly start: number;
  /** The first offset after it. */
  readonly end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING_BRACE = 0x7b;
const OPENING_BRACKET = 0x5b;
const SHORT_STRING = 32;

/** Where is the value of this member of the object that begins at or after `from`? Null when it has none. */
export function memberSpan(text: string, from: number, name: string): Span | null {
  const objectAt = skipSpace(text, from);
  if (text.charCodeAt(objectAt) !== OPENING_BRACE) return null;
  let at = skipSpace(text, objectAt + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = endOfString(text, at);
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const end = endOfValue(text, start);
    if (isName(text, at, nameEnd, name)) return { start, end };
    at = skipSpace(text, skipSpace(text, end) + 1);
  }
  return null;
}

/**
 * Told of a member: its name, where the name's literal begins and where the value does; answers where the value ends,
 * which it may have learned by walking the value itself.
 */
export type MemberVisitor = (name: string, nameAt: number, valueAt: number) => number;

/** Visits the members of the object that begins at or after `from`, in their order; answers the offset after the object. */
export function walkMembers(text: string, from: number, visit: MemberVisitor): number {
  let at = skipSpace(text, skipSpace(text, from) + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = endOfString(text, at);
    const valueAt = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const valueEnd = visit(stringAt(text, at, nameEnd), at, valueAt);
    const separatorAt = skipSpace(text, valueEnd);
    if (text.charCodeAt(separatorAt) !== COMMA) return separatorAt + 1;
    at = skipSpace(text, separatorAt + 1);
  }
  return at + 1;
}

/** Does an object begin at this offset? */
export function isObjectAt(text: string, at: number): boolean {
  return text.charCodeAt(at) === OPENING_BRACE;
}

/** Where are the items of the array that begins at `arrayAt`? */
export function itemSpans(text: string, arrayAt: number): readonly Span[] {
  const spans: Span[] = [];
  let at = skipSpace(text, arrayAt + 1);
  while (text[at] !== "]") {
    const end = endOfValue(text, at);
    spans.push({ start: at, end });
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return spans;
}

/** The offset after the string literal that begins at `start`. */
export function endOfString(text: string, start: number): number {
  for (let at = start + 1; ;) {
    // Most strings are short, or full of escapes if they are not: reading their characters is cheaper than many searches.
    for (const near = at + SHORT_STRING; at < near; at += 1) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) return at + 1;
      if (code === BACKSLASH) at += 1;
    }
    at = text.indexOf('"', at) + 1;
    if (!isEscaped(text, at - 1)) return at;
  }
}

/** What does the string literal of these offsets say, its escapes decoded? */
export function stringAt(text: string, start: number, end: number): string {
  const plain = text.slice(start + 1, end - 1);
  return plain.includes("\\") ? (JSON.parse(text.slice(start, end)) as string) : plain;
}

/** The offset after the value that begins at `start`. */
export function endOfValue(text: string, start: number): number {
  const code = text.charCodeAt(start);
  if (code === QUOTE) return endOfString(text, start);
  if (code !== OPENING_BRACE && code !== OPENING_BRACKET) return endOfPlain(text, start);
  let depth = 0;
  for (let at = start; ;) {
    const here = text.charCodeAt(at);
    if (here === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    if (here === OPENING_BRACE || here === OPENING_BRACKET) depth += 1;
    else if (here === 0x7d || here === 0x5d) depth -= 1;
    at += 1;
    if (depth === 0) return at;
  }
}

/** A number, true, false or null ends before a comma, a closing bracket, whitespace, or with the text. */
function endOfPlain(text: string, start: number): number {
  let at = start;
  while (at < text.length && !",]} \t\n\r".includes(text[at] as string)) at += 1;
  return at;
}

function isName(text: string, start: number, end: number, name: string): boolean {
  if (end - start === name.length + 2 && text.startsWith(name, start + 1)) return true;
  const literal = text.slice(start, end);
  return literal.includes("\\") && JSON.parse(literal) === name;
}

/** The offset of the first character at or after `from` that is no whitespace. */
export function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
