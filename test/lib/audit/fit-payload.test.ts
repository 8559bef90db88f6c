import { createHash, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { AuditedMessage } from "../../../src/lib/audit/message-parts.ts";
import { fitPayload, type Payload } from "../../../src/lib/audit/payload.ts";
import { RedactedNames } from "../../../src/lib/audit/redacted-names.ts";
import { mintKey } from "../../../src/lib/keys/key.ts";
import { seededNumbers } from "../../support/seeded.ts";
import { makeJsonText } from "./json-text.ts";

const names = new RedactedNames(["password"]);
const STRING = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

const args = (json: string): AuditedMessage => ({
  text: `{"id":1,"params":{"name":"t","arguments":${json}}}`,
  kind: "request",
  method: "tools/call",
  tool: "t",
});
const fit = (message: AuditedMessage, maxBytes: number): Payload | null => fitPayload(message, { maxBytes, names });
const cutOf = (value: string, prefix: string): string => {
  const sha256 = createHash("sha256").update(value).digest("hex");
  return `[cut: ${Buffer.byteLength(value)} bytes, sha256 ${sha256}] ${prefix}`;
};
const bytesOf = ({ method, tool_name, jsonrpc_id, tool_args, params }: Payload): number =>
  [method, tool_name].reduce((sum, each) => sum + Buffer.byteLength(JSON.stringify(each)), 0) +
  [jsonrpc_id, tool_args, params].reduce((sum, each) => sum + Buffer.byteLength(each?.json ?? "null"), 0);
const FRAME = bytesOf(fit(args("1"), 1000) as Payload) - 1;

describe("fitting", () => {
  it("cuts nothing that fits to the byte, and the longest string one byte below", () => {
    const json = JSON.stringify({ short: "s".repeat(299), long: "ä".repeat(150), n: [1] });
    const room = FRAME + Buffer.byteLength(json);
    expect(fit(args(json), room)).toMatchObject({ tool_args: { json }, cut_strings: 0 });
    const cut = { short: "s".repeat(299), long: cutOf("ä".repeat(150), "ä".repeat(64)), n: [1] };
    expect(fit(args(json), room - 1)).toMatchObject({ tool_args: { json: JSON.stringify(cut) }, cut_strings: 1 });
  });

  it("cuts a name's value and never a name", () => {
    const name = "n".repeat(5000);
    expect(fit(args(JSON.stringify({ [name]: "v" })), 4000)).toBeNull();
    const value = "v".repeat(5000);
    const cut = JSON.stringify({ [name]: cutOf(value, "v".repeat(64)) });
    expect(fit(args(JSON.stringify({ [name]: value })), 6000)?.tool_args?.json).toBe(cut);
  });

  it("cuts ids, parameters and arguments alike, the longest first", () => {
    const [id, argument, parameter] = ["i".repeat(3000), "a".repeat(2000), "p".repeat(1000)] as const;
    const text = JSON.stringify({ id, params: { name: "t", arguments: argument, p: parameter } });
    const message: AuditedMessage = { text, kind: "request", method: "tools/call", tool: "t" };
    const of = (maxBytes: number): unknown => {
      const { jsonrpc_id, tool_args, params, cut_strings } = fit(message, maxBytes) as Payload;
      return [jsonrpc_id, tool_args, params].map((each) => each?.json.includes("[cut: ")).concat(cut_strings > 0);
    };
    expect(of(7000)).toEqual([false, false, false, false]);
    expect(of(6000)).toEqual([true, false, false, true]);
    expect(of(2500)).toEqual([true, true, false, true]);
    expect(of(700)).toEqual([true, true, true, true]);
    expect(fit(message, 480)).toBeNull();
  });

  it("never leaves half of a surrogate pair, and counts what UTF-8 writes", () => {
    const value = `x${"😀".repeat(600)}`;
    const cut = JSON.stringify(cutOf(value, `x${"😀".repeat(31)}`));
    expect(fit(args(JSON.stringify(value)), 1000)?.tool_args?.json).toBe(cut);
    const lone = "\ud800".repeat(600);
    expect(fit(args(JSON.stringify(lone)), 1000)?.tool_args?.json).toBe(
      JSON.stringify(cutOf(lone, "\ud800".repeat(63))),
    );
  });

  it("hashes what would have been logged: the decoded string, its tokens replaced", () => {
    const { token, id } = mintKey(randomBytes);
    const json = `"\\u0078\\n ${token.reveal()} ${"y".repeat(2000)}"`;
    const value = `x\n [${id}] ${"y".repeat(2000)}`;
    expect(fit(args(json), 1000)?.tool_args?.json).toBe(JSON.stringify(cutOf(value, value.slice(0, 64))));
  });

  it("does not cut what was redacted away", () => {
    const json = `{"password":"${"p".repeat(5000)}"}`;
    expect(fit(args(json), 500)).toMatchObject({ tool_args: { json: '{"password":"[redacted]"}' }, cut_strings: 0 });
  });

  it.each([
    ["154 characters", `"${"a".repeat(154)}"`, null],
    ["155 characters", `"${"a".repeat(155)}"`, "a".repeat(155)],
    ["17 escapes", `"${"\\u0061".repeat(17)}"`, null],
    ["18 escapes", `"${"\\u0061".repeat(18)}"`, "a".repeat(18)],
  ])("cuts a string of %s only if it gets shorter", (_what, json, value) => {
    const cut = value === null ? undefined : JSON.stringify(cutOf(value, value.slice(0, 64)));
    expect(fit(args(json), FRAME + json.length - 1)?.tool_args?.json).toBe(cut);
  });

  it("leaves a long string alone that would not get shorter, and cuts a shorter one", () => {
    const [wide, plain] = ["中".repeat(93), "a".repeat(180)];
    const room = FRAME + Buffer.byteLength(JSON.stringify([wide, plain])) - 1;
    const cut = JSON.stringify([wide, cutOf(plain, plain.slice(0, 64))]);
    expect(fit(args(JSON.stringify([wide, plain])), room)).toMatchObject({ tool_args: { json: cut }, cut_strings: 1 });
  });

  it("gives up where names, numbers or methods are too long", () => {
    expect(fit(args("1".repeat(1000)), 1000)).toBeNull();
    expect(fit({ ...args("1"), method: "m".repeat(1000) }, 1000)).toBeNull();
    expect(fit({ ...args("1"), tool: "\u0000".repeat(170) }, 1000)).toBeNull();
    expect(fit({ ...args("1"), tool: "m".repeat(170) }, 1000)).not.toBeNull();
  });

  it.each([
    ["a million short strings", `[${'"a",'.repeat(1_000_000)}1]`, null],
    ["a million short strings and as many spaces", `[${'"a" , '.repeat(700_000)}1]`, null],
    ["a hundred thousand long strings", `[${`"${"x".repeat(100)}",`.repeat(100_000)}1]`, null],
    ["two million levels", "[".repeat(2_000_000) + "]".repeat(2_000_000), null],
    ["three hundred thousand names", `{${Array.from({ length: 300_000 }, (_, n) => `"p${n}":1`).join()}}`, null],
    ["half a million escapes to look behind", `[${'"\\u0061aaaaaaaaaaaa",'.repeat(200_000)}1]`, null],
    ["a hundred strings of 40,000", `[${`"${"x".repeat(40_000)}",`.repeat(100)}1]`, 100],
    ["one string of megabytes of quotes", JSON.stringify('"'.repeat(2_000_000)), 1],
    ["megabytes of space", `[${" ".repeat(4_000_000)}1]`, 0],
  ])("is done with %s", (_what, json, cuts) => {
    expect(fit(args(json), 20_000)?.cut_strings ?? null).toBe(cuts);
  });
});

describe("of any arguments, the fitted ones", () => {
  it("differ only in strings, the longest ones, no more of them than they must, and fit", () => {
    const pick = seededNumbers(20_261_121);
    const seen = { whole: 0, cut: 0, tooLong: 0 };
    for (let round = 0; round < 500; round += 1) {
      const json = makeJsonText(pick);
      const maxBytes = FRAME + 200 + pick(3000);
      const payload = fit(args(json), maxBytes);
      const expected = slowFit(json, maxBytes - FRAME);
      expect({ json, args: payload?.tool_args?.json, cuts: payload?.cut_strings }).toEqual({ json, ...expected });
      expect(payload === null ? 0 : bytesOf(payload)).toBeLessThanOrEqual(maxBytes);
      seen[payload === null ? "tooLong" : payload.cut_strings === 0 ? "whole" : "cut"] += 1;
    }
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(30);
  });
});

/** The same answer from a reader that replaces strings by pattern, one more at a time. */
function slowFit(json: string, room: number): { args: string | undefined; cuts: number | undefined } {
  const compact = json.replaceAll(/("(?:[^"\\]|\\.)*")|[ \t\r\n]+/g, "$1");
  const values = [...compact.matchAll(STRING)].filter((match) => match[1] === undefined);
  const sizes = values.map(([literal], index) => ({ index, bytes: Buffer.byteLength(literal) }));
  const order = sizes
    .sort((one, other) => other.bytes - one.bytes)
    .filter(({ index }) => saves(values[index]?.[0] ?? ""));
  for (let cuts = 0; cuts <= order.length; cuts += 1) {
    const chosen = new Set(order.slice(0, cuts).map(({ index }) => index));
    let at = -1;
    const text = compact.replaceAll(STRING, (literal, colon?: string) => {
      if (colon !== undefined) return literal;
      at += 1;
      return chosen.has(at) ? cutLiteral(literal) : literal;
    });
    if (Buffer.byteLength(text) <= room) return { args: text, cuts };
  }
  return { args: undefined, cuts: undefined };
}

function saves(literal: string): boolean {
  return Buffer.byteLength(cutLiteral(literal)) < Buffer.byteLength(literal);
}

function cutLiteral(literal: string): string {
  const value = JSON.parse(literal) as string;
  const prefix = value.slice(0, 64);
  return JSON.stringify(cutOf(value, /[\ud800-\udbff]$/.test(prefix) ? prefix.slice(0, -1) : prefix));
}
