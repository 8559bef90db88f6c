import { hashKey, keyId } from "../keys/key.ts";
import { endOfString } from "../json/raw-json.ts";

/** What our tokens and keys look like (design section 2): the base64 of `mcpk_...`, and the key itself; or the first part of one. */
const TOKEN = /bWNwa1[0-9A-Za-z+/]{10,66}/g;
const KEY = /mcpk_[0-9A-Za-z]{10,49}/g;
const TOKEN_LENGTH = 72;
const KEY_LENGTH = 54;

/** The same text with every token and key in it replaced by its key id, `[k_0123456789ab]`, and a part of one by `[token]`. */
export function redactText(text: string): string {
  const withoutTokens = text.includes("bWNwa1")
    ? text.replaceAll(TOKEN, (token) => bracketed(token, TOKEN_LENGTH, "base64"))
    : text;
  return withoutTokens.includes("mcpk_")
    ? withoutTokens.replaceAll(KEY, (key) => bracketed(key, KEY_LENGTH, "latin1"))
    : withoutTokens;
}

/** The same for JSON text, where `\u` escapes can hide what a parser will read. */
export function redactJson(json: string): string {
  return redactText(json.includes("\\u") ? withoutHiding(json) : json);
}

function withoutHiding(json: string): string {
  let plain = "";
  let from = 0;
  for (let at = json.indexOf('"'); at >= 0; at = json.indexOf('"', from)) {
    const end = endOfString(json, at);
    plain += json.slice(from, at) + redactLiteral(json.slice(at, end));
    from = end;
  }
  return plain + json.slice(from);
}

function redactLiteral(literal: string): string {
  if (!literal.includes("\\u")) return literal;
  const value = JSON.parse(literal) as string;
  const redacted = redactText(value);
  return redacted === value ? literal : JSON.stringify(redacted);
}

function bracketed(text: string, wholeLength: number, encoding: "base64" | "latin1"): string {
  return text.length < wholeLength ? "[token]" : `[${keyId(hashKey(Buffer.from(text, encoding)))}]`;
}
