import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { buildKeyring } from "../../../src/lib/keys/followed-keyring.ts";
import { type Revocation, revokeKeys } from "../../../src/lib/keys/revoke-keys.ts";
import { MemoryStore } from "../../support/memory-store.ts";

const NOW = Date.parse("2026-11-20T10:00:00Z");
const EARLIER = Date.parse("2026-11-20T09:00:00Z");
const NOTE = { action: "revoke", at: "2026-11-20T10:00:00Z" } as const;
const [A, B] = ["a".repeat(64), "b".repeat(64)];

async function revokeAll(store: MemoryStore): Promise<readonly Omit<Revocation, "key">[]> {
  const { keys } = buildKeyring(await store.list());
  const done = await revokeKeys(store, [...keys.values()], { at: NOW, note: NOTE });
  return done.map(({ status, at, error }) => ({ status, at, error }));
}
const labels = async (store: MemoryStore): Promise<readonly string[]> => (await store.list()).map(({ label }) => label);

describe("revokeKeys", () => {
  it("makes the marker beside the record", async () => {
    const store = new MemoryStore();
    store.plant(`dev/${A}`, "dev/agent");
    expect(await revokeAll(store)).toEqual([{ status: "revoked", at: NOW, error: null }]);
    expect((await store.list()).at(-1)).toMatchObject({ label: `dev/${A}.revoked`, value: "at=2026-11-20T10:00:00Z" });
  });

  it("writes nothing for a key that is revoked, and tells when that was", async () => {
    const store = new MemoryStore();
    store.plant(`dev/${A}`, "dev/agent");
    store.plant(`dev/${A}.revoked`, "at=2026-11-20T09:00:00Z");
    expect(await revokeAll(store)).toEqual([{ status: "already_revoked", at: EARLIER, error: null }]);
    expect(store.asked.filter((call) => call.startsWith("create"))).toEqual([]);
  });

  it.each([
    ["in a role whose record claims another", { [`dev/${A}`]: "oncall/agent" }, [`dev/${A}.revoked`]],
    [
      "under two roles, in both folders",
      { [`dev/${A}`]: "dev/a", [`oncall/${A}`]: "oncall/a" },
      [`dev/${A}.revoked`, `oncall/${A}.revoked`],
    ],
    ["of which only a marker is left", { [`dev/${A}.ends`]: "?" }, [`dev/${A}.revoked`]],
    ["whose record cannot be read", { [`dev/${A}`]: "garbage" }, [`dev/${A}.revoked`]],
  ])("revokes a key %s", async (_what, entries, made) => {
    const store = new MemoryStore();
    for (const [label, value] of Object.entries(entries)) store.plant(label, value);
    expect(await revokeAll(store)).toEqual([{ status: "revoked", at: NOW, error: null }]);
    expect(await labels(store)).toEqual([...Object.keys(entries), ...made]);
  });

  it("is not content with another folder's revocation, which a gateway may never get to see", async () => {
    const store = new MemoryStore();
    store.plant(`dev/${A}.revoked`, "garbage");
    store.plant(`oncall/${A}`, "oncall/agent");
    expect(await revokeAll(store)).toEqual([{ status: "revoked", at: NOW, error: null }]);
    expect(await revokeAll(store)).toEqual([{ status: "already_revoked", at: NOW, error: null }]);
    expect(await labels(store)).toEqual([`dev/${A}.revoked`, `oncall/${A}`, `oncall/${A}.revoked`]);
  });

  it("revokes a key in the one folder when the other does not let it, and tells that it could not do all", async () => {
    const store = new MemoryStore();
    store.plant(`dev/${A}`, "dev/eve");
    store.plant(`oncall/${A}`, "oncall/agent");
    const denied = new AppError("forbidden", "aws_access_denied", "denied");
    store.failNext("create", denied);
    expect(await revokeAll(store)).toEqual([{ status: "failed", at: NOW, error: denied }]);
    expect(await labels(store)).toEqual([`dev/${A}`, `oncall/${A}`, `oncall/${A}.revoked`]);
  });

  it("tells when somebody else was first in between", async () => {
    const store = new MemoryStore();
    store.plant(`dev/${A}`, "dev/agent");
    const { keys } = buildKeyring(await store.list());
    store.plant(`dev/${A}.revoked`, "at=2026-11-20T09:00:00Z");
    const [done] = await revokeKeys(store, [...keys.values()], { at: NOW, note: NOTE });
    expect({ status: done?.status, at: done?.at }).toEqual({ status: "already_revoked", at: EARLIER });
  });

  it("goes on with the others when one fails, and tells which", async () => {
    const store = new MemoryStore();
    store.plant(`dev/${A}`, "dev/agent");
    store.plant(`dev/${B}`, "dev/agent");
    const denied = new AppError("forbidden", "aws_access_denied", "denied");
    store.failNext("create", denied);
    expect(await revokeAll(store)).toEqual([
      { status: "failed", at: null, error: denied },
      { status: "revoked", at: NOW, error: null },
    ]);
    expect(await labels(store)).toEqual([`dev/${A}`, `dev/${B}`, `dev/${B}.revoked`]);
  });

  it("tells what the store took and does not show", async () => {
    const store = new MemoryStore();
    store.plant(`dev/${A}`, "dev/agent");
    store.unproveNext();
    expect(await revokeAll(store)).toEqual([{ status: "unproven", at: NOW, error: null }]);
  });

  it("lets a bug be a bug", async () => {
    const store = new MemoryStore();
    store.plant(`dev/${A}`, "dev/agent");
    store.failNext("create", new TypeError("x is not a function"));
    await expect(revokeAll(store)).rejects.toThrow(TypeError);
  });
});
