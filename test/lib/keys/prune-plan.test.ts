import { describe, expect, it } from "vitest";
import { buildKeyring } from "../../../src/lib/keys/followed-keyring.ts";
import type { StoredEntry } from "../../../src/lib/keys/key-store.ts";
import { planPrune } from "../../../src/lib/keys/prune-plan.ts";
import { formatEntryName, parseEntryName } from "../../../src/lib/keys/record.ts";
import type { Tombstone } from "../../../src/lib/keys/tombstone.ts";

const NOW = Date.parse("2026-11-20T10:00:00Z");
const A = "a".repeat(64);
const days = (count: number): string => new Date(NOW - count * 86_400_000).toISOString().slice(0, 19) + "Z";
const RECORD = `dev.${A}`;

function plan(stored: Readonly<Record<string, string>>, tombstones: readonly Tombstone[] = []) {
  const entries = Object.entries(stored).map(([label, value]): StoredEntry => ({
    label,
    name: parseEntryName(label, "."),
    value,
    version: 1,
    changedAt: null,
  }));
  const { records, markers, kept, tombstones: fresh } = planPrune(entries, buildKeyring(entries), tombstones, NOW);
  const labels = (names: typeof records): readonly string[] => names.map((name) => formatEntryName(name, "."));
  return { records: labels(records), markers: labels(markers), kept, tombstones: fresh };
}

const tombstone = (removedDaysAgo: number, expiredDaysAgo: number | null): Tombstone => ({
  hash: A,
  removedAt: Date.parse(days(removedDaysAgo)),
  expiresAt: expiredDaysAgo === null ? null : Date.parse(days(expiredDaysAgo)),
});
const NOTHING = { records: [], markers: [], kept: 0, tombstones: [] };

describe("what may be pruned", () => {
  it.each([
    ["lives", { [RECORD]: "dev/alice" }],
    ["ended 29 days ago", { [RECORD]: `dev/alice?exp=${days(29)}` }],
    ["was revoked 29 days ago", { [RECORD]: "dev/alice", [`${RECORD}.revoked`]: `at=${days(29)}` }],
    ["was revoked at a time that nobody can read", { [RECORD]: "dev/alice", [`${RECORD}.revoked`]: "garbage" }],
    ["has an end that cannot be read", { [RECORD]: "dev/alice", [`${RECORD}.ends`]: "garbage" }],
    ["has a record that cannot be read", { [RECORD]: "garbage" }],
  ])("is no key that %s", (_what, stored) => {
    expect(plan(stored)).toEqual(NOTHING);
  });

  it.each([
    ["ended", { [RECORD]: `dev/alice?exp=${days(30)}` }, days(30)],
    ["was revoked", { [RECORD]: "dev/alice", [`${RECORD}.revoked`]: `at=${days(30)}` }, null],
    ["was rotated", { [RECORD]: "dev/alice", [`${RECORD}.ends`]: `exp=${days(30)}&next=k_0123456789ab` }, null],
    [
      "was revoked at an unreadable time and ended",
      { [RECORD]: `dev/alice?exp=${days(31)}`, [`${RECORD}.revoked`]: "x" },
      days(31),
    ],
  ])("is the record of a key that %s 30 days ago; its own end is kept in mind", (_what, stored, end) => {
    const expiresAt = end === null ? null : Date.parse(end);
    expect(plan(stored)).toEqual({
      ...NOTHING,
      records: [RECORD],
      tombstones: [{ hash: A, removedAt: NOW, expiresAt }],
    });
  });

  it("are all records of a hash that somebody copied, and no end unless all have one", () => {
    const revoked = { [`${RECORD}.revoked`]: `at=${days(40)}` };
    const one = { [RECORD]: `dev/alice?exp=${days(50)}`, [`ops.${A}`]: "ops/eve", ...revoked };
    expect(plan(one)).toMatchObject({ records: [RECORD, `ops.${A}`], tombstones: [{ expiresAt: null }] });
    const both = { [RECORD]: `dev/alice?exp=${days(50)}`, [`ops.${A}`]: `ops/eve?exp=${days(45)}`, ...revoked };
    expect(plan(both)).toMatchObject({ tombstones: [{ expiresAt: Date.parse(days(45)) }] });
  });

  const markers = { [`${RECORD}.revoked`]: `at=${days(90)}`, [`${RECORD}.ends`]: `exp=${days(90)}` };

  it("are markers of a record that has been gone for a day and would have ended", () => {
    expect(plan(markers, [tombstone(1, 0)])).toEqual({ ...NOTHING, markers: Object.keys(markers) });
  });

  it.each([
    ["that nobody buried: it may be made again", []],
    ["without an end: whoever makes it again revives the key", [tombstone(60, null)]],
    ["whose own end is to come", [tombstone(60, -1)]],
    ["that went an hour ago", [tombstone(0.04, 10)]],
    ["that went again today", [tombstone(60, 10), tombstone(0.5, 10)]],
    ["that once had no end", [tombstone(60, 10), tombstone(59, null)]],
    ["whose other burial tells a later end", [tombstone(60, 10), tombstone(59, -5)]],
  ])("are no markers of a record %s", (_what, tombstones) => {
    expect(plan(markers, tombstones)).toEqual({ ...NOTHING, kept: 1 });
  });

  it("are no markers of a record that stands again", () => {
    expect(plan({ [RECORD]: "dev/alice", ...markers }, [tombstone(60, 10)]).markers).toEqual([]);
  });
});
