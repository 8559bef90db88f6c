import { describe, expect, it } from "vitest";
import { crc32 } from "../../../src/lib/keys/crc32.ts";
import { formatKey, hashKey, isKeyId, keyId, mintKey, readToken } from "../../../src/lib/keys/key.ts";
import { seededBytes } from "../../support/seeded.ts";

const ZERO = {
  key: "mcpk_000000000000000000000000000000000000000000038RaDo",
  token: "bWNwa18wMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMzhSYURv",
  hash: "d9b6b1321c0bb82d517651f41fca20f3a62a0d93f45d39a71989d30a860275ee",
};
const base64 = (text: string | Uint8Array): string => Buffer.from(text as string).toString("base64");

describe("the test vector of the design", () => {
  it("is the key of 32 zero bytes, its token and its hash", () => {
    const minted = mintKey((length) => new Uint8Array(length));
    expect(formatKey(new Uint8Array(32))).toBe(ZERO.key);
    expect({ token: minted.token.reveal(), hash: minted.hash, id: minted.id }).toEqual({
      token: ZERO.token,
      hash: ZERO.hash,
      id: "k_d9b6b1321c0b",
    });
    expect(hashKey(Buffer.from(ZERO.key))).toBe(ZERO.hash);
    expect(readToken(ZERO.token)).toEqual({ ok: true, hash: ZERO.hash });
  });
});

describe("formatKey", () => {
  it("writes the largest number in the same 54 characters", () => {
    const key = formatKey(new Uint8Array(32).fill(255));
    expect(key).toMatch(/^mcpk_[0-9A-Za-z]{49}$/);
    expect(readBack(key)).toBe(2n ** 256n - 1n);
  });

  it("reads its bytes as one big-endian number", () => {
    expect(readBack(formatKey(Uint8Array.from({ length: 32 }, (_, at) => (at === 31 ? 61 : 0))))).toBe(61n);
    expect(readBack(formatKey(Uint8Array.from({ length: 32 }, (_, at) => (at === 30 ? 1 : 0))))).toBe(256n);
  });

  it.each([0, 31, 33])("refuses %i bytes", (length) => {
    expect(() => formatKey(new Uint8Array(length))).toThrow(RangeError);
  });
});

describe("mintKey", () => {
  it("asks for exactly 32 random bytes", () => {
    const asked: number[] = [];
    mintKey((length) => {
      asked.push(length);
      return new Uint8Array(length);
    });
    expect(asked).toEqual([32]);
  });

  it("makes tokens of 72 characters that begin alike and that it can read", () => {
    const random = seededBytes();
    const keys = Array.from({ length: 300 }, () => mintKey(random));
    for (const { token, hash, id } of keys) {
      expect(token.reveal()).toMatch(/^bWNwa1[A-Za-z0-9+/]{66}$/);
      expect(readToken(token.reveal())).toEqual({ ok: true, hash });
      expect(id).toBe(`k_${hash.slice(0, 12)}`);
    }
    expect(new Set(keys.map(({ hash }) => hash)).size).toBe(300);
  });
});

describe("readToken", () => {
  const legacy = (length: number): string => base64(new Uint8Array(length).fill(120));

  it.each([
    ["16 bytes, the fewest", legacy(16)],
    ["512 bytes, the most", legacy(512)],
    ["an older key of any bytes", base64(Uint8Array.from({ length: 24 }, (_, at) => 255 - at))],
    ["an older key that only resembles ours", base64("mcpk-0000000000000000")],
    ["an older key in another case", base64("MCPK_0000000000000000")],
  ])("takes %s by the hash of its bytes", (_what, token) => {
    expect(readToken(token)).toEqual({ ok: true, hash: hashKey(Buffer.from(token, "base64")) });
  });

  it.each([
    ["nothing", "", "wrong_length"],
    ["15 bytes", legacy(15), "wrong_length"],
    ["513 bytes", legacy(513), "wrong_length"],
    ["a text longer than any token", "A".repeat(685), "wrong_length"],
    ["a megabyte", "A".repeat(1_000_000), "wrong_length"],
    ["missing padding", legacy(16).replaceAll("=", ""), "not_base64"],
    ["the alphabet for URLs", base64(new Uint8Array(18).fill(255)).replaceAll("/", "_"), "not_base64"],
    ["spare bits that are not zero", `${legacy(16).slice(0, 21)}B==`, "not_base64"],
    ["white space in front", ` ${ZERO.token}`, "not_base64"],
    ["white space inside", `${ZERO.token.slice(0, 36)} ${ZERO.token.slice(36)}`, "not_base64"],
    ["a line end behind", `${ZERO.token}\n`, "not_base64"],
    ["a key that was not encoded", ZERO.key, "not_base64"],
    ["padding in the middle", `${legacy(16)}${legacy(16)}`, "not_base64"],
    ["our prefix and too few characters", base64("mcpk_00000000000"), "wrong_form"],
    ["our prefix and one character too many", base64(`${ZERO.key}0`), "wrong_form"],
    ["our prefix and a character that is not base62", base64(ZERO.key.replace("mcpk_0", "mcpk_-")), "wrong_form"],
    ["a line end behind the key", base64(`${ZERO.key.slice(0, 53)}\n`), "wrong_form"],
    ["a wrong last character", base64(`${ZERO.key.slice(0, 53)}p`), "wrong_checksum"],
    ["two characters exchanged", base64(ZERO.key.replace("0038R", "0083R")), "wrong_checksum"],
    ["a checksum in another case", base64(ZERO.key.replace("RaDo", "rado")), "wrong_checksum"],
  ])("refuses %s", (_what, token, problem) => {
    expect(readToken(token)).toEqual({ ok: false, problem });
  });

  it("refuses every change of a single character of a key", () => {
    for (let at = 5; at < ZERO.key.length; at += 1) {
      const changed = `${ZERO.key.slice(0, at)}${ZERO.key[at] === "z" ? "y" : "z"}${ZERO.key.slice(at + 1)}`;
      expect(readToken(base64(changed))).toEqual({ ok: false, problem: "wrong_checksum" });
    }
  });
});

describe("isKeyId", () => {
  it.each([
    [keyId(ZERO.hash), true],
    ["k_0123456789ab", true],
    ["k_0123456789AB", false],
    ["k_0123456789a", false],
    ["k_0123456789abc", false],
    ["0123456789ab", false],
    ["k_0123456789ab\n", false],
    ["", false],
  ])("%j: %s", (text, expected) => {
    expect(isKeyId(text)).toBe(expected);
  });
});

describe("crc32", () => {
  it.each([
    ["", 0],
    ["123456789", 0xcbf43926],
    ["The quick brown fox jumps over the lazy dog", 0x414fa339],
  ])("of %j is that of IEEE 802.3", (text, expected) => {
    expect(crc32(Buffer.from(text))).toBe(expected);
  });
});

/** The number that a key's 43 base62 digits make. */
function readBack(key: string): bigint {
  const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return Array.from(key.slice(5, 48)).reduce((sum, digit) => sum * 62n + BigInt(alphabet.indexOf(digit)), 0n);
}
