import { expect, it } from "vitest";
import { decodeInPieces, PIECE_BYTES } from "../../../src/gateway/state/decode-in-pieces.ts";

it.each([
  ["nothing", ""],
  ["a byte order mark", "\ufeff{}"],
  ["one piece", "x".repeat(PIECE_BYTES)],
  ["one character more", "x".repeat(PIECE_BYTES + 1)],
  ["a character that two pieces share", `${"x".repeat(PIECE_BYTES - 1)}\u{1f600}${"x".repeat(PIECE_BYTES)}`],
  ["a byte order mark that begins a piece", `${"x".repeat(PIECE_BYTES)}\ufeffx`],
])("text is decoded as it was: %s", (_what, text) => {
  expect(decodeInPieces(Buffer.from(text), "keys") === text).toBe(true);
});

it.each([
  ["short", 0],
  ["long", 2 * PIECE_BYTES],
])("what is no UTF-8 is refused, though only its last character is cut: %s", (_what, length) => {
  const bytes = Buffer.concat([Buffer.alloc(length, "x"), Buffer.from("\u{1f600}").subarray(0, 3)]);
  expect(() => decodeInPieces(bytes, "keys")).toThrow(
    expect.objectContaining({ kind: "invalid", code: "not_utf8", message: "keys is not UTF-8" }),
  );
});
