import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { buildKeyring } from "../../../src/lib/keys/followed-keyring.ts";
import { mintKey } from "../../../src/lib/keys/key.ts";
import { endOfGrace, rotateKey } from "../../../src/lib/keys/rotate-key.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { seededBytes } from "../../support/seeded.ts";

const NOW = Date.parse("2026-11-20T10:00:00Z");
const ENDS = Date.parse("2026-11-21T10:00:00Z");
const NOTE = { action: "rotate", at: "2026-11-20T10:00:00Z" } as const;
const PLACE = { note: NOTE, sink: null };
const OLD = "a".repeat(64);
const KEY = mintKey(seededBytes());
const NEW = `dev/${KEY.hash}`;
const MARKER = `exp=2026-11-21T10:00:00Z&next=${KEY.id}`;
const full = new AppError("unavailable", "disk_full", "the disk is full");

async function oldKey(store: MemoryStore) {
  const old = buildKeyring(await store.list()).keys.get(OLD);
  if (old === undefined || old.subject === null) throw new Error("the test's own key is unusable");
  return { old, subject: old.subject };
}

function newStore(): MemoryStore {
  const store = new MemoryStore();
  store.plant(`dev/${OLD}`, "dev/agent");
  return store;
}

async function rotate(
  store: MemoryStore,
  deliver: () => Promise<void> = async () => undefined,
  signal = new AbortController().signal,
) {
  const issuer = { store, journal: new MemoryJournal(), now: () => NOW, randomBytes: seededBytes(), signal };
  return rotateKey(
    issuer,
    { ...(await oldKey(store)), oldEndsAt: ENDS, expiresAt: null, undelivered: null },
    PLACE,
    deliver,
  );
}
const entries = async (store: MemoryStore): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries((await store.list()).map(({ label, value }) => [label, value]));

describe("rotateKey", () => {
  it("makes the successor, then ends the old key, then delivers", async () => {
    const store = newStore();
    const delivered: (readonly string[])[] = [];
    expect((await rotate(store, async () => void delivered.push([...store.asked]))).id).toBe(KEY.id);
    expect(delivered).toEqual([["list", `create ${NEW}`, `create dev/${OLD}.ends`, `read dev/${OLD}.revoked`]]);
    expect(await entries(store)).toEqual({
      [`dev/${OLD}`]: "dev/agent",
      [NEW]: "dev/agent",
      [`dev/${OLD}.ends`]: MARKER,
    });
  });

  it("revokes its own successor when somebody else was first", async () => {
    const store = newStore();
    const issuer = {
      store,
      journal: new MemoryJournal(),
      now: () => NOW,
      randomBytes: seededBytes(),
      signal: new AbortController().signal,
    };
    const rotation = { ...(await oldKey(store)), oldEndsAt: ENDS, expiresAt: null, undelivered: null };
    store.plant(`dev/${OLD}.ends`, "exp=2026-11-20T11:00:00Z&next=k_0123456789ab");
    await expect(
      rotateKey(issuer, rotation, PLACE, () => Promise.reject(new Error("must not be delivered"))),
    ).rejects.toMatchObject({
      kind: "conflict",
      code: "key_superseded",
      message: `k_aaaaaaaaaaaa was rotated by somebody else, to k_0123456789ab; ${KEY.id} was not delivered, and it was revoked`,
      hint: "Use their key, or make another with `mcpctl keys create`.",
    });
    expect(await entries(store)).toEqual({
      [`dev/${OLD}`]: "dev/agent",
      [`dev/${OLD}.ends`]: "exp=2026-11-20T11:00:00Z&next=k_0123456789ab",
      [NEW]: "dev/agent",
      [`${NEW}.revoked`]: "at=2026-11-20T10:00:00Z",
    });
  });

  it("tells that the old key ends all the same when its successor could not be delivered", async () => {
    const store = newStore();
    await expect(rotate(store, () => Promise.reject(full))).rejects.toMatchObject({
      code: "disk_full",
      message: `the disk is full; ${KEY.id} was not delivered, and it was revoked; k_aaaaaaaaaaaa ends at 2026-11-21T10:00:00Z all the same`,
      hint: "Repeat the command: it makes another successor.",
    });
    expect(Object.keys(await entries(store))).toEqual([`dev/${OLD}`, NEW, `dev/${OLD}.ends`, `${NEW}.revoked`]);
  });

  it("tells the same when it was interrupted before the delivery", async () => {
    const store = newStore();
    await expect(rotate(store, undefined, AbortSignal.abort())).rejects.toMatchObject({
      kind: "interrupted",
      message: `interrupted before the token was delivered; ${KEY.id} was not delivered, and it was revoked; k_aaaaaaaaaaaa ends at 2026-11-21T10:00:00Z all the same`,
    });
  });

  it("keeps the hint to revoke a successor that could not be withdrawn", async () => {
    const store = newStore();
    const deliver = async (): Promise<void> => {
      store.failNext("create", full);
      throw full;
    };
    await expect(rotate(store, deliver)).rejects.toMatchObject({
      message: `the disk is full; ${KEY.id} may exist, and nobody has its token; k_aaaaaaaaaaaa ends at 2026-11-21T10:00:00Z all the same`,
      hint: `Run \`mcpctl keys revoke ${KEY.id}\` when the store is back; the next \`keys create\` or \`keys rotate\` here does it too.`,
    });
  });

  it("leaves the old key as it was when the successor could not be made", async () => {
    const store = newStore();
    const denied = new AppError("forbidden", "aws_access_denied", "denied");
    store.failNext("create", denied);
    await expect(rotate(store)).rejects.toBe(denied);
    expect(await entries(store)).toEqual({ [`dev/${OLD}`]: "dev/agent" });
  });

  it("revokes the successor when the end of the old key is not proven", async () => {
    const store = newStore();
    store.unproveNext(1);
    await expect(rotate(store)).rejects.toMatchObject({
      code: "write_unproven",
      message: `the end of k_aaaaaaaaaaaa was accepted by the store and cannot be read back; ${KEY.id} was not delivered, and it was revoked`,
    });
    expect(Object.keys(await entries(store))).toContain(`${NEW}.revoked`);
  });
});

describe("a rotation whose second write fails on the way", () => {
  it.each(["before", "after"] as const)("revokes the successor, the failure being %s the change", async (when) => {
    const store = newStore();
    store.failAfter(1, "create", full, when);
    await expect(rotate(store)).rejects.toMatchObject({
      message: `the disk is full; ${KEY.id} was not delivered, and it was revoked`,
    });
    const marker = when === "after" ? { [`dev/${OLD}.ends`]: MARKER } : {};
    const successor = { [NEW]: "dev/agent", [`${NEW}.revoked`]: "at=2026-11-20T10:00:00Z" };
    expect(await entries(store)).toEqual({ [`dev/${OLD}`]: "dev/agent", ...successor, ...marker });
  });
});

describe("endOfGrace", () => {
  it.each([
    ["now and the grace, for a key without an end", "dev/agent", 3600, "2026-11-20T11:00:00Z"],
    ["its own end, when that is sooner", "dev/agent?exp=2026-11-20T10:30:00Z", 3600, "2026-11-20T10:30:00Z"],
    ["the grace, when that is sooner", "dev/agent?exp=2026-11-22T10:00:00Z", 3600, "2026-11-20T11:00:00Z"],
    ["now, without grace", "dev/agent", 0, "2026-11-20T10:00:00Z"],
  ])("is %s", async (_what, record, graceSeconds, expected) => {
    const store = new MemoryStore();
    store.plant(`dev/${OLD}`, record);
    expect(endOfGrace((await oldKey(store)).old, NOW, graceSeconds)).toBe(Date.parse(expected));
  });
});
