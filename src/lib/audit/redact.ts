import { hashKey, keyId } from "../keys/key.ts";

/** What our tokens and keys look like (design section 2): the base64 of `mcpk_...`, and the key itself; or the first part of one. */
const TOKEN = /bWNwa1[0-9A-Za-z+/]{10,66}/g;
const KEY = /mcpk_[0-9A-Za-z]{10,49}/g;
const TOKEN_LENGTH = 72;
const KEY_LENGTH = 54;

/** No shorter string literal holds anything of the kind. */
export const SHORTEST_TOKEN_LITERAL = '"mcpk_"'.length + 10;

/** The same text with every token and key in it replaced by its key id, `[k_0123456789ab]`, and a part of one by `[token]`. */
export function redactText(text: string): string {
  const withoutTokens = text.includes("bWNwa1")
    ? text.replaceAll(TOKEN, (token) => bracketed(token, TOKEN_LENGTH, "base64"))
    : text;
  return withoutTokens.includes("mcpk_")
    ? withoutTokens.replaceAll(KEY, (key) => bracketed(key, KEY_LENGTH, "latin1"))
    : withoutTokens;
}

/** Is it worth looking at this JSON text's strings one by one? */
export function mayHoldToken(json: string): boolean {
  return json.includes("mcpk_") || json.includes("bWNwa1") || json.includes("\\u");
}

/** The same for one string literal, quotes included: escapes can hide what a parser will read, or make something look like a token. */
export function redactLiteral(literal: string): string {
  if (!mayHoldToken(literal)) return literal;
  if (!literal.includes("\\")) return redactText(literal);
  const value = JSON.parse(literal) as string;
  const redacted = redactText(value);
  return redacted === value ? literal : JSON.stringify(redacted);
}

function bracketed(text: string, wholeLength: number, encoding: "base64" | "latin1"): string {
  return text.length < wholeLength ? "[token]" : `[${keyId(hashKey(Buffer.from(text, encoding)))}]`;
}
