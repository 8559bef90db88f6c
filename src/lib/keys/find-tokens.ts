import { readToken } from "./key.ts";

/**
 * What tokens and keys look like, wherever they stand. A key is letters and digits, so of base64's alphabet a token has
 * neither + nor /, and each group of four begins with one of the 19 characters that can begin three of them.
 * The same expressions stand in examples/scanning and docs/secret-scanning.md.
 */
export const TOKEN_EXPRESSION = "bWNwa1[89][0-9A-Za-z](?:[M-Za-e][0-9A-Za-z]{3}){16}";
export const KEY_EXPRESSION = "mcpk_[0-9A-Za-z]{49}";
/** A token that was encoded once more, as it stands in the `data` of a Kubernetes Secret. */
const ENCODED_EXPRESSION = "YldOd2Ex[0-9A-Za-z+/]{88}";
const EXPRESSION = new RegExp(`(${TOKEN_EXPRESSION})|(${KEY_EXPRESSION})|${ENCODED_EXPRESSION}`, "g");
const LONGEST = 96;

/** Something that looks like a token or a key. What it was is not in here. */
export interface FoundToken {
  readonly line: number;
  /** Characters from the beginning of the line, from 1. */
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
  #offset = 0;
  /** Up to where matches were told already. */
  #toldUpTo = 0;

  /** NUL bytes are left out, which makes ASCII of UTF-16. */
  push(bytes: Uint8Array): readonly FoundToken[] {
    const text = this.#tail + Buffer.from(bytes).toString("latin1").replaceAll("\0", "");
    const found: FoundToken[] = [];
    let place = { at: 0, line: this.#line, column: this.#column };
    for (const match of text.matchAll(EXPRESSION)) {
      if (this.#offset + match.index < this.#toldUpTo) continue;
      this.#toldUpTo = this.#offset + match.index + match[0].length;
      place = advance(place, text, match.index);
      found.push({ line: place.line, column: place.column, hash: hashOf(match) });
    }
    const keep = Math.max(0, text.length - (LONGEST - 1));
    const next = advance(place.at <= keep ? place : { at: 0, line: this.#line, column: this.#column }, text, keep);
    this.#line = next.line;
    this.#column = next.column;
    this.#offset += keep;
    this.#tail = text.slice(keep);
    return found;
  }
}

interface Place {
  readonly at: number;
  readonly line: number;
  readonly column: number;
}

function advance(from: Place, text: string, to: number): Place {
  let { line, column } = from;
  let at = from.at;
  for (let end = text.indexOf("\n", at); end >= 0 && end < to; end = text.indexOf("\n", at)) {
    line += 1;
    column = 1;
    at = end + 1;
  }
  return { at: to, line, column: column + (to - at) };
}

function hashOf([whole, token, key]: RegExpExecArray): string | null {
  const text =
    token ??
    (key === undefined
      ? Buffer.from(whole, "base64").toString("latin1")
      : Buffer.from(key, "latin1").toString("base64"));
  const reading = readToken(text);
  return reading.ok ? reading.hash : null;
}
