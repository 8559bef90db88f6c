import { describe, expect, it } from "vitest";
import { readReplicaState, statePath, type ReplicaQuery } from "../../../src/lib/cluster/replica-state.ts";

const SOURCE = {
  what: "locks",
  path: "denylist.json",
  usable: true,
  sha256: "ab",
  resource_version: null,
  age_seconds: 0,
  problem: null,
};
const KEYS = { accepted: 0, refused: [{ key_id: "k_0123456789ab", reason: "key_revoked" }] };
const LOCK = { id: "lock_1", in_force: true, since: null, refused_calls: 0, first_refused_at: null, cut_calls: 2 };
const STATE = { version: "1", instance: "gw-1", ready: [], sources: [SOURCE], counts: { keys: 1, roles: null } };
const read = (value: unknown, query: ReplicaQuery = {}) => readReplicaState(JSON.stringify(value), "gw-1", query);

describe("what a gateway says of itself", () => {
  it("is read with what was asked, and with more than this version knows", () => {
    expect(read(STATE)).toEqual({ ...STATE, keys: null, lock: null });
    const asked = { ...STATE, keys: KEYS, lock: LOCK, query: {}, audit: {} };
    expect(read(asked, { user: "alice", lock: "lock_1" })).toEqual(asked);
    expect(read({ ...STATE, keys: null }, { role: "dev" })).toEqual({ ...STATE, keys: null, lock: null });
  });

  it.each<[string, unknown, ReplicaQuery?]>([
    ["nothing", null],
    ["a list", []],
    ["a version that is no text", { ...STATE, version: 1 }],
    ["no counts", { ...STATE, counts: null }],
    ["a count that is text", { ...STATE, counts: { keys: "1" } }],
    ["reasons that are no text", { ...STATE, ready: [null] }],
    ["a source that is null", { ...STATE, sources: [null] }],
    ["a source that is half", { ...STATE, sources: [{ ...SOURCE, usable: undefined }] }],
    ["a source with a digest that is a number", { ...STATE, sources: [{ ...SOURCE, sha256: 1 }] }],
    ["keys without a count", { ...STATE, keys: { refused: [] } }],
    ["a negative number of keys", { ...STATE, keys: { ...KEYS, accepted: -1 } }],
    ["keys without a list", { ...STATE, keys: { accepted: 0 } }],
    ["keys that are refused for no reason", { ...STATE, keys: { accepted: 0, refused: [{ key_id: "k_1" }] } }],
    ["a lock that is in force perhaps", { ...STATE, lock: { ...LOCK, in_force: "true" } }],
    ["no keys, where they were asked about", STATE, { key: "k_0123456789ab" }],
    ["no lock, where one was asked about", { ...STATE, keys: KEYS }, { user: "alice", lock: "lock_1" }],
    ["another lock than was asked about", { ...STATE, lock: LOCK }, { lock: "lock_2" }],
  ])("is not believed when it is %s", (_what, value, query = {}) => {
    expect(() => read(value, query)).toThrow(
      expect.objectContaining({ name: "AppError", kind: "unavailable", code: "replica_unreadable" }),
    );
  });

  it("is not believed when it is no JSON", () => {
    expect(() => readReplicaState("<html>", "gw-1", {})).toThrow("gw-1 does not answer as a gateway of mcpctl does");
  });
});

it.each<[ReplicaQuery, string]>([
  [{}, "state"],
  [{ lock: "lock_1" }, "state?lock=lock_1"],
  [{ user: "a&b c", key: "k_1" }, "state?user=a%26b+c&key=k_1"],
])("asks for %o as %s", (query, path) => {
  expect(statePath(query)).toBe(path);
});
