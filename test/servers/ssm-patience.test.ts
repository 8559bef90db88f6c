import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { createEntry, type KeyStore } from "../../src/lib/keys/key-store.ts";
import { openSsmStore, type SsmStoreDeps } from "../../src/lib/stores/ssm-store.ts";
import { type Answer, type Fault, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { cutAfterWrite, failAfterWrite, staleRead, throttle } from "../support/faults.ts";
import { MOTO_ACCOUNT, motoAvailable, type MotoServer, startMoto, TEST_CREDENTIALS } from "../support/moto.ts";

const NOTE = { action: "create", at: "2026-11-20T10:00:00Z" } as const;
const VALUE = "dev-readonly/alice";

describe.skipIf(!motoAvailable())("the patience of the SSM store", () => {
  let moto: MotoServer;
  let proxy: FaultProxy;
  let paths = 0;
  let waits: number[];
  let told: string[];

  beforeAll(async () => {
    moto = await startMoto();
    proxy = await startFaultProxy(moto.url);
    return async () => {
      await proxy.close();
      await moto.stop();
    };
  });
  afterEach(() => proxy.settle());

  const open = (deps: SsmStoreDeps = {}): KeyStore => {
    waits = [];
    told = [];
    return openSsmStore(
      { path: `/patience-${(paths += 1)}/keys`, region: "eu-central-1", account: MOTO_ACCOUNT },
      {
        env: {},
        client: { endpoint: proxy.url, credentials: TEST_CREDENTIALS, maxAttempts: 1 },
        pause: async (ms) => void waits.push(ms),
        tell: (line) => void told.push(line),
        ...deps,
      },
    );
  };

  it("outlasts a minute of throttling, and says what it waits for", async () => {
    const store = open();
    proxy.inject("PutParameter", throttle(), 8);
    expect(await createEntry(store, entry(1), VALUE, NOTE)).toEqual({ status: "created" });
    expect(waits).toEqual([2000, 3000, 5000, 10_000, 15_000, 15_000, 15_000, 15_000]);
    expect(waits.reduce((sum, ms) => sum + ms)).toBeGreaterThan(60_000);
    expect(told).toHaveLength(8);
    expect(told[0]).toBe("AWS throttles ssm:PutParameter; trying again in 2 s (Ctrl-C gives up).");
  });

  it("gives up on what is throttled for longer", async () => {
    const store = open();
    proxy.inject("GetParametersByPath", throttle(), 10);
    await expect(store.list()).rejects.toMatchObject({ kind: "unavailable", code: "aws_throttled" });
  });

  it("is ended by an interruption", async () => {
    const abort = new AbortController();
    const store = open({
      signal: abort.signal,
      pause: (_ms, signal) => {
        abort.abort();
        return new Promise((_done, failed) => failed(signal?.reason));
      },
    });
    proxy.inject("PutParameter", throttle());
    await expect(createEntry(store, entry(1), VALUE, NOTE)).rejects.toMatchObject({ kind: "interrupted" });
  });

  it("makes many entries with one call each, and reads them back ten at a time", async () => {
    const store = open();
    const entries = Array.from({ length: 25 }, (_, number) => ({ name: entry(number), value: VALUE, note: NOTE }));
    expect(await store.create(entries)).toEqual(entries.map(() => ({ status: "created" })));
    expect(proxy.sent("PutParameter")).toHaveLength(25);
    expect(proxy.sent("GetParameters").map((body) => (body["Names"] as unknown[]).length)).toEqual([10, 10, 5]);
    expect(store.calls).toBe(1 + 25 + 3);
    await store.list();
    expect(store.calls).toBe(1 + 25 + 3 + 3);
  });

  it("reads back only what it has not seen yet", async () => {
    const store = open();
    const entries = [1, 2, 3].map((number) => ({ name: entry(number), value: VALUE, note: NOTE }));
    proxy.inject("GetParameters", seesOnly(1));
    proxy.inject("GetParameters", staleRead());
    expect(await store.create(entries)).toEqual(entries.map(() => ({ status: "created" })));
    expect(proxy.sent("GetParameters").map((body) => (body["Names"] as unknown[]).length)).toEqual([3, 2, 2]);
    expect(waits).toEqual([100, 200]);
  });

  it.each([
    ["answered 500", failAfterWrite()],
    ["cut off", cutAfterWrite()],
  ])("takes entries for made whose answers were %s, when a retry finds them", async (_what, fault) => {
    const store = open({ client: { endpoint: proxy.url, credentials: TEST_CREDENTIALS, maxAttempts: 2 } });
    proxy.inject("PutParameter", fault);
    const entries = [1, 2].map((number) => ({ name: entry(number), value: VALUE, note: NOTE }));
    expect(await store.create(entries)).toEqual([{ status: "exists", value: VALUE }, { status: "created" }]);
  });

  it("waits until what it deleted is gone, and tells what is not", async () => {
    const store = open();
    await createEntry(store, entry(1), VALUE, NOTE);
    const shown: Fault = (call) => json((call.body["Names"] as string[]).map((Name) => ({ Name, Value: VALUE })));
    proxy.inject("GetParameters", shown, 2);
    expect(await store.remove([entry(1)], { ...NOTE, action: "prune" })).toEqual([]);
    expect(waits).toEqual([100, 200]);
    proxy.inject("GetParameters", shown, 7);
    expect(await store.remove([entry(1)], { ...NOTE, action: "prune" })).toEqual([entry(1)]);
    expect(proxy.sent("DeleteParameters")).toHaveLength(2);
  });

  it("buries in few parameters outside the path, and never twice", async () => {
    const store = open();
    const buried = Array.from({ length: 80 }, (_, number) => ({
      hash: entry(number).hash,
      removedAt: Date.parse("2026-11-20T10:00:00Z"),
      expiresAt: Date.parse("2026-10-20T10:00:00Z"),
    }));
    await store.bury(buried);
    await store.bury(buried);
    const names = proxy.sent("PutParameter").map((body) => String(body["Name"]));
    expect(names.slice(0, 3)).toEqual(names.slice(3));
    for (const name of names) expect(name).toMatch(/^\/patience-\d+\/keys\.pruned\/20261120T100000Z-[0-9a-f]{12}$/);
    for (const body of proxy.sent("PutParameter")) {
      expect(body).toMatchObject({ Overwrite: false, Type: "SecureString" });
      expect(String(body["Value"]).length).toBeLessThanOrEqual(4096);
    }
    expect(await store.tombstones()).toHaveLength(80);
    expect(await store.list()).toEqual([]);
  });

  it("says nothing is buried rather than forget half of it: one that cannot be read fails all", async () => {
    const store = open();
    proxy.inject("GetParametersByPath", () => json([{ Name: "/x.pruned/1", Value: "garbage" }]));
    await expect(store.tombstones()).rejects.toMatchObject({ kind: "invalid", code: "pruned_unreadable" });
  });

  it.each([
    ["behind", 300_000],
    ["ahead of", -300_000],
  ])("knows that this machine's clock is five minutes %s AWS's", async (_what, offsetMs) => {
    const store = open();
    proxy.inject("GetCallerIdentity", async (_call, forward) => {
      const answer = await forward();
      return { ...answer, headers: { date: new Date(Date.now() + offsetMs).toUTCString() } };
    });
    expect(store.clockOffsetMs).toBe(0);
    await store.verify();
    expect(Math.abs(store.clockOffsetMs - offsetMs)).toBeLessThanOrEqual(2000);
  });

  it("takes clocks that differ by seconds for the same", async () => {
    const store = open();
    proxy.inject("GetCallerIdentity", async (_call, forward) => {
      const answer = await forward();
      return { ...answer, headers: { date: new Date(Date.now() + 5000).toUTCString() } };
    });
    await store.verify();
    expect(store.clockOffsetMs).toBe(0);
  });
});

function entry(number: number) {
  return { role: "dev-readonly", hash: number.toString(16).padStart(64, "0"), part: "record" } as const;
}

/** Only the first so many of the parameters asked for. */
function seesOnly(count: number): Fault {
  return async (_call, forward) => {
    const answer = JSON.parse((await forward()).body) as { Parameters: object[] };
    return json(answer.Parameters.slice(0, count));
  };
}

function json(parameters: readonly object[]): Answer {
  const body = JSON.stringify({ Parameters: parameters });
  return { status: 200, contentType: "application/x-amz-json-1.1", body };
}
