import { hiddenForms } from "./hidden-forms.ts";
import { readToken } from "./key.ts";

/**
 * What tokens and keys look like, wherever they stand. A key is letters and digits, so of base64's alphabet a token has
 * neither + nor /, and each group of four begins with one of the few characters that can begin three of them.
 * The same expressions stand in examples/scanning and docs/secret-scanning.md.
 */
export const TOKEN_EXPRESSION = "bWNwa1[89][0-9A-Za-z](?:[M-Za-e][0-9A-Za-z]{3}){16}";
export const KEY_EXPRESSION = "mcpk_[0-9A-Za-z]{49}";

/** What they become when a text that holds them is encoded, as in the `data` of a Kubernetes Secret. */
const HIDDEN = [
  ...hiddenForms("bWNwa1", 72, [0, 1, 2]),
  // A key at the beginning of three bytes becomes a token.
  ...hiddenForms("mcpk_", 54, [1, 2]),
];
const PLAIN = new RegExp(`^(?:(${TOKEN_EXPRESSION})|(${KEY_EXPRESSION}))$`);
const EXPRESSION = new RegExp(
  [TOKEN_EXPRESSION, KEY_EXPRESSION, ...HIDDEN.map(({ expression }) => expression)].join("|"),
  "g",
);
const LONGEST = Math.max(72, ...HIDDEN.map(({ length }) => length));

/** Something that looks like a token or a key. What it was is not in here. */
export interface FoundToken {
  readonly line: number;
  /** Characters of UTF-8 from the beginning of the line, from 1; in other encodings it may be off by what is not ASCII. */
  readonly column: number;
  /** Null when the checksum is wrong: a typing error, or an example that was made up. */
  readonly hash: string | null;
}

/** Finds tokens in bytes that come in pieces; keeps no more of them than the longest token has. */
export class TokenFinder {
  /** The end of what was seen, in which a token may have begun. */
  #tail = "";
  /** Where the tail begins. */
  #line = 1;
  #column = 1;
  /** How much of the tail was told already. */
  #told = 0;

  /** NUL bytes are left out, which makes ASCII of UTF-16. */
  push(bytes: Uint8Array): readonly FoundToken[] {
    const text = this.#tail + Buffer.from(bytes).toString("latin1").replaceAll("\0", "");
    const found: FoundToken[] = [];
    const keep = Math.max(0, text.length - (LONGEST - 1));
    let place: Place = { at: 0, line: this.#line, column: this.#column };
    let tailPlace: Place | null = null;
    let told = this.#told;
    for (let match = nextMatch(text, told); match !== null; match = nextMatch(text, told)) {
      const plain = plainForm(match[0]);
      const hash = plain === null ? null : hashOf(plain);
      // A real one may begin within what only looked like one, when it was pasted twice.
      told = match.index + (hash === null ? 1 : match[0].length);
      if (plain === null) continue;
      if (tailPlace === null && match.index >= keep) tailPlace = advance(place, text, keep);
      place = advance(place, text, match.index);
      found.push({ line: place.line, column: place.column, hash });
    }
    tailPlace ??= advance(place, text, keep);
    this.#line = tailPlace.line;
    this.#column = tailPlace.column;
    this.#told = Math.max(0, told - keep);
    this.#tail = text.slice(keep);
    return found;
  }
}

function nextMatch(text: string, from: number): RegExpExecArray | null {
  EXPRESSION.lastIndex = from;
  return EXPRESSION.exec(text);
}

/** The token or key itself; null for base64 that holds neither. */
function plainForm(match: string): string | null {
  if (PLAIN.test(match)) return match;
  const hidden = HIDDEN.find(({ start }) => match.startsWith(start))?.decode(match) ?? "";
  return PLAIN.test(hidden) ? hidden : null;
}

function hashOf(plain: string): string | null {
  const reading = readToken(plain.startsWith("mcpk_") ? Buffer.from(plain, "latin1").toString("base64") : plain);
  return reading.ok ? reading.hash : null;
}

interface Place {
  readonly at: number;
  readonly line: number;
  readonly column: number;
}

function advance(from: Place, text: string, to: number): Place {
  let { line, column, at } = from;
  for (let end = text.indexOf("\n", at); end >= 0 && end < to; end = text.indexOf("\n", at)) {
    line += 1;
    column = 1;
    at = end + 1;
  }
  for (; at < to; at += 1) if (!isContinuation(text.charCodeAt(at))) column += 1;
  return { at: to, line, column };
}

/** The second and later bytes of a character in UTF-8. */
function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte <= 0xbf;
}
