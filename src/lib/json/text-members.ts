import { closingQuote } from "./closing-quote.ts";
import { skipSpace } from "./raw-json.ts";

/** Told of a member: where its two literals begin, and the offset after each. Answers whether to go on. */
export type TextMemberVisitor = (nameAt: number, nameEnd: number, valueAt: number, valueEnd: number) => boolean;

const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/**
 * Is this text one JSON object all of whose values are texts, each member of it taken by `visit`? Unlike
 * what reads raw JSON elsewhere it expects nothing of the text. Only the literals themselves are left to judge, by
 * `literalText` or by comparing them with literals that were judged: what stands between their quotes may be anything.
 */
export function walkTextMembers(text: string, visit: TextMemberVisitor): boolean {
  let at = skipSpace(text, 0);
  if (text.charCodeAt(at) !== OPENING_BRACE) return false;
  at = skipSpace(text, at + 1);
  if (text.charCodeAt(at) === CLOSING_BRACE) return isEnd(text, at + 1);
  for (;;) {
    const end = visitMember(text, at, visit);
    if (end < 0) return false;
    at = skipSpace(text, end);
    if (text.charCodeAt(at) !== COMMA) return text.charCodeAt(at) === CLOSING_BRACE && isEnd(text, at + 1);
    at = skipSpace(text, at + 1);
  }
}

/** The offset after the member that begins at `nameAt`; -1 when none does, or it is not taken. */
function visitMember(text: string, nameAt: number, visit: TextMemberVisitor): number {
  const nameEnd = endOfLiteral(text, nameAt);
  if (nameEnd < 0) return -1;
  const colonAt = skipSpace(text, nameEnd);
  if (text.charCodeAt(colonAt) !== COLON) return -1;
  const valueAt = skipSpace(text, colonAt + 1);
  const valueEnd = endOfLiteral(text, valueAt);
  return valueEnd >= 0 && visit(nameAt, nameEnd, valueAt, valueEnd) ? valueEnd : -1;
}

/** What does this literal, quotes and all, say? Null when it is none. The answer is no slice of the literal. */
export function literalText(literal: string): string | null {
  try {
    return JSON.parse(literal) as string;
  } catch {
    return null;
  }
}

/** The offset after the literal that begins at `start`; -1 when none does, or it does not end. */
function endOfLiteral(text: string, start: number): number {
  if (text.charCodeAt(start) !== QUOTE) return -1;
  const end = closingQuote(text, start);
  return end < 0 ? -1 : end + 1;
}

function isEnd(text: string, from: number): boolean {
  return skipSpace(text, from) === text.length;
}
