import { isUtf8 } from "node:buffer";
import type { Heads } from "../http/heads.ts";
import { Refusal } from "../refusal.ts";
import type { Message } from "./message.ts";

/** The first revision whose requests carry their version in `_meta` and repeat method and name in headers. */
const FIRST_MODERN = "2026-07-28";

/** Does this message follow revision 2026-07-28 or a later one? */
export function isModern(message: Message, heads: Heads): boolean {
  return isModernVersion(message.claimedVersion) || isModernVersion(heads.protocolVersion);
}

/**
 * Do the headers that repeat the body say the same as the body? Decisions are made on the body alone, but whatever
 * stands behind the gateway may look at the headers. Modern requests must have them. @throws Refusal header_mismatch
 */
export function checkMirroredHeaders(message: Message, heads: Heads): void {
  const { claimedVersion, method, mirroredName } = message;
  const isRequired = isModern(message, heads) && message.kind === "request";
  if (claimedVersion !== null && heads.protocolVersion !== claimedVersion) throw new Refusal("header_mismatch");
  if (!agrees(heads.mcpMethod, method, isRequired)) throw new Refusal("header_mismatch");
  if (!agrees(decodedValue(heads.mcpName), mirroredName, isRequired && mirroredName !== null))
    throw new Refusal("header_mismatch");
}

function agrees(header: string | null, body: string | null, isRequired: boolean): boolean {
  return header === null ? !isRequired : header === body;
}

function isModernVersion(version: string | null): boolean {
  return version !== null && /^\d{4}-\d\d-\d\d$/.test(version) && version >= FIRST_MODERN;
}

const ENCODED = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/;

/** Header values that HTTP cannot carry come as `=?base64?...?=` (2026-07-28, Value Encoding). @throws Refusal */
function decodedValue(value: string | null): string | null {
  const encoded = value === null ? undefined : ENCODED.exec(value)?.[1];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, "base64");
  if (!isUtf8(bytes)) throw new Refusal("header_mismatch");
  return bytes.toString("utf8");
}
