import { describe, expect, it } from "vitest";
import { buildKeyring } from "../../../src/lib/keys/followed-keyring.ts";
import { planImport, standingKey, type ImportContext } from "../../../src/lib/keys/import-plan.ts";
import { readImport } from "../../../src/lib/keys/import-source.ts";
import type { StoredEntry } from "../../../src/lib/keys/key-store.ts";
import { parseEntryName } from "../../../src/lib/keys/record.ts";

const NOW = Date.parse("2026-11-20T10:00:00Z");
const LATEST = Date.parse("2026-12-20T10:00:00Z");
const [A, B] = ["a".repeat(64), "b".repeat(64)];
const REVOKED = "at=2026-11-01T00:00:00Z";
const ENDS = "exp=2026-11-25T00:00:00Z&next=k_0123456789ab";

/** What a store with these entries, by their name in a keys.json, says to an import. */
function contextOf(stored: Readonly<Record<string, string>> = {}, pruned: readonly string[] = []): ImportContext {
  const entries = Object.entries(stored).map(([label, value]): StoredEntry => ({
    label,
    name: parseEntryName(label, "."),
    value,
    version: 1,
    changedAt: null,
  }));
  return {
    keyring: buildKeyring(entries),
    standing: new Map(entries.flatMap(({ name, value }) => (name === null ? [] : [[standingKey(name), value]]))),
    pruned: new Set(pruned),
    roles: new Set(["dev", "oncall"]),
    now: NOW,
    latestEnd: LATEST,
  };
}

const plan = (text: string, context: ImportContext = contextOf()) => {
  const { writes, equal, expired, problems } = planImport(readImport(text, "keys.json"), context);
  return {
    writes: writes.map(({ name, value }) => [name.role, name.hash, name.part, value]),
    equal,
    expired,
    problems,
  };
};
const json = (entries: Readonly<Record<string, string>>): string => JSON.stringify(entries);
const NOTHING = { writes: [], equal: 0, expired: 0, problems: [] };

describe("what is to be imported", () => {
  it("is lines of hash:role/user, with an end or without, among comments and empty lines, with CRLF too", () => {
    const text = `# old gateway\r\n\r\n${A}:dev/alice\r\n${B}:oncall/bob?exp=2026-12-01T00:00:00Z\n`;
    expect(plan(text).writes).toEqual([
      ["dev", A, "record", "dev/alice?exp=2026-12-20T10:00:00Z"],
      ["oncall", B, "record", "oncall/bob?exp=2026-12-01T00:00:00Z"],
    ]);
  });

  it("is a keys.json, bare hashes too; markers are made before records", () => {
    const text = json({
      [A]: "dev/alice",
      [`dev.${B}`]: "dev/bob",
      [`dev.${B}.revoked`]: REVOKED,
      [`dev.${A}.ends`]: ENDS,
    });
    expect(plan(text)).toEqual({
      ...NOTHING,
      writes: [
        ["dev", B, "revoked", REVOKED],
        ["dev", A, "ends", ENDS],
        ["dev", A, "record", "dev/alice?exp=2026-12-20T10:00:00Z"],
        ["dev", B, "record", "dev/bob?exp=2026-12-20T10:00:00Z"],
      ],
    });
  });

  it("keeps an end of its own that is earlier, and lives on where no end is asked for", () => {
    const own = `${A}:dev/alice?exp=2026-11-21T00:00:00Z`;
    expect(plan(own).writes).toEqual([["dev", A, "record", "dev/alice?exp=2026-11-21T00:00:00Z"]]);
    expect(plan(`${A}:dev/alice`, { ...contextOf(), latestEnd: null }).writes).toEqual([
      ["dev", A, "record", "dev/alice"],
    ]);
  });

  it("leaves out what has ended", () => {
    expect(plan(`${A}:dev/alice?exp=2026-11-20T10:00:00Z`)).toEqual({ ...NOTHING, expired: 1 });
  });

  it.each([
    ["a line without a hash", "alice:dev/alice", "line 1", "is not <64 hex characters of a hash>:role/user"],
    ["an upper-case hash", `${A.toUpperCase()}:dev/alice`, "line 1", "is not <64 hex characters of a hash>:role/user"],
    ["no user", `\n${A}:dev`, "line 2", "is not <64 hex characters of a hash>:role/user"],
    ["an unknown role", `${A}:nobody/alice`, "line 1", "the role file has no role nobody"],
    ["a name of another kind", json({ hello: "dev/alice" }), "hello", "is not the name of a key's entry"],
    [
      "a foreign folder",
      json({ [`dev.${A}`]: "oncall/eve" }),
      `dev.${A}`,
      "it lies under dev and claims the role oncall",
    ],
    ["a record of garbage", json({ [`dev.${A}`]: "x" }), `dev.${A}`, "its record is not role/user"],
    ["an end of garbage", json({ [`dev.${A}.ends`]: "x" }), `dev.${A}.ends`, "its value cannot be read"],
    ["a revocation of garbage", json({ [`dev.${A}.revoked`]: "x" }), `dev.${A}.revoked`, "its value cannot be read"],
  ])("is stopped by %s", (_what, text, place, message) => {
    expect(plan(text)).toEqual({ ...NOTHING, problems: [{ place, message }] });
  });

  it("is stopped by a hash that stands twice, even under one role, and tells of each", () => {
    const message = "stands more than once in what is imported";
    expect(plan(`${A}:dev/alice\n${A}:dev/alice`).problems).toEqual([
      { place: "line 1", message },
      { place: "line 2", message },
    ]);
    expect(plan(json({ [`dev.${A}`]: "dev/alice", [`oncall.${A}`]: "oncall/alice" })).problems).toHaveLength(2);
  });

  it.each([
    ["as it was", `${A}:dev/alice`, "dev/alice"],
    ["with the end that an earlier import gave it", `${A}:dev/alice`, "dev/alice?exp=2026-12-01T00:00:00Z"],
    ["ending earlier", `${A}:dev/alice?exp=2026-12-05T00:00:00Z`, "dev/alice?exp=2026-12-01T00:00:00Z"],
  ])("skips what the store has %s", (_what, text, stored) => {
    expect(plan(text, contextOf({ [`dev.${A}`]: stored }))).toEqual({ ...NOTHING, equal: 1 });
  });

  it.each([
    ["of another user", "dev/bob", `${A}:dev/alice`],
    ["that ends later than it is to", "dev/alice?exp=2026-12-09T00:00:00Z", `${A}:dev/alice?exp=2026-12-05T00:00:00Z`],
    ["that never ends and is to", "dev/alice", `${A}:dev/alice?exp=2026-12-05T00:00:00Z`],
    ["of garbage", "x", `${A}:dev/alice`],
  ])("is stopped by a record in the store %s", (_what, stored, text) => {
    expect(plan(text, contextOf({ [`dev.${A}`]: stored })).problems).toEqual([
      { place: "line 1", message: "the store has another record of this key" },
    ]);
  });

  it("is stopped by a key that the store has under another role", () => {
    expect(plan(`${A}:dev/alice`, contextOf({ [`oncall.${A}`]: "oncall/alice" })).problems).toEqual([
      { place: "line 1", message: "the store has this key under oncall" },
    ]);
  });

  it("never brings back a key that was revoked, whatever its marker says and wherever it lies, or that was pruned", () => {
    const revoked = { place: "line 1", message: "this key was revoked; it never comes back" };
    expect(plan(`${A}:dev/alice`, contextOf({ [`dev.${A}.revoked`]: "garbage" })).problems).toEqual([revoked]);
    expect(plan(`${A}:dev/alice`, contextOf({ [`oncall.${A}.revoked`]: REVOKED })).problems).toEqual([revoked]);
    expect(plan(`${A}:dev/alice`, contextOf({}, [A])).problems).toEqual([
      { place: "line 1", message: "this key had ended and was pruned; it never comes back" },
    ]);
  });

  it("skips markers that stand, a revocation whatever it says, and is stopped by another end", () => {
    const text = json({ [`dev.${A}.revoked`]: REVOKED, [`dev.${A}.ends`]: ENDS });
    const other = "exp=2026-11-30T00:00:00Z&next=k_0123456789ab";
    expect(plan(text, contextOf({ [`dev.${A}.revoked`]: "garbage", [`dev.${A}.ends`]: ENDS }))).toEqual({
      ...NOTHING,
      equal: 2,
    });
    expect(plan(text, contextOf({ [`dev.${A}.ends`]: other }))).toMatchObject({
      writes: [["dev", A, "revoked", REVOKED]],
      problems: [{ place: `dev.${A}.ends`, message: "the store has another end of this key" }],
    });
  });
});
