import { hashKey, keyId } from "../keys/key.ts";
import { endOfString } from "./raw-json.ts";

/** What our tokens and keys look like (design section 2): the base64 of `mcpk_...`, and the key itself. */
const TOKEN = /bWNwa1[0-9A-Za-z+/]{66}/g;
const KEY = /mcpk_[0-9A-Za-z]{49}/g;

/** The same text with every token and key in it replaced by its key id, `[k_0123456789ab]`. */
export function redactText(text: string): string {
  const withoutTokens = text.includes("bWNwa1")
    ? text.replaceAll(TOKEN, (token) => bracketedId(Buffer.from(token, "base64")))
    : text;
  return withoutTokens.includes("mcpk_")
    ? withoutTokens.replaceAll(KEY, (key) => bracketedId(Buffer.from(key, "latin1")))
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

function bracketedId(key: Uint8Array): string {
  return `[${keyId(hashKey(key))}]`;
}
