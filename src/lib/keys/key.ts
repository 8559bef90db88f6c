import type * as Crypto from "node:crypto";
import { Secret } from "../secret.ts";
import { crc32 } from "./crc32.ts";

/** Loaded when a key is hashed: that takes 10 ms, and most commands hash none. */
let crypto: typeof Crypto | null = null;

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX = "mcpk_";
const KEY = /^mcpk_[0-9A-Za-z]{49}$/;
const BODY_LENGTH = PREFIX.length + 43;

/** Bounds of a decoded bearer value; keys issued before mcpctl may have any length between. */
const MIN_KEY_BYTES = 16;
const MAX_KEY_BYTES = 512;
/** Longest token worth looking at: base64 of {@link MAX_KEY_BYTES}. */
const MAX_TOKEN_LENGTH = 4 * Math.ceil(MAX_KEY_BYTES / 3);

/** A fresh key: `token` goes to its one sink, `hash` and `id` are safe everywhere. */
export interface MintedKey {
  readonly token: Secret;
  readonly hash: string;
  readonly id: string;
}

export type TokenReading =
  | { readonly ok: true; readonly hash: string }
  | { readonly ok: false; readonly problem: "not_base64" | "wrong_length" | "wrong_form" | "wrong_checksum" };

/** Makes a key of 32 random bytes; `randomBytes` is `crypto.randomBytes` outside tests. */
export function mintKey(randomBytes: (length: number) => Uint8Array): MintedKey {
  const key = formatKey(randomBytes(32));
  const hash = hashKey(Buffer.from(key, "latin1"));
  return { token: new Secret(Buffer.from(key, "latin1").toString("base64")), hash, id: keyId(hash) };
}

/** The key of 32 bytes: prefix, 43 base62 digits of the number they make, 6 of its CRC32. */
export function formatKey(bytes: Uint8Array): string {
  if (bytes.length !== 32) throw new RangeError("a key is made of exactly 32 bytes");
  let number = 0n;
  for (const byte of bytes) number = (number << 8n) | BigInt(byte);
  const body = PREFIX + base62(number, 43);
  return body + checksum(body);
}

/** SHA-256 of a key's bytes, 64 lower-case hex characters. */
export function hashKey(key: Uint8Array): string {
  crypto ??= process.getBuiltinModule("node:crypto");
  return crypto.hash("sha256", key, "hex");
}

/** `k_` and the first 12 hex characters of the hash: safe to log, not guaranteed unique. */
export function keyId(hash: string): string {
  return `k_${hash.slice(0, 12)}`;
}

export function isKeyId(text: string): boolean {
  return /^k_[0-9a-f]{12}$/.test(text);
}

/**
 * Is this bearer value a token, and of which key hash? It must be canonical standard base64 (RFC 4648
 * section 4, padded, no spare bits) of 16 to 512 bytes; one that begins `mcpk_` must have our form and checksum.
 */
export function readToken(token: string): TokenReading {
  if (token.length > MAX_TOKEN_LENGTH) return { ok: false, problem: "wrong_length" };
  const bytes = Buffer.from(token, "base64");
  if (bytes.toString("base64") !== token) return { ok: false, problem: "not_base64" };
  if (bytes.length < MIN_KEY_BYTES || bytes.length > MAX_KEY_BYTES) return { ok: false, problem: "wrong_length" };
  const key = bytes.toString("latin1");
  if (key.startsWith(PREFIX)) {
    if (!KEY.test(key)) return { ok: false, problem: "wrong_form" };
    // Compared as numbers: six digits stand for each number in one way only.
    const isRight = crc32(bytes, BODY_LENGTH) === numberOf(key.slice(BODY_LENGTH));
    if (!isRight) return { ok: false, problem: "wrong_checksum" };
  }
  return { ok: true, hash: hashKey(bytes) };
}

function checksum(body: string): string {
  let text = "";
  for (let rest = crc32(Buffer.from(body, "latin1")); rest > 0; rest = Math.floor(rest / 62))
    text = (ALPHABET[rest % 62] as string) + text;
  return text.padStart(6, "0");
}

function numberOf(digits: string): number {
  let number = 0;
  for (const digit of digits) number = number * 62 + ALPHABET.indexOf(digit);
  return number;
}

function base62(value: bigint, digits: number): string {
  let text = "";
  for (let rest = value; rest > 0n; rest /= 62n) text = (ALPHABET[Number(rest % 62n)] as string) + text;
  return text.padStart(digits, "0");
}
