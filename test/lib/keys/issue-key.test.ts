import { beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { type Issuer, issueKey } from "../../../src/lib/keys/issue-key.ts";
import { type MintedKey, mintKey } from "../../../src/lib/keys/key.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { historyOf } from "../../support/history-of.ts";
import { seededBytes } from "../../support/seeded.ts";

const NOW = Date.parse("2026-11-20T10:00:00Z");
const RECORD = { role: "dev", user: "agent", expiresAt: Date.parse("2027-02-18T09:00:00Z") };
const NOTE = { action: "create", at: "2026-11-20T10:00:00Z" } as const;
const ISSUE = { record: RECORD, note: NOTE, sink: null, replaces: null };
const KEY = mintKey(seededBytes());
const LABEL = `dev/${KEY.hash}`;
const down = new AppError("unavailable", "aws_failing", "the store is down", { hint: "Wait." });
const full = new AppError("unavailable", "disk_full", "the disk is full", { hint: "Free some space." });

let journal = new MemoryJournal();
beforeEach(() => {
  journal = new MemoryJournal();
});
const issuer = (store: MemoryStore, signal = new AbortController().signal): Issuer => ({
  store,
  journal,
  now: () => NOW,
  randomBytes: seededBytes(),
  signal,
});
const entries = async (store: MemoryStore): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries((await store.list()).map(({ label, value }) => [label, value]));
const never = (): Promise<void> => Promise.reject(new Error("must not be delivered"));

describe("issueKey", () => {
  it("makes nothing that could not be written down before", async () => {
    const store = new MemoryStore();
    const noJournal = { begin: () => Promise.reject(full), settle: never };
    await expect(issueKey({ ...issuer(store), journal: noJournal }, ISSUE, never)).rejects.toBe(full);
    expect(store.asked).toEqual([]);
  });

  it("keeps a successor in mind that was not delivered, once the old key's end stands", async () => {
    const store = new MemoryStore();
    const successor = { ...ISSUE, replaces: "0".repeat(64) };
    await expect(issueKey(issuer(store), successor, () => Promise.reject(full))).rejects.toMatchObject({
      code: "disk_full",
    });
    expect(journal.undelivered).toEqual([{ hash: KEY.hash, role: "dev", replaces: "0".repeat(64), sink: null }]);
  });

  it("owes nobody a successor whose claim was refused", async () => {
    const store = new MemoryStore();
    const successor = { ...ISSUE, replaces: "0".repeat(64) };
    const refused = new AppError("conflict", "key_superseded", "somebody was first");
    await expect(issueKey(issuer(store), successor, never, () => Promise.reject(refused))).rejects.toMatchObject({
      code: "key_superseded",
    });
    expect(Object.keys(await entries(store))).toEqual([LABEL, `${LABEL}.revoked`]);
    expect(journal.undelivered).toEqual([]);
  });

  it("keeps a successor in mind whose claim failed on the way: the old key's end may stand", async () => {
    const store = new MemoryStore();
    const successor = { ...ISSUE, replaces: "0".repeat(64) };
    await expect(issueKey(issuer(store), successor, never, () => Promise.reject(full))).rejects.toMatchObject({
      code: "disk_full",
    });
    expect(Object.keys(await entries(store))).toEqual([LABEL, `${LABEL}.revoked`]);
    expect(journal.undelivered).toHaveLength(1);
  });

  it("keeps another successor in mind whatever refuses it: the old key's end stands", async () => {
    const store = new MemoryStore();
    const again = { ...ISSUE, replaces: "0".repeat(64), insteadOf: "k_111111111111" };
    store.failNext("create", new AppError("forbidden", "aws_access_denied", "no"));
    await expect(issueKey(issuer(store), again, never)).rejects.toMatchObject({ code: "aws_access_denied" });
    const { replaces, insteadOf } = again;
    expect(journal.undelivered).toEqual([{ hash: KEY.hash, role: "dev", replaces, insteadOf, sink: null }]);
  });

  it("writes the record, and then delivers", async () => {
    const store = new MemoryStore();
    const delivered: MintedKey[] = [];
    const key = await issueKey(issuer(store), ISSUE, async (minted) => {
      expect(store.asked).toEqual([`create ${LABEL}`]);
      expect(journal.undelivered).toEqual([{ hash: KEY.hash, role: "dev", replaces: null, sink: null }]);
      delivered.push(minted);
    });
    expect(journal.undelivered).toEqual([]);
    expect(delivered).toEqual([key]);
    expect(key.token.reveal()).toBe(KEY.token.reveal());
    expect(await entries(store)).toEqual({ [LABEL]: "dev/agent?exp=2027-02-18T09:00:00Z" });
  });

  it("takes a record that it wrote itself before a retry for its own", async () => {
    const store = new MemoryStore();
    store.plant(LABEL, "dev/agent?exp=2027-02-18T09:00:00Z");
    expect((await issueKey(issuer(store), ISSUE, async () => undefined)).id).toBe(KEY.id);
  });

  it("revokes what could not be delivered, and tells so", async () => {
    const store = new MemoryStore();
    await expect(issueKey(issuer(store), ISSUE, () => Promise.reject(full))).rejects.toMatchObject({
      kind: "unavailable",
      code: "disk_full",
      message: `the disk is full; ${KEY.id} was not delivered, and it was revoked`,
      hint: "Free some space.",
      cause: full,
    });
    expect(await entries(store)).toEqual({
      [LABEL]: "dev/agent?exp=2027-02-18T09:00:00Z",
      [`${LABEL}.revoked`]: "at=2026-11-20T10:00:00Z",
    });
    expect(journal.undelivered).toEqual([]);
    const [, revocation] = await historyOf(store, KEY.hash);
    expect(revocation?.note).toEqual({
      action: "revoke",
      at: "2026-11-20T10:00:00Z",
      reason: "its token was not delivered",
    });
  });

  it("lets a bug in the delivery stay a bug, and revokes the key", async () => {
    const store = new MemoryStore();
    const bug = new TypeError("x is not a function");
    await expect(issueKey(issuer(store), ISSUE, () => Promise.reject(bug))).rejects.toBe(bug);
    expect(Object.keys(await entries(store))).toEqual([LABEL, `${LABEL}.revoked`]);
  });

  it("tells who must act when the revocation fails too", async () => {
    const store = new MemoryStore();
    const deliver = async (): Promise<void> => {
      store.failNext("create", down);
      throw full;
    };
    await expect(issueKey(issuer(store), ISSUE, deliver)).rejects.toMatchObject({
      code: "disk_full",
      message: `the disk is full; ${KEY.id} may exist, and nobody has its token`,
      hint: `Run \`mcpctl keys revoke ${KEY.id}\` when the store is back; the next \`keys create\` or \`keys rotate\` here does it too.`,
    });
  });

  it("says so when its revocation cannot be read back", async () => {
    const store = new MemoryStore();
    const deliver = async (): Promise<void> => {
      store.unproveNext();
      throw full;
    };
    await expect(issueKey(issuer(store), ISSUE, deliver)).rejects.toMatchObject({
      message: `the disk is full; ${KEY.id} was not delivered, and its revocation cannot be read back`,
    });
    expect(journal.undelivered.map(({ hash }) => hash)).toEqual([KEY.hash]);
  });

  it("is interrupted before the delivery: nothing is delivered, and the key is revoked", async () => {
    const store = new MemoryStore();
    await expect(issueKey(issuer(store, AbortSignal.abort()), ISSUE, never)).rejects.toMatchObject({
      kind: "interrupted",
      message: `interrupted before the token was delivered; ${KEY.id} was not delivered, and it was revoked`,
    });
    expect(Object.keys(await entries(store))).toEqual([LABEL, `${LABEL}.revoked`]);
  });

  it("revokes in a store that is itself interrupted, whether the record was made or not known to be", async () => {
    const abort = new AbortController();
    const store = new MemoryStore({ signal: abort.signal });
    const deliver = async (): Promise<void> => {
      abort.abort();
      throw full;
    };
    await expect(issueKey(issuer(store, abort.signal), ISSUE, deliver)).rejects.toMatchObject({
      message: `the disk is full; ${KEY.id} was not delivered, and it was revoked`,
    });
    expect(Object.keys(await entries(new MemoryStore({ sharing: store })))).toEqual([LABEL, `${LABEL}.revoked`]);
    await expect(issueKey(issuer(store, abort.signal), ISSUE, never)).rejects.toMatchObject({
      kind: "interrupted",
      message: `interrupted at create; ${KEY.id} was not delivered, and it was revoked`,
    });
  });

  it("revokes a record whose write failed on the way, for it may stand", async () => {
    const store = new MemoryStore();
    store.failNext("create", down, "after");
    await expect(issueKey(issuer(store), ISSUE, never)).rejects.toMatchObject({
      code: "aws_failing",
      message: `the store is down; ${KEY.id} was not delivered, and it was revoked`,
    });
    expect(Object.keys(await entries(store))).toEqual([LABEL, `${LABEL}.revoked`]);
  });

  it("says that nothing was made when the store, down for good, shows no record", async () => {
    const store = new MemoryStore();
    store.failNext("create", down, "before", 2);
    await expect(issueKey(issuer(store), ISSUE, never)).rejects.toBe(down);
    expect(await entries(store)).toEqual({});
    // It may still be on its way: whoever comes next looks again.
    expect(journal.undelivered.map(({ hash }) => hash)).toEqual([KEY.hash]);
  });

  it("warns that the key may exist when the store cannot even be read", async () => {
    const store = new MemoryStore();
    store.failNext("create", down, "before", 2);
    store.failNext("read", down);
    await expect(issueKey(issuer(store), ISSUE, never)).rejects.toMatchObject({
      message: `the store is down; ${KEY.id} may exist, and nobody has its token`,
    });
  });

  it("revokes nothing when the store refused the write", async () => {
    const store = new MemoryStore();
    const denied = new AppError("forbidden", "aws_access_denied", "denied");
    store.failNext("create", denied);
    await expect(issueKey(issuer(store), ISSUE, never)).rejects.toBe(denied);
    expect(store.asked).toEqual([`create ${LABEL}`]);
    expect(journal.undelivered).toEqual([]);
  });

  it("withdraws a record that was accepted and cannot be read back", async () => {
    const store = new MemoryStore();
    store.unproveNext();
    await expect(issueKey(issuer(store), ISSUE, never)).rejects.toMatchObject({
      kind: "unavailable",
      code: "write_unproven",
      message: `${KEY.id} was accepted by the store and cannot be read back; ${KEY.id} was not delivered, and it was revoked`,
      hint: "Repeat the command; it makes a new key.",
    });
    expect(Object.keys(await entries(store))).toEqual([LABEL, `${LABEL}.revoked`]);
  });

  it("leaves another record alone that stands in its place", async () => {
    const store = new MemoryStore();
    store.plant(LABEL, "dev/mallory");
    await expect(issueKey(issuer(store), ISSUE, never)).rejects.toMatchObject({
      kind: "conflict",
      code: "key_taken",
    });
    expect(journal.undelivered).toEqual([]);
    expect(await entries(store)).toEqual({ [LABEL]: "dev/mallory" });
  });
});
