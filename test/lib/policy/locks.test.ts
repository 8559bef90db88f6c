import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { indexLocks, type Lock, mergeLocks, parseDenylist } from "../../../src/lib/policy/locks.ts";

const AT = "2026-11-20T03:12:45Z";
const RAW = { id: "lock_one", match: { user: "agent" }, reason: "why", tell: true, by: "alice", at: AT, until: null };
const text = (lock: object, more: object = {}): string => JSON.stringify({ locks: [{ ...RAW, ...lock }], ...more });
const lock = (more: Partial<Lock> = {}): Lock => ({
  id: "lock_one",
  target: "user",
  value: "agent",
  reason: "why",
  tell: true,
  revokes: false,
  by: "alice",
  at: AT,
  until: null,
  ...more,
});
const NOW = Date.parse("2026-11-20T10:00:00Z");
const NONE = { locks: [], removed: new Set<string>() };

describe("parseDenylist", () => {
  it("reads the shared example", async () => {
    const by = "arn:aws:sts::111122223333:assumed-role/oncall/oncall-engineer";
    expect(parseDenylist(await readFile("examples/denylist.json", "utf8"), "denylist.json")).toEqual({
      locks: [
        lock({ id: "lock_V1StGXR8", value: "incident-agent-01", reason: "token pasted into a public ticket", by }),
      ],
      removed: new Set(["lock_Uakgb_J5"]),
    });
  });

  it.each([
    [{ key: "k_0123456789ab" }, "key", "k_0123456789ab"],
    [{ user: "a@b.c" }, "user", "a@b.c"],
    [{ role: "dev.x" }, "role", "dev.x"],
    [{ backend: "eks-ro" }, "backend", "eks-ro"],
    [{ all: true }, "all", ""],
  ])("reads the match %o", (match, target, value) => {
    const [read] = parseDenylist(text({ match, until: "2026-11-21T00:00:00Z" }), "d").locks;
    expect(read).toEqual({ ...lock({ until: Date.parse("2026-11-21T00:00:00Z") }), target, value });
  });

  it("reads an empty list, with and without `removed`", () => {
    expect(parseDenylist('{"locks":[]}', "d")).toEqual(NONE);
    expect(parseDenylist('{"locks":[],"removed":[]}', "d")).toEqual(NONE);
  });

  it.each([
    ["an empty file", ""],
    ["half a file", '{"locks":['],
    ["a list", "[]"],
    ["no locks", "{}"],
    ["locks that are null", '{"locks":null}'],
    ["a field of the file that is unknown", '{"locks":[],"version":1}'],
    ["a name twice", '{"locks":[],"locks":[]}'],
    ["a field of a lock that is unknown", text({ note: "x" })],
    ["no match", text({ match: undefined })],
    ["an empty match", text({ match: {} })],
    ["a match of two", text({ match: { user: "a", role: "b" } })],
    ["a match of something unknown", text({ match: { tool: "x" } })],
    ["`all: false`", text({ match: { all: false } })],
    ["a key that is no key id", text({ match: { key: "abc" } })],
    ["a user that is no user name", text({ match: { user: "Agent" } })],
    ["a backend that is a pattern", text({ match: { backend: "eks-*" } })],
    ["no until", text({ until: undefined })],
    ["an until that is no real date", text({ until: "2026-02-30T00:00:00Z" })],
    ["an until with an offset", text({ until: "2026-11-21T00:00:00+01:00" })],
    ["an until that is a number", text({ until: 1_790_000_000 })],
    ["an at that is no real date", text({ at: "2026-02-30T00:00:00Z" })],
    ["a tell that is a text", text({ tell: "true" })],
    ["an id of another form", text({ id: "one" })],
    ["a removal without its author", text({}, { removed: [{ id: "lock_x", at: AT }] })],
    ["a removal at no real date", text({}, { removed: [{ id: "lock_x", by: "a", at: "2026-02-30T00:00:00Z" }] })],
  ])("does not wholly understand %s", (_what, content) => {
    expect(() => parseDenylist(content, "denylist.json")).toThrow(
      expect.objectContaining({
        kind: "invalid",
        code: "denylist_unreadable",
        message: expect.stringMatching(/^denylist\.json(: \w+ 1)? is not wholly understood: ./) as string,
      }),
    );
  });
});

describe("mergeLocks", () => {
  it("adds what is new to what is known", () => {
    const other = lock({ id: "lock_two" });
    expect(mergeLocks([lock()], { locks: [lock(), other], removed: new Set() }, NOW)).toEqual({
      locks: [lock(), other],
      vanished: [],
    });
  });

  it("keeps a lock that merely vanished, and tells of it", () => {
    expect(mergeLocks([lock()], NONE, NOW)).toEqual({ locks: [lock()], vanished: [lock()] });
  });

  it("ends a lock whose id was removed, known or not", () => {
    expect(mergeLocks([lock()], { locks: [], removed: new Set(["lock_one"]) }, NOW)).toEqual({
      locks: [],
      vanished: [],
    });
    expect(mergeLocks([], { locks: [lock()], removed: new Set(["lock_one"]) }, NOW)).toEqual({
      locks: [],
      vanished: [],
    });
  });

  it("keeps a removal of another id from ending it", () => {
    expect(mergeLocks([lock()], { locks: [], removed: new Set(["lock_two"]) }, NOW)).toEqual({
      locks: [lock()],
      vanished: [lock()],
    });
  });

  const [early, late] = [Date.parse("2026-11-20T12:00:00Z"), Date.parse("2026-11-20T13:00:00Z")];
  it.each([
    ["shorter", late, early, late],
    ["longer", early, late, late],
    ["for a time instead of for ever", null, early, null],
    ["for ever instead of for a time", early, null, null],
  ])("takes the stricter when a lock comes back %s", (_what, known, next, expected) => {
    const merged = mergeLocks([lock({ until: known })], { locks: [lock({ until: next })], removed: new Set() }, NOW);
    expect(merged).toEqual({ locks: [lock({ until: expected })], vanished: [] });
  });

  it("forgets a lock whose end has passed, and does not tell of it", () => {
    const ended = lock({ until: NOW });
    expect(mergeLocks([ended], NONE, NOW)).toEqual({ locks: [], vanished: [] });
    expect(mergeLocks([ended], NONE, NOW - 1)).toEqual({ locks: [ended], vanished: [ended] });
  });

  it("keeps both when an id comes back with another match", () => {
    const other = lock({ target: "role", value: "dev" });
    expect(mergeLocks([lock()], { locks: [other], removed: new Set() }, NOW)).toEqual({
      locks: [other, lock()],
      vanished: [lock()],
    });
  });

  it("takes the stricter of one id twice in one file", () => {
    const next = { locks: [lock({ until: early }), lock({ until: late })], removed: new Set<string>() };
    expect(mergeLocks([], next, NOW).locks).toEqual([lock({ until: late })]);
  });
});

describe("indexLocks", () => {
  it("lets the lock that holds longest stand for all that match the same", () => {
    const short = lock({ id: "lock_a", until: 1 });
    const ever = lock({ id: "lock_b" });
    const other = lock({ id: "lock_c", target: "role", value: "agent" });
    const index = indexLocks([short, ever, other]);
    expect([...index.byTarget.values()]).toEqual([ever, other]);
    expect({ all: index.all, isEmpty: index.isEmpty }).toEqual({ all: [short, ever, other], isEmpty: false });
    expect(indexLocks([]).isEmpty).toBe(true);
  });
});
