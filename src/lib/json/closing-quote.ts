const BACKSLASH = 0x5c;

/** The offset of the quote that ends the string literal begun at `start`; -1 when none does. Expects nothing of the text. */
export function closingQuote(text: string, start: number): number {
  let at = text.indexOf('"', start + 1);
  while (at >= 0 && isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at;
}

/** Is this quote a letter of the literal that it stands in, and not its end? The opening quote ends the look back. */
export function isEscaped(text: string, quoteAt: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(quoteAt - 1 - backslashes) === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
}
