import { describe, expect, it } from "vitest";
import { formatNote, parseNote } from "../../../src/lib/stores/ssm-note.ts";

const AT = "2026-11-20T10:00:00Z";
const PRINTABLE = /^[ -~]{1,1024}$/;

describe("formatNote", () => {
  it.each([
    [{ action: "create", at: AT } as const, `{"action":"create","at":"${AT}"}`],
    [
      { action: "rotate", at: AT, reason: 'say "no"', author: "alice" } as const,
      String.raw`{"action":"rotate","at":"2026-11-20T10:00:00Z","author":"alice","reason":"say \"no\""}`,
    ],
  ])("writes %o as one line of JSON", (note, line) => {
    expect(formatNote(note)).toBe(line);
    expect(parseNote(line)).toEqual(note);
  });

  it("leaves a note of exactly 1,024 characters whole, and cuts one of 1,025", () => {
    const frame = formatNote({ action: "revoke", at: AT, reason: "" }).length;
    const whole = { action: "revoke", at: AT, reason: "x".repeat(1024 - frame) } as const;
    expect(formatNote(whole)).toHaveLength(1024);
    expect(parseNote(formatNote(whole))).toEqual(whole);
    const cut = formatNote({ ...whole, reason: `${whole.reason}x` });
    expect(cut).toHaveLength(1024);
    expect(parseNote(cut)).toEqual({ ...whole, reason: `${"x".repeat(1024 - frame - 3)}...` });
  });

  it.each([
    ["letters", "x"],
    ["umlauts", "ü"],
    ["emoji", "\u{1f600}"],
    ["quotes", '"'],
    ["backslashes", "\\"],
    ["braces", "{{}}"],
    ["newlines", "a\n"],
    ["half a character", "\ud83d"],
    ["nulls", "\0a"],
  ])("shortens any number of %s in reason and author, in whole characters", (_what, unit) => {
    const line = formatNote({ action: "create", at: AT, reason: unit.repeat(5000), author: unit.repeat(5000) });
    expect(line).toMatch(PRINTABLE);
    expect(line.slice(1, -1)).not.toMatch(/[{}]/);
    const note = parseNote(line);
    expect(note?.reason).toMatch(/.{50}\.\.\.$/u);
    expect(note?.author).toMatch(/.{15}\.\.\.$/u);
    expect(note?.reason?.isWellFormed()).toBe(true);
  });

  it("makes one line of several, and drops what would forge a terminal's text", () => {
    const line = formatNote({ action: "create", at: AT, reason: "a\r\n\tb\u001b[31mc\u202ed\u2028e" });
    expect(parseNote(line)?.reason).toBe("a b [31mc d e");
  });
});

describe("parseNote", () => {
  it("ignores members it does not know", () => {
    expect(parseNote(`{"action":"create","at":"${AT}","ticket":7}`)).toEqual({ action: "create", at: AT });
  });

  it.each([
    ["nothing", undefined],
    ["an empty text", ""],
    ["prose", "rotated by hand"],
    ["a number", "7"],
    ["null", "null"],
    ["a list", '["create"]'],
    ["no action", `{"at":"${AT}"}`],
    ["another action", `{"action":"delete","at":"${AT}"}`],
    ["an action that is no text", `{"action":1,"at":"${AT}"}`],
    ["no time", '{"action":"create"}'],
    ["no real time", '{"action":"create","at":"2026-02-30T10:00:00Z"}'],
    ["a time that is no text", '{"action":"create","at":1}'],
    ["a reason that is no text", `{"action":"create","at":"${AT}","reason":{}}`],
    ["a reason of null", `{"action":"create","at":"${AT}","reason":null}`],
    ["an author that is no text", `{"action":"create","at":"${AT}","author":[]}`],
    ["a terminal's escape", String.raw`{"action":"create","at":"2026-11-20T10:00:00Z","reason":"\u001b[2J"}`],
    ["text that runs backwards", String.raw`{"action":"create","at":"2026-11-20T10:00:00Z","author":"\u202ealice"}`],
    ["half a character", String.raw`{"action":"create","at":"2026-11-20T10:00:00Z","author":"\ud83d"}`],
    ["more than 1,024 characters", `{"action":"create","at":"${AT}"}${" ".repeat(1024)}`],
  ])("is null for %s", (_what, text) => {
    expect(parseNote(text)).toBeNull();
  });
});
