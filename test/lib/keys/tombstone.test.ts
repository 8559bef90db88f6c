import { describe, expect, it } from "vitest";
import { formatTombstones, parseTombstones, type Tombstone } from "../../../src/lib/keys/tombstone.ts";

const HASH = "a".repeat(64);
const AT = Date.parse("2026-11-20T10:00:00Z");
const ENDED: Tombstone = { hash: HASH, removedAt: AT, expiresAt: Date.parse("2026-10-01T00:00:00Z") };
const ENDLESS: Tombstone = { hash: "b".repeat(64), removedAt: AT, expiresAt: null };

describe("tombstones", () => {
  it("are one object of hashes, read as they were written", () => {
    const text = formatTombstones([ENDED, ENDLESS]);
    expect(JSON.parse(text)).toEqual({
      [HASH]: "at=2026-11-20T10:00:00Z&exp=2026-10-01T00:00:00Z",
      [ENDLESS.hash]: "at=2026-11-20T10:00:00Z",
    });
    expect(parseTombstones(text, "pruned.json")).toEqual([ENDED, ENDLESS]);
  });

  it.each([
    ["no JSON", "{"],
    ["a list", "[]"],
    ["a short hash", '{"ab": "at=2026-11-20T10:00:00Z"}'],
    ["no time", `{"${HASH}": ""}`],
    ["a time that is no date", `{"${HASH}": "at=2026-02-30T10:00:00Z"}`],
    ["an end that is no date", `{"${HASH}": "at=2026-11-20T10:00:00Z&exp=2026-02-30T10:00:00Z"}`],
    ["something more", `{"${HASH}": "at=2026-11-20T10:00:00Z&by=alice"}`],
    ["a hash twice", `{"${HASH}": "at=2026-11-20T10:00:00Z", "${HASH}": "at=2026-11-21T10:00:00Z"}`],
  ])("are refused whole with %s: a key must not seem new because something cannot be read", (_what, text) => {
    expect(() => parseTombstones(text, "pruned.json")).toThrow(
      expect.objectContaining({ kind: "invalid", code: "pruned_unreadable" }),
    );
  });
});
