import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { EMPTY_DENYLIST, withLock, withoutLocks } from "../../../src/lib/policy/edit-denylist.ts";
import { type Lock, parseDenylist } from "../../../src/lib/policy/locks.ts";
import { formatTime } from "../../../src/lib/time.ts";
import { seededNumbers } from "../../support/seeded.ts";

const NOW = Date.parse("2026-11-20T10:00:00Z");
const DAY = 86_400_000;
const lock = (id: string, more: Partial<Lock> = {}): Lock => ({
  id: `lock_${id}`,
  target: "user",
  value: "agent",
  reason: "why",
  tell: false,
  revokes: false,
  by: "alice",
  at: "2026-11-20T10:00:00Z",
  until: null,
  ...more,
});
const add = (text: string, added: Lock, now = NOW): string => withLock(text, added, "denylist.json", now);
const remove = (text: string, ids: readonly string[], now = NOW): string =>
  withoutLocks(text, new Set(ids.map((id) => `lock_${id}`)), "bob", "denylist.json", now);
const read = (text: string) => parseDenylist(text, "denylist.json");
const ids = (text: string): readonly string[] => read(text).locks.map(({ id }) => id.slice("lock_".length));
const removedIds = (text: string): readonly string[] => [...read(text).removed].map((id) => id.slice("lock_".length));

describe("withLock", () => {
  it.each([
    lock("a"),
    lock("a", { target: "key", value: "k_0123456789ab", revokes: true }),
    lock("a", { target: "role", value: "dev.x", tell: true }),
    lock("a", { target: "backend", value: "eks-ro", until: NOW + DAY }),
    lock("a", { target: "all", value: "", reason: "" }),
    lock("a", { reason: 'a "quote", a \\, \u0000, \u202e and half of \ud83d' }),
  ])("writes what parseDenylist reads as the same lock: %o", (added) => {
    expect(read(add(EMPTY_DENYLIST, added))).toEqual({ locks: [added], removed: new Set() });
  });

  it("added twice is added once, as it was added last", () => {
    const text = add(add(EMPTY_DENYLIST, lock("a")), lock("b"));
    expect(read(add(text, lock("a", { reason: "anew" })))).toEqual({
      locks: [lock("b"), lock("a", { reason: "anew" })],
      removed: new Set(),
    });
    expect(add(text, lock("b"))).toBe(text);
  });

  it("does not bring back what was ended on purpose", () => {
    const text = add(remove(add(EMPTY_DENYLIST, lock("a")), ["a"]), lock("a"));
    expect(removedIds(text)).toEqual(["a"]);
  });

  it("adds to a list without `removed`, and keeps the shared example as it is", async () => {
    expect(ids(add('{"locks":[]}', lock("a")))).toEqual(["a"]);
    const example = await readFile("examples/denylist.json", "utf8");
    expect(JSON.parse(add(example, lock("a")))).toEqual({
      locks: [
        ...JSON.parse(example).locks,
        {
          id: "lock_a",
          match: { user: "agent" },
          reason: "why",
          tell: false,
          by: "alice",
          at: "2026-11-20T10:00:00Z",
          until: null,
        },
      ],
      removed: JSON.parse(example).removed,
    });
  });

  it.each([
    ["an author that is too long", { by: "x".repeat(2049) }],
    ["no author", { by: "" }],
    ["a reason that is too long", { reason: "x".repeat(1001) }],
    ["an id that is none", { id: "lock 1" }],
    ["a value that is no name", { value: "Not A Name" }],
    ["a time that is none", { at: "2026-02-30T00:00:00Z" }],
    ["an end after the year 9999", { until: Date.parse("9999-12-31T23:59:59Z") + 1_000 }],
  ])("refuses %s, for every gateway would refuse every call by it", (_what, more) => {
    expect(() => add(EMPTY_DENYLIST, lock("a", more))).toThrow(
      expect.objectContaining({ name: "AppError", code: "denylist_unreadable" }),
    );
    expect(() => add(EMPTY_DENYLIST, lock("a"))).not.toThrow();
  });

  it("refuses the lock that is one too many", () => {
    const locks = Array.from(
      { length: 10_000 },
      (_, index) => JSON.parse(add(EMPTY_DENYLIST, lock(`${index}`))).locks[0],
    );
    const full = JSON.stringify({ locks });
    expect(() => add(full, lock("more"))).toThrow("must NOT have more than 10000 items");
    expect(ids(add(JSON.stringify({ locks: locks.slice(1) }), lock("more")))).toHaveLength(10_000);
  });
});

describe("withoutLocks", () => {
  it("ends these locks and says who did it and when", () => {
    const text = add(add(add(EMPTY_DENYLIST, lock("a")), lock("b")), lock("c"));
    expect(JSON.parse(remove(text, ["a", "c"]))).toEqual({
      locks: [expect.objectContaining({ id: "lock_b" })],
      removed: [
        { id: "lock_a", by: "bob", at: "2026-11-20T10:00:00Z" },
        { id: "lock_c", by: "bob", at: "2026-11-20T10:00:00Z" },
      ],
    });
  });

  it("tells of a removal once, the first", () => {
    const text = remove(add(EMPTY_DENYLIST, lock("a")), ["a"]);
    expect(remove(text, ["a"], NOW + DAY)).toBe(text);
  });

  it("ends a lock that has vanished from the list, for gateways still hold it", () => {
    expect(removedIds(remove(EMPTY_DENYLIST, ["gone"]))).toEqual(["gone"]);
  });
});

describe("both", () => {
  const ended = add(EMPTY_DENYLIST, lock("ended", { until: NOW + DAY }));
  const old = remove(add(ended, lock("removed")), ["removed"], NOW + DAY);

  it.each([
    ["keep", 30 * DAY - 1_000, ["ended"], ["removed"]],
    ["leave out", 30 * DAY, [], []],
  ])("%s what ended or was removed after a month", (_what, age, locks, removed) => {
    const changed = add(old, lock("new"), NOW + DAY + age);
    expect([ids(changed), removedIds(changed)]).toEqual([[...locks, "new"], removed]);
    const reduced = remove(old, ["new"], NOW + DAY + age);
    expect([ids(reduced), removedIds(reduced)]).toEqual([locks, [...removed, "new"]]);
  });

  it("keep the removal of a lock that somebody put back, however old it is", () => {
    const { removed } = JSON.parse(old) as { removed: object[] };
    const { locks } = JSON.parse(add(EMPTY_DENYLIST, lock("removed"))) as { locks: object[] };
    const back = JSON.stringify({ locks, removed });
    expect(removedIds(add(back, lock("new"), NOW + 365 * DAY))).toEqual(["removed"]);
  });

  it("never leave out a lock without an end", () => {
    expect(ids(add(add(EMPTY_DENYLIST, lock("a")), lock("b"), NOW + 3650 * DAY))).toEqual(["a", "b"]);
  });

  it.each([
    ["nothing", ""],
    ["half of it", '{"locks":['],
    ["a name twice", '{"locks":[],"locks":[]}'],
    ["a member that is unknown", '{"locks":[],"note":"x"}'],
    ["a member of a lock that is unknown", EMPTY_DENYLIST.replace("[]", '[{"id":"lock_a","note":1}]')],
    ["a byte order mark", `\ufeff${EMPTY_DENYLIST}`],
  ])("refuse %s, so that nothing of it is lost", (_what, text) => {
    const refused = expect.objectContaining({ name: "AppError", kind: "invalid", code: "denylist_unreadable" });
    expect(() => add(text, lock("a"))).toThrow(refused);
    expect(() => remove(text, ["a"])).toThrow(refused);
  });

  it("in any order leave in force what was added and not removed, as it was added, and nothing else", () => {
    const pick = seededNumbers(7);
    for (let run = 0; run < 50; run += 1) {
      const standing = new Map<string, Lock>();
      const gone = new Set<string>();
      let text = EMPTY_DENYLIST;
      for (let step = 0; step < 30; step += 1) {
        const now = NOW + step * 60_000;
        const id = `${pick(12)}`;
        if (pick(3) > 0) {
          const until = pick(2) === 0 ? null : now + 365 * DAY;
          const added = lock(id, { value: `agent-${pick(5)}`, until, at: formatTime(now), revokes: pick(2) === 0 });
          text = add(text, added, now);
          standing.set(added.id, added);
        } else {
          text = remove(text, [id], now);
          standing.delete(`lock_${id}`);
          gone.add(`lock_${id}`);
        }
        const { locks, removed } = read(text);
        const inForce = locks.filter((one) => !removed.has(one.id));
        expect([new Map(inForce.map((one) => [one.id, one])), removed]).toEqual([
          new Map([...standing].filter(([name]) => !gone.has(name))),
          gone,
        ]);
      }
    }
  });
});
