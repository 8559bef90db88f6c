import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { keyId } from "../../src/lib/keys/key.ts";
import { openSsmStore } from "../../src/lib/stores/ssm-store.ts";
import { runWorker, type Seen } from "../support/chaos.ts";
import { startFaultProxy, type FaultProxy, type Guard } from "../support/fault-proxy.ts";
import { cutAfterWrite, cutConnection, failAfterWrite, refuse, staleRead, throttle } from "../support/faults.ts";
import { filesBelow } from "../support/files-below.ts";
import { MOTO_ACCOUNT, motoAvailable, startMoto, TEST_CREDENTIALS, type MotoServer } from "../support/moto.ts";

const CREATE = ["keys", "create", "--role", "dev-readonly", "--user", "alice", "-o", "json"];
const CUT_OFF =
  /^(k_[0-9a-f]{12}) was made by a command that was cut off before its token was delivered; it is revoked\.$/m;

describe.skipIf(!motoAvailable())("keys create on SSM", () => {
  let moto: MotoServer;
  let proxy: FaultProxy;
  let weather: Guard = () => null;
  let cwd: string;
  let path = "";
  let paths = 0;

  beforeAll(async () => {
    moto = await startMoto();
    proxy = await startFaultProxy(moto.url, (call, forward) => weather(call, forward));
    return async () => {
      await proxy.close();
      await moto.stop();
    };
  });
  beforeEach(async () => {
    path = `/recovery-${(paths += 1)}/keys`;
    cwd = await mkdtemp(join(tmpdir(), "mcpctl-recovery-"));
    for (const name of ["roles.yaml", "backends.yaml"]) await copyFile(join("examples", name), join(cwd, name));
    const store = `{ type: ssm, path: ${path}, region: eu-central-1, account: "${MOTO_ACCOUNT}" }`;
    await writeFile(join(cwd, "mcpctl.yaml"), `currentContext: c\ncontexts:\n  - { name: c, store: ${store} }\n`);
  });
  afterEach(() => rm(cwd, { recursive: true }));

  /** One command line in a process of its own; `kill` kills it. */
  let kill = (): void => undefined;
  async function run(argv: readonly string[] = CREATE): Promise<Seen> {
    const task = { name: "X", path, account: MOTO_ACCOUNT, endpoint: proxy.url, cwd, state: join(cwd, "state") };
    const [seen] = await runWorker({ ...task, lines: [{ argv }] }, (end) => (kill = end));
    if (seen === undefined) throw new Error("the worker began nothing");
    return seen;
  }
  const stored = async (): Promise<Readonly<Record<string, readonly string[]>>> => {
    const store = openSsmStore(
      { path, region: "eu-central-1", account: MOTO_ACCOUNT },
      { env: {}, client: { endpoint: moto.url, credentials: TEST_CREDENTIALS } },
    );
    const entries = await store.list();
    const parts = Object.groupBy(entries, ({ name }) => keyId(name?.hash ?? ""));
    return Object.fromEntries(
      Object.entries(parts).map(([id, of]) => [id, of?.map(({ name }) => name?.part ?? "") ?? []]),
    );
  };
  const idOf = ({ out }: Seen): string => (JSON.parse(out) as { id: string }).id;
  const isSettled = async (): Promise<boolean> =>
    (await filesBelow(join(cwd, "state"))).every((file) => !file.includes("undelivered"));

  it.each([
    ["before it asked who it is", "GetCallerIdentity", false],
    ["after it asked who it is", "GetCallerIdentity", true],
  ])("killed %s leaves nothing, and the next one has nothing to say", async (_when, action, isCarriedOut) => {
    killAt(action, isCarriedOut);
    expect((await run()).code).toBeNull();
    weather = () => null;
    const next = await run();
    expect({ code: next.code, isTold: CUT_OFF.test(next.err) }).toEqual({ code: 0, isTold: false });
    expect(await stored()).toEqual({ [idOf(next)]: ["record"] });
  });

  it.each([
    ["before its record was written", "PutParameter", false, ["revoked"]],
    ["after its record was written", "PutParameter", true, ["record", "revoked"]],
    ["before its record was read back", "GetParameters", false, ["record", "revoked"]],
    ["after its record was read back", "GetParameters", true, ["record", "revoked"]],
  ])("killed %s is mended by the next one, which says so", async (_when, action, isCarriedOut, parts) => {
    killAt(action, isCarriedOut);
    const killed = await run();
    expect({ code: killed.code, out: killed.out }).toEqual({ code: null, out: "" });
    weather = () => null;
    const next = await run();
    const [, lost = ""] = CUT_OFF.exec(next.err) ?? [];
    expect(next.code).toBe(0);
    expect(await stored()).toEqual({ [lost]: parts, [idOf(next)]: ["record"] });
    expect(await isSettled()).toBe(true);
    expect((await run()).err).not.toMatch(CUT_OFF);
  });

  it.each([
    ["answered 500 after the write", failAfterWrite()],
    ["cut off after the write", cutAfterWrite()],
    ["throttled", throttle()],
    ["cut off before the write", cutConnection()],
    ["answered 503", refuse("ServiceUnavailable", 503)],
  ])("whose first write is %s makes one key", async (_what, fault) => {
    weather = () => null;
    proxy.inject("PutParameter", fault);
    const { code, out } = await run();
    expect(code).toBe(0);
    expect(await stored()).toEqual({ [idOf({ out } as Seen)]: ["record"] });
  });

  it.each([
    ["answers 500 after each write", failAfterWrite(), ["record", "revoked"]],
    ["answers 500 before each write", refuse("InternalServerError", 500), ["revoked"]],
  ])("on an account that %s delivers nothing; the next one mends it", async (_what, fault, parts) => {
    weather = (call, forward) => (call.action === "PutParameter" ? fault(call, forward) : null);
    const failed = await run();
    expect({ code: failed.code, out: failed.out }).toEqual({ code: 5, out: "" });
    weather = () => null;
    const next = await run();
    const others = Object.entries(await stored()).filter(([id]) => id !== idOf(next));
    expect(others.map(([, of]) => of)).toEqual([parts]);
    expect(await isSettled()).toBe(true);
  });

  it("outlasts a minute of throttling of every call", async () => {
    weather = () => null;
    proxy.inject("PutParameter", throttle(), 16);
    const { code, err } = await run();
    expect(code).toBe(0);
    expect(Object.values(await stored())).toEqual([["record"]]);
    expect(err).toContain("Created k_");
  });

  it("whose reads are stale for a while is proven all the same; for ever, it is withdrawn and says so", async () => {
    weather = () => null;
    proxy.inject("GetParameters", staleRead(), 5);
    expect((await run()).code).toBe(0);
    weather = (call, forward) => (call.action === "GetParameters" ? staleRead()(call, forward) : null);
    const failed = await run();
    expect({ code: failed.code, out: failed.out }).toEqual({ code: 5, out: "" });
    expect(failed.err).toMatch(/was accepted by the store and cannot be read back; k_\w+ was not delivered/);
    weather = () => null;
    await run();
    expect(Object.values(await stored()).map((parts) => parts.join())).toEqual(
      expect.arrayContaining(["record,revoked"]),
    );
    expect(await isSettled()).toBe(true);
  });

  it.each([
    ["behind", 300_000],
    ["ahead of", -300_000],
  ])(
    "on a machine whose clock is five minutes %s AWS's gives times of AWS's clock, and says so",
    async (word, offset) => {
      weather = async (_call, forward) => {
        const answer = await forward();
        return { ...answer, headers: { date: new Date(Date.now() + offset).toUTCString() } };
      };
      const began = Date.now();
      const { code, out, err } = await run([...CREATE, "--ttl", "1h"]);
      expect(code).toBe(0);
      expect(err).toMatch(
        new RegExp(`This machine's clock is (?:299|300|301) s ${word} AWS's; the times of keys follow AWS's.`),
      );
      const expires = Date.parse((JSON.parse(out) as { expires_at: string }).expires_at);
      expect(expires).toBeGreaterThan(began + offset + 3_590_000);
      expect(expires).toBeLessThan(Date.now() + offset + 3_610_000);
    },
  );

  /** Kills the process at its next call of this action: before the call is carried out, or after. */
  function killAt(action: string, isCarriedOut: boolean): void {
    weather = async (call, forward) => {
      if (call.action !== action) return null;
      if (isCarriedOut) await forward();
      kill();
      return "cut";
    };
  }
});
