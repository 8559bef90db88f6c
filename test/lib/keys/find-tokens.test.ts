import { describe, expect, it } from "vitest";
import { KEY_EXPRESSION, TOKEN_EXPRESSION, TokenFinder, type FoundToken } from "../../../src/lib/keys/find-tokens.ts";
import { HIDDEN_LEAKS, LEAKS, leakedKey, NO_LEAKS } from "../../support/leaks.ts";
import { seededBytes, seededNumbers } from "../../support/seeded.ts";

const LEAKED = leakedKey(seededBytes("leak")(32));
const ZEROS = leakedKey(new Uint8Array(32)).hash;

function find(text: string | Uint8Array, pieceBytes = Infinity): readonly FoundToken[] {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  const finder = new TokenFinder();
  const found: FoundToken[] = [];
  for (let at = 0; at < bytes.length; at += Math.min(pieceBytes, bytes.length))
    found.push(...finder.push(bytes.subarray(at, at + Math.min(pieceBytes, bytes.length))));
  return found;
}

describe("what is found", () => {
  it.each([...LEAKS, ...HIDDEN_LEAKS])("$what", ({ text }) => {
    expect(find(text(LEAKED.token, LEAKED.key)).map(({ hash }) => hash)).toEqual([LEAKED.hash]);
  });

  it.each(NO_LEAKS)("is not $what", ({ text }) => {
    const found = find(text(LEAKED.token, LEAKED.key)).filter(({ hash }) => hash !== ZEROS);
    expect(found).toEqual([]);
  });

  it("stands anywhere in base64, of either alphabet", () => {
    const before = seededBytes("before");
    for (let length = 0; length < 60; length += 1) {
      const { key, token, hash } = leakedKey(before(32));
      for (const secret of [token, key])
        for (const after of ["", "x", "xy", "xyz", "\u00ff"]) {
          const bytes = Buffer.concat([before(length), Buffer.from(secret + after, "latin1")]);
          for (const text of [bytes.toString("base64"), bytes.toString("base64url")])
            for (const pieceBytes of [50, Infinity])
              expect(find(text, pieceBytes).map((found) => found.hash)).toEqual([hash]);
        }
    }
  });

  it("is a real one inside what only begins like one", () => {
    for (let length = 1; length < 72; length += 1)
      for (const pieceBytes of [1, 64, Infinity])
        expect(
          find(`${LEAKED.token.slice(0, length)}${LEAKED.token}`, pieceBytes).filter(({ hash }) => hash !== null),
        ).toEqual([{ line: 1, column: length + 1, hash: LEAKED.hash }]);
    const behind = `YldOd2Ex${LEAKED.token}${"x".repeat(30)}`;
    expect(find(behind)).toEqual([{ line: 1, column: 9, hash: LEAKED.hash }]);
  });

  it("is every key that is ever made, and its token", () => {
    const random = seededBytes("many");
    const tokens = new RegExp(`^${TOKEN_EXPRESSION}$`);
    const keys = new RegExp(`^${KEY_EXPRESSION}$`);
    for (let count = 0; count < 2000; count += 1) {
      const { key, token, hash } = leakedKey(random(32));
      expect([tokens.test(token), keys.test(key)]).toEqual([true, true]);
      expect(find(`${token} ${key}`).map((found) => found.hash)).toEqual([hash, hash]);
    }
    for (const byte of [0, 255]) {
      const { token, hash } = leakedKey(new Uint8Array(32).fill(byte));
      expect(find(token).map((found) => found.hash)).toEqual([hash]);
    }
  });

  it("tells by its checksum what is a typing error", () => {
    const next = seededNumbers(7);
    const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (let count = 0; count < 2000; count += 1) {
      const at = 5 + next(49);
      const digit = alphabet[(alphabet.indexOf(LEAKED.key[at] as string) + 1 + next(61)) % 62] as string;
      const typo = LEAKED.key.slice(0, at) + digit + LEAKED.key.slice(at + 1);
      expect(find(typo)).toEqual([{ line: 1, column: 1, hash: null }]);
    }
  });

  it("is told by line and column, whatever the pieces it comes in", () => {
    const text = `first\r\n\n  ${LEAKED.token}${LEAKED.key}\nx${"y".repeat(300)}${LEAKED.token}\n${LEAKED.key}`;
    const expected = [
      { line: 3, column: 3, hash: LEAKED.hash },
      { line: 3, column: 75, hash: LEAKED.hash },
      { line: 4, column: 302, hash: LEAKED.hash },
      { line: 5, column: 1, hash: LEAKED.hash },
    ];
    for (const pieceBytes of [1, 2, 7, 53, 54, 71, 72, 73, 95, 96, 97, 200, 1000])
      expect(find(text, pieceBytes)).toEqual(expected);
  });

  it("has a column of characters, where they have several bytes as well", () => {
    const text = `ä\näöü€😀 ${LEAKED.token}`;
    for (const pieceBytes of [1, 3, 100, Infinity])
      expect(find(text, pieceBytes)).toEqual([{ line: 2, column: 7, hash: LEAKED.hash }]);
  });

  it("is found in UTF-16 of either order, and among any bytes", () => {
    const utf16 = Buffer.from(`a\n${LEAKED.token}`, "utf16le");
    expect(find(utf16)).toEqual([{ line: 2, column: 1, hash: LEAKED.hash }]);
    expect(find(utf16.swap16())).toEqual([{ line: 2, column: 1, hash: LEAKED.hash }]);
    const bytes = Buffer.concat([Buffer.from([0, 1, 255, 254]), Buffer.from(LEAKED.token), Buffer.from([0, 200])]);
    expect(find(bytes).map(({ hash }) => hash)).toEqual([LEAKED.hash]);
  });

  it("keeps no more than a token's length of a line of a hundred megabytes", () => {
    const finder = new TokenFinder();
    const piece = Buffer.alloc(1024 * 1024, "x");
    for (let count = 0; count < 100; count += 1) expect(finder.push(piece)).toEqual([]);
    expect(finder.push(Buffer.from(LEAKED.token))).toEqual([
      { line: 1, column: 100 * 1024 * 1024 + 1, hash: LEAKED.hash },
    ]);
  });
});
