import { describe, expect, it } from "vitest";
import type { StoredEntry } from "../../../src/lib/keys/key-store.ts";
import { buildKeyring } from "../../../src/lib/keys/followed-keyring.ts";
import { parseEntryName } from "../../../src/lib/keys/record.ts";
import { describeSelector, type KeySelector, selectKeys } from "../../../src/lib/keys/select-keys.ts";

const hash = (digit: string): string => digit.repeat(64);
const TWIN = `${"1".repeat(12)}${"0".repeat(52)}`;
const ENTRIES = {
  [`dev.${hash("1")}`]: "dev/alice",
  [`dev.${TWIN}`]: "dev/bob",
  [`oncall.${hash("2")}`]: "oncall/alice",
  [`dev.${hash("3")}`]: "oncall/carol",
  [`dev.${hash("4")}`]: "garbage",
  [`dev.${hash("5")}`]: "dev/dave",
  [`oncall.${hash("5")}`]: "oncall/erin",
  [`dev.${hash("6")}.revoked`]: "at=2026-11-20T10:00:00Z",
};
const KEYRING = buildKeyring(
  Object.entries(ENTRIES).map(([label, value]): StoredEntry => ({
    label,
    name: parseEntryName(label, "."),
    value,
    version: 1,
    changedAt: null,
  })),
);
const pick = (selector: Partial<KeySelector>): readonly string[] =>
  selectKeys(KEYRING, { id: null, role: null, user: null, ...selector }).map((key) => key.hash);

describe("selectKeys", () => {
  it.each([
    ["an id, every key that shares it", { id: "k_111111111111" }, [hash("1"), TWIN]],
    ["an id that only markers have", { id: "k_666666666666" }, [hash("6")]],
    ["an id and the user of one of two", { id: "k_111111111111", user: "bob" }, [TWIN]],
    ["a user, in every role", { user: "alice" }, [hash("1"), hash("2")]],
    ["a user and a role", { user: "alice", role: "oncall" }, [hash("2")]],
    ["a user by what an unusable record claims", { user: "carol" }, [hash("3")]],
    ["a user by any claim of a hash under two roles", { user: "erin" }, [hash("5")]],
    ["a role, by folder and by claim", { role: "oncall" }, [hash("2"), hash("3"), hash("5")]],
    [
      "a role, unreadable records and mere markers included",
      { role: "dev" },
      [hash("1"), TWIN, hash("3"), hash("4"), hash("5"), hash("6")],
    ],
  ])("finds by %s", (_what, selector, hashes) => {
    expect(pick(selector)).toEqual(hashes);
  });

  it.each([
    ["nothing named", {}, "usage", "key_not_named", "no key was named"],
    ["a token in the place of an id", { id: "bWNwa18wMDAw" }, "invalid", "key_id_invalid", "that is not a key id"],
    ["an unknown id", { id: "k_0000000000ff" }, "not-found", "key_not_found", "no key matches k_0000000000ff"],
    ["an unknown user", { user: "zoe" }, "not-found", "key_not_found", "no key matches user zoe"],
    [
      "a user who is not in the role",
      { user: "bob", role: "oncall" },
      "not-found",
      "key_not_found",
      "no key matches user bob, role oncall",
    ],
  ])("refuses %s", (_what, selector, kind, code, message) => {
    expect(() => pick(selector)).toThrow(expect.objectContaining({ kind, code, message }));
  });

  it.each([
    [{ id: "k_111111111112" }, "Did you mean k_111111111111?"],
    [{ user: "alicee" }, "Did you mean alice?"],
    [{ role: "oncal" }, "Did you mean oncall?"],
    [{ user: "zoe" }, "See them all with `mcpctl keys list`."],
    [{ role: "production" }, "See them all with `mcpctl keys list`."],
  ])("names the nearest for %o", (selector, hint) => {
    expect(() => pick(selector)).toThrow(expect.objectContaining({ hint }));
  });

  it("tells a selector in words", () => {
    expect(describeSelector({ id: "k_1", role: "dev", user: "bob" })).toBe("k_1, user bob, role dev");
    expect(describeSelector({ id: null, role: "dev", user: null })).toBe("role dev");
  });
});
