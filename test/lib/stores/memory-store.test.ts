import { expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { describeKeyStore } from "../../support/key-store-contract.ts";
import { createEntry, readEntry } from "../../../src/lib/keys/key-store.ts";
import { MemoryStore } from "../../support/memory-store.ts";

describeKeyStore("the in-memory store", async () => {
  const store = new MemoryStore();
  return {
    store,
    another: () => new MemoryStore({ sharing: store }),
    plant: async (name, value) => {
      store.plant(name, value);
      return name;
    },
    overwrite: async (name, value) => store.overwrite(name, value),
    historyBy: "tester",
    cleanup: async () => {},
  };
});

const NAME = { role: "dev-readonly", hash: "ab".repeat(32), part: "record" } as const;
const NOTE = { action: "create", at: "2026-11-20T10:00:00Z" } as const;

it("fails once when asked to, before or after the change", async () => {
  const store = new MemoryStore();
  const error = new AppError("unavailable", "test", "down");
  store.failNext("create", error);
  await expect(createEntry(store, NAME, "a", NOTE)).rejects.toBe(error);
  expect(await store.list()).toEqual([]);
  store.failNext("create", error, "after");
  await expect(createEntry(store, NAME, "a", NOTE)).rejects.toBe(error);
  expect(await createEntry(store, NAME, "a", NOTE)).toEqual({ status: "exists", value: "a" });
  store.lose(NAME);
  expect(await readEntry(store, NAME)).toBeNull();
  const create = `create dev-readonly/${NAME.hash}`;
  expect(store.asked).toEqual([create, "list", create, create, `read dev-readonly/${NAME.hash}`]);
});

it("takes an entry and does not prove it, once when asked to", async () => {
  const store = new MemoryStore();
  store.unproveNext();
  expect(await createEntry(store, NAME, "a", NOTE)).toEqual({ status: "unproven" });
  expect(await createEntry(store, { ...NAME, part: "revoked" }, "b", NOTE)).toEqual({ status: "created" });
  expect((await store.list()).map(({ value }) => value)).toEqual(["a", "b"]);
});

it("tells the note that a stranger left", async () => {
  const store = new MemoryStore();
  store.plant(`dev-readonly/${NAME.hash}`, "a", 2, NOTE);
  store.plant(`dev-readonly/${NAME.hash}.revoked`, "b");
  const history = await store.history(null);
  expect(history.map(({ name, note }) => ({ name, note }))).toEqual([
    { name: NAME, note: NOTE },
    { name: { ...NAME, part: "revoked" }, note: null },
  ]);
});
