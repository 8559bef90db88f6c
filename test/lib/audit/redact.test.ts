import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { redactLiteral, redactText, SHORTEST_TOKEN_LITERAL } from "../../../src/lib/audit/redact.ts";
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
    expect(redactLiteral(`"x \\u0062${token.slice(1)}"`)).toBe(`"x [${minted.id}]"`);
    expect(redactLiteral('"\\u00e4"')).toBe('"\\u00e4"');
  });

  it.each([
    ["a backspace before what looks like the rest of a token", String.raw`"\bWNwa1${"x".repeat(20)}"`],
    ["an escaped backslash before nothing of the kind", String.raw`"\\bWNwa"`],
  ])("leaves %s as it is", (_what, literal) => {
    expect(redactLiteral(literal)).toBe(literal);
  });

  it.each([
    [`\\${token}`, `\\[${minted.id}]`],
    [`\n${key}"`, `\n${ofKey}"`],
  ])("replaces what stands after an escape, and stays JSON", (text, expected) => {
    expect(JSON.parse(redactLiteral(JSON.stringify(text)))).toBe(expected);
  });

  it("knows the shortest literal that holds anything of the kind", () => {
    const shortest = ["mcpk_0123456789", "bWNwa10123456789"].map((text) => JSON.stringify(text));
    expect(shortest.map(redactLiteral)).toEqual(['"[token]"', '"[token]"']);
    expect(Math.min(...shortest.map(({ length }) => length))).toBe(SHORTEST_TOKEN_LITERAL);
  });

  it("reads a string of megabytes", () => {
    const long = `"\\u0061${"x".repeat(4_000_000)}\\u00e4"`;
    expect(redactLiteral(long)).toBe(long);
  });
});
