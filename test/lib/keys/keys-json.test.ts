import { describe, expect, it } from "vitest";
import { parseKeysJson } from "../../../src/lib/keys/keys-json.ts";

const HASH = "a".repeat(64);
const strict = { source: "keys.json", allowsBareHashes: false };
const bare = { source: "keys.json", allowsBareHashes: true };
const rest = { version: null, changedAt: null };

describe("parseKeysJson", () => {
  it("tells records, markers and what is neither, in order", () => {
    const text = JSON.stringify({ [`dev.${HASH}`]: "dev/a", [`dev.${HASH}.revoked`]: "?", stray: "x" });
    expect(parseKeysJson(text, strict)).toEqual([
      { label: `dev.${HASH}`, name: { role: "dev", hash: HASH, part: "record" }, value: "dev/a", ...rest },
      { label: `dev.${HASH}.revoked`, name: { role: "dev", hash: HASH, part: "revoked" }, value: "?", ...rest },
      { label: "stray", name: null, value: "x", ...rest },
    ]);
  });

  it("takes an empty object for an empty store", () => {
    expect(parseKeysJson("{}\n", strict)).toEqual([]);
  });

  it("takes a bare hash where that is allowed, at its own word for the role, and nowhere else", () => {
    const text = JSON.stringify({ [HASH]: "dev/a" });
    const entry = { label: HASH, value: "dev/a", ...rest };
    expect(parseKeysJson(text, bare)).toEqual([{ ...entry, name: { role: "dev", hash: HASH, part: "record" } }]);
    expect(parseKeysJson(text, strict)).toEqual([{ ...entry, name: null }]);
  });

  it.each([
    ["a bare hash with a record that cannot be read", HASH, "garbage"],
    ["a bare hash in upper case", HASH.toUpperCase(), "dev/a"],
    ["a bare marker", `${HASH}.revoked`, "at=2026-11-20T10:00:00Z"],
    ["SSM's form of a name", `dev/${HASH}`, "dev/a"],
  ])("takes %s for foreign", (_what, label, value) => {
    expect(parseKeysJson(JSON.stringify({ [label]: value }), bare)).toEqual([{ label, name: null, value, ...rest }]);
  });

  it.each([
    ["an empty file", "", "not JSON"],
    ["prose", "keys", "not JSON"],
    ["half a file", `{"dev.${HASH}": "dev/`, "not JSON"],
    ["a byte order mark", "\ufeff{}", "not JSON"],
    ["a list", "[]", "not one object whose values are all strings"],
    ["null", "null", "not one object whose values are all strings"],
    ["a value that is no text", `{"dev.${HASH}": null}`, "not one object whose values are all strings"],
    ["a value that is an object", `{"a": "b", "dev.${HASH}": {}}`, "not one object whose values are all strings"],
    ["a name twice", `{"dev.${HASH}": "dev/a", "dev.${HASH}": "dev/a"}`, `the name "dev.${HASH}" stands twice`],
    ["a foreign name twice", '{"x": "1", "x": "2"}', 'the name "x" stands twice'],
  ])("cannot read %s", (_what, text, detail) => {
    expect(() => parseKeysJson(text, bare)).toThrow(
      expect.objectContaining({
        name: "AppError",
        kind: "invalid",
        code: "keys_json_unreadable",
        message: `keys.json is not a keys.json: ${detail}`,
      }),
    );
  });
});
