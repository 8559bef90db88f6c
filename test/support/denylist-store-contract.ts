import { afterEach, describe, expect, it } from "vitest";
import type { DenylistStore } from "../../src/lib/policy/denylist-store.ts";
import { EMPTY_DENYLIST, withLock, withoutLocks } from "../../src/lib/policy/edit-denylist.ts";
import { parseDenylist, type Lock } from "../../src/lib/policy/locks.ts";
import { placeLock } from "../../src/commands/lock/place-lock.ts";

/** A place for one denylist, empty at first. */
export interface OpenedDenylist {
  readonly store: DenylistStore;
  /** A second handle on the same denylist, as another process would have. */
  readonly another: () => DenylistStore;
  /** What lies there, past the port; null takes it away. */
  readonly put: (text: string | null) => Promise<void>;
  readonly cleanup: () => Promise<void>;
}

const NOW = Date.parse("2026-11-20T10:00:00Z");
const WRITERS = 20;
const lock = (id: string): Lock => ({
  id: `lock_${id}`,
  target: "user",
  value: "agent",
  reason: "why, \u202e and a \u{1f512}",
  tell: false,
  revokes: false,
  by: "alice",
  at: "2026-11-20T10:00:00Z",
  until: null,
});
const add =
  (id: string) =>
  (text: string): string =>
    withLock(text, lock(id), "d", NOW);
const idsIn = async (store: DenylistStore): Promise<readonly string[]> =>
  parseDenylist((await store.read()) ?? "", "d")
    .locks.map(({ id }) => id.slice("lock_".length))
    .toSorted();

/** What every {@link DenylistStore} does. */
export function describeDenylistStore(name: string, openStore: () => Promise<OpenedDenylist>): void {
  describe(`${name} as a denylist`, () => {
    const opened: OpenedDenylist[] = [];
    const open = async (): Promise<OpenedDenylist> => {
      const fresh = await openStore();
      opened.push(fresh);
      return fresh;
    };

    afterEach(async () => {
      for (const { cleanup } of opened.splice(0)) await cleanup();
    });

    it("is not there until it is made, and then is empty", async () => {
      const { store } = await open();
      expect(await store.read()).toBeNull();
      expect(await store.create()).toBe(true);
      expect(await store.read()).toBe(EMPTY_DENYLIST);
    });

    it("is made once, whoever else makes it", async () => {
      const { store, another } = await open();
      const made = await Promise.all(Array.from({ length: 5 }, () => another().create()));
      expect(made.filter(Boolean)).toEqual([true]);
      await store.change(add("a"));
      expect(await store.create()).toBe(false);
      expect(await idsIn(store)).toEqual(["a"]);
    });

    it("shows a change at once, to others as well, and as it was written", async () => {
      const { store, another } = await open();
      await store.create();
      await store.change(add("a"));
      expect(await another().read()).toBe(add("a")(EMPTY_DENYLIST));
    });

    it("is not changed where there is none, and says what makes it", async () => {
      const { store, put } = await open();
      const missing = { name: "AppError", kind: "not-found", code: "denylist_missing", hint: expect.any(String) };
      await expect(store.change(add("a"))).rejects.toMatchObject(missing);
      await store.create();
      await put(null);
      await expect(store.change(add("a"))).rejects.toMatchObject(missing);
      expect(await store.read()).toBeNull();
    });

    it("stays as it is when the change fails", async () => {
      const { store } = await open();
      await store.create();
      await store.change(add("a"));
      const failing = store.change(() => {
        throw new TypeError("made up by a test");
      });
      await expect(failing).rejects.toThrow("made up by a test");
      expect(await idsIn(store)).toEqual(["a"]);
      await store.change(add("b"));
      expect(await idsIn(store)).toEqual(["a", "b"]);
    });

    it("stays as it is when it is not wholly understood", async () => {
      const { store, put } = await open();
      await store.create();
      const broken = EMPTY_DENYLIST.slice(0, 10);
      await put(broken);
      await expect(store.change(add("a"))).rejects.toMatchObject({ kind: "invalid", code: "denylist_unreadable" });
      expect([await store.read(), await store.create()]).toEqual([broken, false]);
    });

    it(`loses no lock of ${WRITERS} writers at once, nor a removal between`, async () => {
      const { store, another } = await open();
      await store.create();
      await store.change(add("old"));
      const names = Array.from({ length: WRITERS }, (_, index) => `w${String(index).padStart(2, "0")}`);
      await Promise.all([
        ...names.map((id) => another().change(add(id))),
        another().change((text) => withoutLocks(text, new Set(["lock_old"]), "bob", "d", NOW)),
      ]);
      expect(await idsIn(store)).toEqual(names);
      expect(parseDenylist((await store.read()) ?? "", "d").removed).toEqual(new Set(["lock_old"]));
    });

    it("gives one break-glass lock to many who ask for it at once, new to one of them", async () => {
      const { store, another } = await open();
      await store.create();
      const target = { target: "user", value: "agent" } as const;
      const wanted = { target, reason: "stolen", until: null, tell: false, revokes: true };
      const placed = await Promise.all(
        Array.from({ length: WRITERS }, () => placeLock(another(), wanted, { author: "alice", now: () => NOW })),
      );
      expect(new Set(placed.map(({ lock: { id } }) => id.slice("lock_".length)))).toEqual(new Set(await idsIn(store)));
      expect(placed.filter(({ isOld }) => !isOld)).toHaveLength(1);
      expect(await idsIn(store)).toHaveLength(1);
    });

    it("gets a lock of its own where the one that was found is ended before the write", async () => {
      const { store, another } = await open();
      await store.create();
      const target = { target: "user", value: "agent" } as const;
      const wanted = { target, reason: "stolen", until: null, tell: false, revokes: true };
      const ports = { author: "alice", now: () => NOW };
      const { lock: first } = await placeLock(store, wanted, ports);
      // As a store does that meets another writer: the text is edited again.
      const conflicting: DenylistStore = {
        ...store,
        change: async (edit) => {
          edit((await store.read()) ?? "");
          await another().change((text) => withoutLocks(text, new Set([first.id]), "bob", "d", NOW));
          await store.change(edit);
        },
      };
      const { lock: second, isOld } = await placeLock(conflicting, wanted, ports);
      expect([isOld, second.id === first.id]).toEqual([false, false]);
      const { locks, removed } = parseDenylist((await store.read()) ?? "", "d");
      expect([locks.map(({ id }) => id), removed.has(second.id)]).toEqual([[second.id], false]);
    });

    it("takes a write that is repeated for its own lock", async () => {
      const { store } = await open();
      await store.create();
      const target = { target: "user", value: "agent" } as const;
      const wanted = { target, reason: "stolen", until: null, tell: false, revokes: true };
      // As a store does whose answer was lost.
      const repeating: DenylistStore = {
        ...store,
        change: async (edit) => {
          await store.change(edit);
          await store.change(edit);
        },
      };
      const { lock: placed, isOld } = await placeLock(repeating, wanted, { author: "alice", now: () => NOW });
      expect([isOld, await idsIn(store)]).toEqual([false, [placed.id.slice("lock_".length)]]);
    });
  });
}
