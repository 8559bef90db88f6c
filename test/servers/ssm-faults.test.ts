import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { createEntry, readEntry, type KeyStore } from "../../src/lib/keys/key-store.ts";
import { openSsmStore, type SsmStoreDeps } from "../../src/lib/stores/ssm-store.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import {
  cutAfterWrite,
  cutConnection,
  emptyPage,
  failAfterWrite,
  failBeforeWrite,
  json,
  neverAnswer,
  olderList,
  page,
  refuse,
  staleRead,
  throttle,
} from "../support/faults.ts";
import { MOTO_ACCOUNT, motoAvailable, type MotoServer, startMoto, TEST_CREDENTIALS } from "../support/moto.ts";

const NOTE = { action: "create", at: "2026-11-20T10:00:00Z", reason: "demo" } as const;
const ENTRY = entry(1);
const VALUE = "dev-readonly/incident-agent-01";

describe.skipIf(!motoAvailable())("the SSM store on moto, with faults in between", () => {
  let moto: MotoServer;
  let proxy: FaultProxy;
  let paths = 0;
  let path = "";

  beforeAll(async () => {
    moto = await startMoto();
    proxy = await startFaultProxy(moto.url);
    return async () => {
      await proxy.close();
      await moto.stop();
    };
  });
  afterEach(() => {
    proxy.settle();
  });

  const open = (
    deps: Omit<SsmStoreDeps, "env" | "client"> & { maxAttempts?: number; requestTimeoutMs?: number } = {},
    kmsKeyId?: string,
  ): KeyStore => {
    const { maxAttempts, requestTimeoutMs, ...rest } = deps;
    path = `/faults-${(paths += 1)}/keys`;
    const client = { endpoint: proxy.url, credentials: TEST_CREDENTIALS, ...(maxAttempts && { maxAttempts }) };
    return openSsmStore(
      { path, region: "eu-central-1", account: MOTO_ACCOUNT, ...(kmsKeyId && { kmsKeyId }) },
      { env: {}, ...rest, client: { ...client, ...(requestTimeoutMs && { requestTimeoutMs }) } },
    );
  };
  const parameter = (): string => `${path}/dev-readonly/${ENTRY.hash}`;

  it("asks who it is first, then sends one SecureString that must not overwrite, and reads it back", async () => {
    const store = open();
    expect(await createEntry(store, ENTRY, VALUE, NOTE)).toEqual({ status: "created" });
    expect(proxy.calls.map(({ action, region, service }) => ({ action, region, service }))).toEqual([
      { action: "GetCallerIdentity", region: "eu-central-1", service: "sts" },
      { action: "PutParameter", region: "eu-central-1", service: "ssm" },
      { action: "GetParameters", region: "eu-central-1", service: "ssm" },
    ]);
    expect(proxy.sent("PutParameter")).toEqual([
      {
        Name: parameter(),
        Value: VALUE,
        Type: "SecureString",
        Overwrite: false,
        Description: '{"action":"create","at":"2026-11-20T10:00:00Z","reason":"demo"}',
      },
    ]);
  });

  it("names the KMS key when there is one", async () => {
    const store = open({}, "alias/mcp-gateway");
    await createEntry(store, ENTRY, VALUE, NOTE);
    expect(proxy.sent("PutParameter")).toEqual([
      expect.objectContaining({ KeyId: "alias/mcp-gateway", Overwrite: false }),
    ]);
  });

  it("reads, lists and describes decrypted, recursive and with AWS's largest pages", async () => {
    const store = open();
    await readEntry(store, ENTRY);
    await store.list();
    await store.history([ENTRY]);
    await store.history(null);
    const filter = { Key: "Path", Option: "Recursive", Values: [path] };
    expect(proxy.calls.map(({ action, body }) => ({ action, body }))).toEqual([
      { action: "GetCallerIdentity", body: { Action: "GetCallerIdentity", Version: "2011-06-15" } },
      { action: "GetParameters", body: { Names: [parameter()], WithDecryption: true } },
      { action: "GetParametersByPath", body: { Path: path, Recursive: true, WithDecryption: true, MaxResults: 10 } },
      {
        action: "DescribeParameters",
        body: { ParameterFilters: [{ Key: "Name", Option: "Equals", Values: [parameter()] }], MaxResults: 50 },
      },
      { action: "DescribeParameters", body: { ParameterFilters: [filter], MaxResults: 50 } },
    ]);
  });

  it.each([
    ["throttled", throttle()],
    ["answered 500 before the write", failBeforeWrite()],
    ["answered 503", refuse("ServiceUnavailable", 503)],
    ["cut before the write", cutConnection()],
    ["answered by something else with a 502", page(502)],
  ])("creates when the first attempt was %s", async (_what, fault) => {
    const store = open();
    proxy.inject("PutParameter", fault);
    expect(await createEntry(store, ENTRY, VALUE, NOTE)).toEqual({ status: "created" });
    expect(proxy.sent("PutParameter")).toHaveLength(2);
    expect((await store.list()).map(({ value, version }) => ({ value, version }))).toEqual([
      { value: VALUE, version: 1 },
    ]);
  });

  it.each([
    ["answered 500", failAfterWrite()],
    ["cut off", cutAfterWrite()],
  ])("finds its own entry when the write went through and was %s", async (_what, fault) => {
    const store = open();
    proxy.inject("PutParameter", fault);
    expect(await createEntry(store, ENTRY, VALUE, NOTE)).toEqual({ status: "exists", value: VALUE });
    expect(proxy.sent("PutParameter")).toHaveLength(2);
    expect(await readEntry(store, ENTRY)).toMatchObject({ value: VALUE, version: 1 });
  });

  it("tries again when AWS is changing the parameter for somebody else", async () => {
    const waits: number[] = [];
    const store = open({ pause: async (ms) => void waits.push(ms) });
    proxy.inject("PutParameter", refuse("TooManyUpdates"), 2);
    expect(await createEntry(store, ENTRY, VALUE, NOTE)).toEqual({ status: "created" });
    expect(waits).toEqual([100, 200]);
  });

  it("gives up on a parameter that stays busy", async () => {
    const store = open({ pause: async () => {} });
    proxy.inject("PutParameter", refuse("TooManyUpdates"), 7);
    await expect(createEntry(store, ENTRY, VALUE, NOTE)).rejects.toMatchObject({
      kind: "unavailable",
      code: "ssm_busy",
    });
    expect(await readEntry(store, ENTRY)).toBeNull();
  });

  it("waits until an entry that exists can be read", async () => {
    const waits: number[] = [];
    const store = open({ pause: async (ms) => void waits.push(ms) });
    await createEntry(store, ENTRY, VALUE, NOTE);
    proxy.inject("GetParameters", staleRead(), 3);
    expect(await createEntry(store, ENTRY, "dev-readonly/mallory", NOTE)).toEqual({ status: "exists", value: VALUE });
    expect(waits).toEqual([100, 200, 400]);
    expect(proxy.sent("PutParameter")).toHaveLength(2);
  });

  it("says so when an entry that exists never shows", async () => {
    const waits: number[] = [];
    const store = open({ pause: async (ms) => void waits.push(ms) });
    await createEntry(store, ENTRY, VALUE, NOTE);
    proxy.inject("GetParameters", staleRead(), 7);
    await expect(createEntry(store, ENTRY, VALUE, NOTE)).rejects.toMatchObject({
      kind: "unavailable",
      code: "ssm_read_stale",
      message: `AWS says that ${parameter()} exists, and does not show it yet.`,
    });
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200]);
  });

  it("proves what it created when only some reads are stale", async () => {
    const waits: number[] = [];
    const store = open({ pause: async (ms) => void waits.push(ms) });
    proxy.inject("GetParameters", staleRead(), 3);
    expect(await createEntry(store, ENTRY, VALUE, NOTE)).toEqual({ status: "created" });
    expect(waits).toEqual([100, 200, 400]);
  });

  it("calls unproven what it created and can never read", async () => {
    const waits: number[] = [];
    const store = open({ pause: async (ms) => void waits.push(ms) });
    proxy.inject("GetParameters", staleRead(), 7);
    expect(await createEntry(store, ENTRY, VALUE, NOTE)).toEqual({ status: "unproven" });
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200]);
    expect(proxy.sent("PutParameter")).toHaveLength(1);
  });

  it("tells what stands when somebody overwrote the entry before it was read back", async () => {
    const store = open();
    const shown = { Name: "x", Value: "dev-readonly/mallory", Version: 2 };
    proxy.inject("GetParameters", () => json({ Parameters: [{ ...shown, Name: parameter() }] }));
    expect(await createEntry(store, ENTRY, VALUE, NOTE)).toEqual({ status: "exists", value: "dev-readonly/mallory" });
  });

  it("gives a stale read and a stale list as they are: the caller proves a write", async () => {
    const store = open();
    await createEntry(store, ENTRY, VALUE, NOTE);
    proxy.inject("GetParameters", staleRead());
    expect(await readEntry(store, ENTRY)).toBeNull();
    expect((await readEntry(store, ENTRY))?.value).toBe(VALUE);
    proxy.inject("GetParametersByPath", olderList(new Set([parameter()])));
    expect(await store.list()).toEqual([]);
    expect(await store.list()).toHaveLength(1);
  });

  it("follows the token through empty pages", async () => {
    const store = open();
    const names = Array.from({ length: 12 }, (_, index) => entry(index));
    for (const name of names) await createEntry(store, name, VALUE, NOTE);
    proxy.inject("GetParametersByPath", emptyPage());
    expect((await store.list()).map(({ name }) => name)).toEqual(names);
    proxy.inject("DescribeParameters", emptyPage());
    const history = await store.history(names);
    expect(history.map(({ name, note }) => ({ name, note }))).toEqual(names.map((name) => ({ name, note: NOTE })));
    expect(proxy.sent("GetParametersByPath").map((body) => body["NextToken"])).toEqual([undefined, "0", "10"]);
    expect(proxy.sent("DescribeParameters").map((body) => body["NextToken"])).toEqual([undefined, "0", "10"]);
  });

  it("does not follow a token in a circle", async () => {
    const store = open();
    proxy.inject("GetParametersByPath", () => json({ Parameters: [], NextToken: "again" }), 2);
    await expect(store.list()).rejects.toMatchObject({ kind: "unavailable", code: "aws_answer_unreadable" });
  });

  it("lists a parameter once that two pages show", async () => {
    const store = open();
    const shown = { Name: parameter(), Value: VALUE, Version: 1 };
    proxy.inject("GetParametersByPath", () => json({ Parameters: [shown], NextToken: "more" }));
    proxy.inject("GetParametersByPath", () => json({ Parameters: [shown] }));
    expect(await store.list()).toEqual([
      { label: parameter(), name: ENTRY, value: VALUE, version: 1, changedAt: null },
    ]);
  });

  it("takes a name that lies elsewhere for no entry", async () => {
    const store = open();
    const Name = parameter().replace("/faults-", "/faulty-");
    proxy.inject("GetParametersByPath", () => json({ Parameters: [{ Name, Value: VALUE, Version: 3 }] }));
    expect(await store.list()).toEqual([{ label: Name, name: null, value: VALUE, version: 3, changedAt: null }]);
  });

  it("reads a Description that is not ours as no note", async () => {
    const store = open();
    const described = [
      { Name: parameter(), Description: "rotated by hand", LastModifiedUser: "arn:aws:iam::123456789012:user/bob" },
      { Name: `${parameter()}.ends`, LastModifiedDate: 1_790_000_000.5 },
      { Name: `${path}/stray`, Description: "anything" },
    ];
    proxy.inject("DescribeParameters", () => json({ Parameters: described }));
    expect(await store.history(null)).toEqual([
      { name: ENTRY, by: "arn:aws:iam::123456789012:user/bob", at: null, note: null },
      { name: { ...ENTRY, part: "ends" }, by: null, at: 1_790_000_000_500, note: null },
    ]);
  });

  it("stops waiting for an answer that does not come", { timeout: 5000 }, async () => {
    const store = open({ maxAttempts: 1, requestTimeoutMs: 150 });
    proxy.inject("GetParameters", neverAnswer());
    await expect(readEntry(store, ENTRY)).rejects.toMatchObject({ kind: "unavailable", code: "aws_timeout" });
  });

  it("repeats a call that was not answered in time", { timeout: 5000 }, async () => {
    const store = open({ requestTimeoutMs: 500 });
    await createEntry(store, ENTRY, VALUE, NOTE);
    proxy.inject("GetParameters", neverAnswer());
    expect((await readEntry(store, ENTRY))?.value).toBe(VALUE);
  });

  it.each([
    ["a call", "GetParameters", neverAnswer()],
    ["the wait between two attempts", "GetParameters", throttle()],
  ])("is interrupted during %s", async (_what, action, fault) => {
    const abort = new AbortController();
    const store = open({ signal: abort.signal });
    proxy.inject(action, fault);
    const reading = readEntry(store, ENTRY);
    await proxy.reached(action);
    abort.abort();
    await expect(reading).rejects.toMatchObject({
      kind: "interrupted",
      message: `Interrupted during ssm:GetParameters on ${parameter()}.`,
    });
    expect(proxy.sent(action)).toHaveLength(1);
  });

  it("is interrupted during the wait for a stale read", async () => {
    const abort = new AbortController();
    const store = open({
      signal: abort.signal,
      pause: (_ms, signal) => {
        abort.abort();
        return new Promise((_done, failed) => failed(signal?.reason));
      },
    });
    proxy.inject("PutParameter", refuse("ParameterAlreadyExists"));
    proxy.inject("GetParameters", staleRead());
    await expect(createEntry(store, ENTRY, VALUE, NOTE)).rejects.toMatchObject({ kind: "interrupted" });
  });

  it("sends nothing once it is interrupted", async () => {
    const store = open({ signal: AbortSignal.abort() });
    for (const work of [
      store.verify(),
      store.list(),
      readEntry(store, ENTRY),
      createEntry(store, ENTRY, VALUE, NOTE),
    ]) {
      await expect(work).rejects.toMatchObject({ name: "AppError", kind: "interrupted" });
    }
    expect(proxy.calls).toEqual([]);
  });

  it("takes back, though interrupted, what was made before", async () => {
    const store = open({ signal: AbortSignal.abort() }).uninterrupted();
    expect(await createEntry(store, { ...ENTRY, part: "revoked" }, "at=2026-11-20T10:00:00Z", NOTE)).toEqual({
      status: "created",
    });
  });

  it("sends nothing that AWS would refuse", async () => {
    const store = open();
    const bad = ["", "x".repeat(4097), "a{{b", "a}}b"].map((value) => createEntry(store, ENTRY, value, NOTE));
    for (const work of bad) await expect(work).rejects.toMatchObject({ kind: "invalid" });
    await expect(createEntry(store, { ...ENTRY, role: "a b" }, VALUE, NOTE)).rejects.toMatchObject({ kind: "invalid" });
    expect(await readEntry(store, { ...ENTRY, role: "a b" })).toBeNull();
    expect(await store.history([])).toEqual([]);
    expect(proxy.calls).toEqual([]);
  });
});

function entry(number: number) {
  return { role: "dev-readonly", hash: number.toString(16).padStart(64, "0"), part: "record" } as const;
}
