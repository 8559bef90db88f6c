import { closingQuote } from "./closing-quote.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPENING_BRACE = 0x7b;
const OPENING_BRACKET = 0x5b;

/**
 * Has this text, should it be JSON, at most so many values? Told without parsing it: what costs a parser its time is their
 * number, not their length. Stops as soon as it knows.
 */
export function isStructureWithin(text: string, most: number): boolean {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = closingQuote(text, at);
      // The rest is one string without an end.
      if (end < 0) return true;
      at = end;
    } else if (code === COMMA || code === OPENING_BRACE || code === OPENING_BRACKET) count += 1;
    if (count > most) return false;
  }
  return true;
}
