import { afterEach, describe, expect, it } from "vitest";
import {
  createEntry,
  readEntry,
  type EntryNote,
  type KeyStore,
  type StoredEntry,
} from "../../src/lib/keys/key-store.ts";
import { type EntryName, formatEntryName } from "../../src/lib/keys/record.ts";

/** A fresh, empty store for one test. */
export interface OpenedStore {
  readonly store: KeyStore;
  /** A second handle on the same entries, as another process would have. */
  readonly another: () => KeyStore;
  /** Puts something that is no entry under the path and returns its label; absent where a store can hold none. */
  readonly plant?: (name: string, value: string) => Promise<string>;
  /** Changes an entry as a stranger would; absent where a store keeps no versions. */
  readonly overwrite?: (name: EntryName, value: string) => Promise<void>;
  /** The identity that this store reports; absent where it knows no history. */
  readonly historyBy?: string | null;
  readonly cleanup: () => Promise<void>;
}

const NOTE: EntryNote = { action: "create", at: "2026-11-20T10:00:00Z", reason: "for the demo", author: "alice" };
const VALUE = "dev-readonly/incident-agent-01";

/** What every {@link KeyStore} does, the in-memory one included. */
export function describeKeyStore(name: string, openStore: () => Promise<OpenedStore>): void {
  describe(`${name} as a key store`, () => {
    const opened: OpenedStore[] = [];
    const open = async (): Promise<OpenedStore> => {
      const fresh = await openStore();
      opened.push(fresh);
      return fresh;
    };

    afterEach(async () => {
      for (const { cleanup } of opened.splice(0)) await cleanup();
    });

    it("has a label and can be verified more than once", async () => {
      const { store } = await open();
      await store.verify();
      await store.verify();
      expect(store.label).not.toBe("");
    });

    it("is empty at first", async () => {
      const { store } = await open();
      expect(await store.list()).toEqual([]);
      expect(await readEntry(store, entry(1))).toBeNull();
      expect(await store.history(null)).toEqual([]);
      expect(await store.history([entry(1)])).toEqual([]);
    });

    it("creates an entry and reads it back", async () => {
      const { store } = await open();
      expect(await createEntry(store, entry(1), VALUE, NOTE)).toEqual({ status: "created" });
      const read = await readEntry(store, entry(1));
      expect(read && essence(read)).toEqual({ name: entry(1), value: VALUE });
      expect([1, null]).toContain(read?.version);
      expect(await store.list()).toEqual([read]);
    });

    it.each([
      ["the same value", VALUE],
      ["another value", "dev-readonly/mallory"],
    ])("creates once: a second create with %s tells the first value and changes nothing", async (_what, second) => {
      const { store } = await open();
      await createEntry(store, entry(1), VALUE, NOTE);
      const before = await store.list();
      expect(await createEntry(store, entry(1), second, NOTE)).toEqual({ status: "exists", value: VALUE });
      expect(await store.list()).toEqual(before);
    });

    it("keeps a record and its markers apart", async () => {
      const { store } = await open();
      const parts = [
        [entry(1), VALUE],
        [entry(1, "ends"), "exp=2026-11-21T09:00:00Z&next=k_0123456789ab"],
        [entry(1, "revoked"), "at=2026-11-20T10:00:00Z"],
      ] as const;
      for (const [part, value] of parts)
        expect(await createEntry(store, part, value, NOTE)).toEqual({ status: "created" });
      expect(sorted(await store.list())).toEqual(parts.map(([part, value]) => ({ name: part, value })));
    });

    it("creates a marker whose record is not there", async () => {
      const { store } = await open();
      expect(await createEntry(store, entry(1, "revoked"), "at=2026-11-20T10:00:00Z", NOTE)).toEqual({
        status: "created",
      });
      expect(await readEntry(store, entry(1))).toBeNull();
    });

    it("keeps one hash under two roles apart", async () => {
      const { store } = await open();
      const other = { ...entry(1), role: "oncall" };
      await createEntry(store, entry(1), VALUE, NOTE);
      expect(await createEntry(store, other, "oncall/alice", NOTE)).toEqual({ status: "created" });
      expect(sorted(await store.list())).toEqual([
        { name: entry(1), value: VALUE },
        { name: other, value: "oncall/alice" },
      ]);
    });

    it("reads null for a name of another case, role or part", async () => {
      const { store } = await open();
      const name = { ...entry(1), hash: "ab".repeat(32) };
      await createEntry(store, name, VALUE, NOTE);
      expect(await readEntry(store, { ...name, hash: name.hash.toUpperCase() })).toBeNull();
      expect(await readEntry(store, { ...name, role: "DEV-READONLY" })).toBeNull();
      expect(await readEntry(store, { ...name, role: "dev" })).toBeNull();
      expect(await readEntry(store, { ...name, part: "ends" })).toBeNull();
    });

    it.each([
      ["an upper-case role", { ...entry(1), role: "Dev-Readonly" }],
      ["an upper-case hash", { ...entry(1), hash: "AB".repeat(32) }],
      ["a short hash", { ...entry(1), hash: "ab" }],
      ["a role that climbs", { ...entry(1), role: "../dev" }],
    ])("refuses to create %s", async (_what, name) => {
      const { store } = await open();
      await expect(createEntry(store, name, VALUE, NOTE)).rejects.toMatchObject({ name: "AppError", kind: "invalid" });
      expect(await store.list()).toEqual([]);
    });

    it("lists 25 entries completely", async () => {
      const { store } = await open();
      const names = numbers(25).map((number) => entry(number));
      for (const name of names) await createEntry(store, name, VALUE, NOTE);
      expect(sorted(await store.list())).toEqual(names.map((name) => ({ name, value: VALUE })));
    });

    it("lists what is no entry with no name", async ({ skip }) => {
      const { store, plant } = await open();
      if (!plant) skip("this store can hold nothing else");
      const label = await plant?.("stray", "anything");
      await createEntry(store, entry(1), VALUE, NOTE);
      const listed = await store.list();
      expect(sorted(listed)).toEqual([
        { name: null, value: "anything" },
        { name: entry(1), value: VALUE },
      ]);
      expect(listed.find(({ name }) => name === null)?.label).toBe(label);
    });

    it("shows by its version that an entry was overwritten", async ({ skip }) => {
      const { store, overwrite } = await open();
      if (!overwrite) skip("this store keeps no versions");
      await createEntry(store, entry(1), VALUE, NOTE);
      await overwrite?.(entry(1), "dev-readonly/mallory");
      const read = await readEntry(store, entry(1));
      expect(read).toMatchObject({ value: "dev-readonly/mallory", version: 2 });
      expect(await store.list()).toEqual([read]);
    });

    it("tells the history of the hashes asked for, and of no other", async () => {
      const { store, historyBy } = await open();
      const revoke: EntryNote = { action: "revoke", at: "2026-11-20T11:00:00Z" };
      await createEntry(store, entry(1), VALUE, NOTE);
      await createEntry(store, entry(1, "revoked"), "at=2026-11-20T11:00:00Z", revoke);
      await createEntry(store, entry(2), VALUE, NOTE);
      expect(await store.history([])).toEqual([]);
      const history = await store.history([entry(1), entry(1, "revoked"), entry(3)]);
      const told = history.map(({ name, by, note, at }) => ({ name, by, note, at: typeof at }));
      const expected = [
        { name: entry(1), by: historyBy, note: NOTE, at: "number" },
        { name: entry(1, "revoked"), by: historyBy, note: revoke, at: "number" },
      ];
      expect(told.sort((a, b) => compare(label(a.name), label(b.name)))).toEqual(
        historyBy === undefined ? [] : expected,
      );
    });

    it("creates many at once, and tells of each what became of it", async () => {
      const { store } = await open();
      await createEntry(store, entry(3), VALUE, NOTE);
      const wanted = [...numbers(12), 3, 1].map((number) => ({ name: entry(number), value: VALUE, note: NOTE }));
      const other = { name: entry(3), value: "dev-readonly/mallory", note: NOTE };
      expect(await store.create([...wanted, other])).toEqual(
        [...numbers(12), 3, 1, 3].map((number, index) =>
          number === 3 || index > 11 ? { status: "exists", value: VALUE } : { status: "created" },
        ),
      );
      expect(sorted(await store.list())).toEqual(numbers(12).map((number) => ({ name: entry(number), value: VALUE })));
      expect(await store.create([])).toEqual([]);
    });

    it("creates none of many when one has a name that is none", async () => {
      const { store } = await open();
      const wanted = [entry(1), { ...entry(2), role: "a b" }].map((name) => ({ name, value: VALUE, note: NOTE }));
      await expect(store.create(wanted)).rejects.toMatchObject({ name: "AppError", kind: "invalid" });
      expect(await store.list()).toEqual([]);
    });

    it("reads many in the order asked for, null for what is not there", async () => {
      const { store } = await open();
      for (const number of numbers(12)) await createEntry(store, entry(number), `dev-readonly/agent-${number}`, NOTE);
      const asked = [12, 99, ...numbers(11)];
      const read = await store.read(asked.map((number) => entry(number)));
      expect(read.map((found) => found?.value ?? null)).toEqual(
        asked.map((number) => (number === 99 ? null : `dev-readonly/agent-${number}`)),
      );
      expect(await store.read([])).toEqual([]);
    });

    it("lists one role's folder when asked to, and tells how far it is", async () => {
      const { store } = await open();
      const other = { ...entry(1), role: "dev-readonly-2" };
      for (const name of [entry(1), entry(2, "revoked"), other]) await createEntry(store, name, "x", NOTE);
      const told: number[] = [];
      const listed = await store.list({ role: "dev-readonly", onProgress: (count) => void told.push(count) });
      expect(sorted(listed).map(({ name }) => name)).toEqual([entry(1), entry(2, "revoked")]);
      expect(told.at(-1)).toBe(2);
    });

    it("removes what it is told to and nothing else; what is not there is removed", async () => {
      const { store } = await open();
      const names = [...numbers(12).map((number) => entry(number)), entry(1, "revoked")];
      for (const name of names) await createEntry(store, name, VALUE, NOTE);
      const gone = [...names.slice(0, 11), entry(99)];
      const prune: EntryNote = { ...NOTE, action: "prune" };
      expect(await store.remove(gone, prune)).toEqual([]);
      expect(sorted(await store.list()).map(({ name }) => name)).toEqual([entry(1, "revoked"), entry(12)]);
      expect(await store.remove(gone, prune)).toEqual([]);
    });

    it("keeps tombstones beside its entries, all of them, and again", async () => {
      const { store, another } = await open();
      expect(await store.tombstones()).toEqual([]);
      const buried = numbers(100).map((number) => ({
        hash: hash(number),
        removedAt: Date.parse("2026-11-20T10:00:00Z"),
        expiresAt: number % 2 === 0 ? null : Date.parse("2026-10-20T10:00:00Z"),
      }));
      await store.bury(buried);
      const first = await another().tombstones();
      expect(first.toSorted((a, b) => compare(a.hash, b.hash))).toEqual(buried);
      await store.bury(buried);
      expect(await store.tombstones()).toEqual(first);
      expect(await store.list()).toEqual([]);
    });

    it("shows one handle what another created", async () => {
      const { store, another } = await open();
      const second = another();
      await createEntry(store, entry(1), VALUE, NOTE);
      expect((await readEntry(second, entry(1)))?.value).toBe(VALUE);
      expect(await createEntry(second, entry(1), "dev-readonly/bob", NOTE)).toEqual({ status: "exists", value: VALUE });
      await createEntry(second, entry(2), VALUE, NOTE);
      expect(sorted(await store.list())).toEqual([1, 2].map((number) => ({ name: entry(number), value: VALUE })));
    });

    it("lets exactly one of 20 simultaneous creates of one name win", async () => {
      const { store, another } = await open();
      const handles = [store, another()];
      const values = numbers(20).map((number) => `dev-readonly/agent-${number}`);
      const outcomes = await Promise.all(
        values.map((value, index) => createEntry(handles[index % 2] as KeyStore, entry(1), value, NOTE)),
      );
      const winner = (await readEntry(store, entry(1)))?.value;
      const expected = values.map((value) =>
        value === winner ? { status: "created" } : { status: "exists", value: winner },
      );
      expect(outcomes).toEqual(expected);
    });

    it("keeps 20 entries created at the same time through two handles", async () => {
      const { store, another } = await open();
      const handles = [store, another()];
      const names = numbers(20).map((number) => entry(number));
      await Promise.all(names.map((name, index) => createEntry(handles[index % 2] as KeyStore, name, VALUE, NOTE)));
      expect(sorted(await store.list())).toEqual(names.map((name) => ({ name, value: VALUE })));
    });
  });
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function hash(number: number): string {
  return number.toString(16).padStart(64, "0");
}

function entry(number: number, part: EntryName["part"] = "record"): EntryName {
  return { role: "dev-readonly", hash: hash(number), part };
}

function label(name: EntryName | null): string {
  return name ? formatEntryName(name, "/") : "";
}

function essence({ name, value }: StoredEntry): Pick<StoredEntry, "name" | "value"> {
  return { name, value };
}

/** By name, what is no entry first: a store's own order is its own business. */
function sorted(entries: readonly StoredEntry[]): readonly Pick<StoredEntry, "name" | "value">[] {
  return entries.map(essence).sort((a, b) => compare(label(a.name), label(b.name)));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
