import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { redactJson, redactText } from "../../../src/lib/audit/redact.ts";
import { formatKey, hashKey, keyId, mintKey } from "../../../src/lib/keys/key.ts";

const minted = mintKey(randomBytes);
const token = minted.token.reveal();
const key = formatKey(randomBytes(32));
const ofKey = `[${keyId(hashKey(Buffer.from(key)))}]`;

describe("redaction", () => {
  it.each([
    ["a token", `Bearer ${token}!`, `Bearer [${minted.id}]!`],
    ["a key", `x=${key}`, `x=${ofKey}`],
    ["the first part of a token", `--ttl ${token.slice(0, 40)}`, "--ttl [token]"],
    ["the first part of a key", key.slice(0, 30), "[token]"],
    ["two", `${token} ${key}`, `[${minted.id}] ${ofKey}`],
    ["nothing of the kind", "bWNwa1 mcpk_short", "bWNwa1 mcpk_short"],
  ])("replaces %s", (_what, text, expected) => {
    expect(redactText(text)).toBe(expected);
  });

  it("sees through escapes, and leaves other escapes alone", () => {
    const hidden = `{"\\u0061":"\\u00e4","b":"x \\u0062${token.slice(1)}"}`;
    expect(redactJson(hidden)).toBe(`{"\\u0061":"\\u00e4","b":"x [${minted.id}]"}`);
  });

  it("reads a string of megabytes", () => {
    const long = "x".repeat(4_000_000);
    expect(redactJson(`["\\u0061","${long}\\u00e4"]`)).toBe(`["\\u0061","${long}\\u00e4"]`);
  });
});
