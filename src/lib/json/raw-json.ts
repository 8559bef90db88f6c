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
const OPENING_BRACE = 0x7b;
const OPENING_BRACKET = 0x5b;

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

/** The same JSON without the whitespace between its tokens: one line, its numbers and strings untouched. */
export function withoutWhitespace(json: string): string {
  let kept = "";
  let from = 0;
  for (let at = 0; at < json.length;) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(json, at);
    } else if (isSpace(code)) {
      kept += json.slice(from, at);
      at = skipSpace(json, at);
      from = at;
    } else {
      at += 1;
    }
  }
  return from === 0 ? json : kept + json.slice(from);
}

/** The offset after the string literal that begins at `start`. */
export function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); ; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at + 1;
  }
}

function endOfValue(text: string, start: number): number {
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

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
