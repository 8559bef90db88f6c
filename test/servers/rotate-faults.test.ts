import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { mintKey, type MintedKey } from "../../src/lib/keys/key.ts";
import { parseEntryName } from "../../src/lib/keys/record.ts";
import type { KeyStore } from "../../src/lib/keys/key-store.ts";
import { openSsmStore } from "../../src/lib/stores/ssm-store.ts";
import { startFaultProxy, type Fault, type FaultProxy } from "../support/fault-proxy.ts";
import {
  cutAfterWrite,
  cutConnection,
  failAfterWrite,
  denyAccess,
  failBeforeWrite,
  staleRead,
} from "../support/faults.ts";
import { MOTO_ACCOUNT, motoAvailable, startMoto, TEST_CREDENTIALS, type MotoServer } from "../support/moto.ts";
import { parametersBelow } from "../support/parameters-below.ts";
import { makeProject, type Project, type RunResult } from "../support/run-cli.ts";
import { seededBytes } from "../support/seeded.ts";

const KEYS = [keyOf("old"), keyOf("first"), keyOf("second"), keyOf("third")] as const;

/** What the next calls of an action meet. */
type Plan = readonly { readonly action: string; readonly faults: readonly Fault[] }[];
const through: Fault = (_call, forward) => forward();

describe.skipIf(!motoAvailable())("keys rotate on SSM that fails", () => {
  let moto: MotoServer;
  let proxy: FaultProxy;
  let project: Project;
  let path = "";
  let paths = 0;

  beforeAll(async () => {
    moto = await startMoto();
    proxy = await startFaultProxy(moto.url);
  });
  afterAll(async () => {
    await proxy.close();
    await moto.stop();
  });
  beforeEach(async () => {
    path = `/rotating-${(paths += 1)}/keys`;
    project = await makeProject();
    await run("old", ["keys", "create", "--role", "dev-readonly", "--user", "alice", "-o", "token"]);
  });
  afterEach(async () => {
    await project.remove();
  });

  const open = (): KeyStore =>
    openSsmStore(
      { path, region: "eu-central-1", account: MOTO_ACCOUNT },
      {
        env: {},
        client: { endpoint: proxy.url, credentials: TEST_CREDENTIALS, maxAttempts: 1 },
        pause: async () => undefined,
      },
    );
  const run = (name: string, argv: readonly string[]): Promise<RunResult> =>
    project.run(argv, { store: open(), randomBytes: seededBytes(name) });
  const rotate = async (name: string, plan: Plan = []): Promise<RunResult> => {
    for (const { action, faults } of plan) for (const fault of faults) proxy.inject(action, fault);
    const result = await run(name, ["keys", "rotate", KEYS[0].id, "--yes", "-o", "token"]);
    proxy.settle();
    return result;
  };

  /** The parts that stand of each of the keys. */
  const standing = async (): Promise<readonly string[]> => {
    const names = (await parametersBelow(moto, path)).map(({ Name = "" }) =>
      parseEntryName(Name.slice(path.length + 1), "/"),
    );
    return KEYS.map(({ hash }) =>
      names
        .flatMap((name) => (name?.hash === hash ? [name.part] : []))
        .toSorted()
        .join(" "),
    );
  };

  it.each<[string, Plan]>([
    ["the end of the old key is refused with a 500", [nth("PutParameter", 2, failBeforeWrite())]],
    ["the end of the old key is written and answered with a 500", [nth("PutParameter", 2, failAfterWrite())]],
    ["the end of the old key is cut off before it is written", [nth("PutParameter", 2, cutConnection())]],
    ["the end of the old key is written and cut off", [nth("PutParameter", 2, cutAfterWrite())]],
    ["the end of the old key is written and cannot be read back", [nth("GetParameters", 2, cutConnection())]],
    ["the end of the old key is written and never shown", [nth("GetParameters", 2, staleRead(), 7)]],
    ["nobody can say whether the old key was revoked", [nth("GetParameters", 3, cutConnection())]],
    ["the new record is refused with a 500", [nth("PutParameter", 1, failBeforeWrite())]],
    ["the new record is written and cut off", [nth("PutParameter", 1, cutAfterWrite())]],
  ])("makes one successor when it is repeated after %s", async (_what, plan) => {
    expect(await rotate("first", plan)).toMatchObject({ code: 5, out: "" });
    expect(await rotate("second")).toMatchObject({ code: 0, out: `${KEYS[2].token.reveal()}\n` });
    const [old, first, second] = await standing();
    expect({ old, second, isFirstRevoked: first?.endsWith("revoked") }).toEqual({
      old: "ends record",
      second: "record",
      isFirstRevoked: true,
    });
    expect(await rotate("third")).toMatchObject({ code: 3, err: expect.stringContaining("is superseded") });
  });

  it.each<[string, Plan]>([
    ["its record is refused with a 500", [nth("PutParameter", 2, failBeforeWrite())]],
    ["its record is refused for want of a right", [nth("PutParameter", 2, denyAccess())]],
    ["its record is written and answered with a 500", [nth("PutParameter", 2, failAfterWrite())]],
    [
      "reads show nothing of the first at first",
      [nth("GetParameters", 2, staleRead(), 3), nth("PutParameter", 2, cutAfterWrite())],
    ],
    ["the first cannot be revoked once more", [nth("PutParameter", 1, failBeforeWrite())]],
    ["its record cannot be read back", [nth("GetParameters", 4, cutConnection())]],
    ["nobody can say whether the old key was revoked", [nth("GetParameters", 5, cutConnection())]],
  ])("makes one successor when the repetition fails too: %s", async (_what, plan) => {
    expect(await rotate("first", [nth("PutParameter", 2, cutAfterWrite())])).toMatchObject({ code: 5, out: "" });
    const { code, out } = await rotate("second", plan);
    expect({ out, isFailed: code !== 0 }).toEqual({ out: "", isFailed: true });
    expect(await rotate("third")).toMatchObject({ code: 0, out: `${KEYS[3].token.reveal()}\n` });
    const [old, first, second, third] = await standing();
    expect({ old, first, third }).toEqual({ old: "ends record", first: "record revoked", third: "record" });
    expect(second).not.toBe("record");
    expect(await rotate("fourth")).toMatchObject({ code: 3, err: expect.stringContaining("is superseded") });
  });
});

/** The fault of the nth call of an action; those before it go through. */
function nth(action: string, number: number, fault: Fault, times = 1): Plan[number] {
  return {
    action,
    faults: [...Array.from({ length: number - 1 }, () => through), ...Array.from({ length: times }, () => fault)],
  };
}

function keyOf(name: string): MintedKey {
  return mintKey(seededBytes(name));
}
