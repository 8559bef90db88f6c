import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseEntryName } from "../../src/lib/keys/record.ts";
import type { KeyStore } from "../../src/lib/keys/key-store.ts";
import { openSsmStore } from "../../src/lib/stores/ssm-store.ts";
import { startFaultProxy, type Fault, type FaultProxy } from "../support/fault-proxy.ts";
import {
  cutAfterWrite,
  cutConnection,
  failAfterWrite,
  failBeforeWrite,
  staleRead,
  throttle,
} from "../support/faults.ts";
import { filesBelow } from "../support/files-below.ts";
import { MOTO_ACCOUNT, motoAvailable, startMoto, TEST_CREDENTIALS, type MotoServer } from "../support/moto.ts";
import { parametersBelow } from "../support/parameters-below.ts";
import { makeProject, mintedKeys, NOW, type Project, type RunResult } from "../support/run-cli.ts";
import { seededBytes } from "../support/seeded.ts";

const CREATE = ["keys", "create", "--role", "dev-readonly", "--user", "alice", "-o", "token"] as const;
const [FIRST] = mintedKeys(1) as [ReturnType<typeof mintedKeys>[number]];
const [NEXT] = mintedKeys(1, seededBytes("next")) as [ReturnType<typeof mintedKeys>[number]];

const REVOKED = `${FIRST.id} was not delivered, and it was revoked`;
const MAY_EXIST =
  `${FIRST.id} may exist, and nobody has its token\n  Run \`mcpctl keys revoke ${FIRST.id}\` when the store is back; ` +
  "the next `keys create` or `keys rotate` here does it too.";
const CUT_OFF = `${FIRST.id} was made by a command that was cut off before its token was delivered`;
const REVOKED_NOW = `${CUT_OFF}; it is revoked.\n`;
const REVOKED_ALREADY = `${CUT_OFF}; it was revoked already.\n`;

interface Failed {
  readonly says: string;
  /** The parts of the key that stand afterwards. */
  readonly left: readonly string[];
  /** What the next command tells. */
  readonly next: string;
}

/** Faults of one action, each met by the next of its calls. */
type Plan = readonly (readonly [action: string, fault: Fault, times: number])[];

describe.skipIf(!motoAvailable())("keys create on SSM that fails", () => {
  let moto: MotoServer;
  let proxy: FaultProxy;
  let project: Project;
  let path = "";
  let paths = 0;
  let told: string[];
  let waitedMs: number;

  beforeAll(async () => {
    moto = await startMoto();
    proxy = await startFaultProxy(moto.url);
  });
  afterAll(async () => {
    await proxy.close();
    await moto.stop();
  });
  beforeEach(async () => {
    path = `/failing-${(paths += 1)}/keys`;
    project = await makeProject();
    told = [];
    waitedMs = 0;
  });
  afterEach(async () => {
    await project.remove();
    proxy.settle();
  });

  const open = (maxAttempts: number): KeyStore =>
    openSsmStore(
      { path, region: "eu-central-1", account: MOTO_ACCOUNT },
      {
        env: {},
        client: { endpoint: proxy.url, credentials: TEST_CREDENTIALS, maxAttempts },
        pause: async (ms) => void (waitedMs += ms),
        tell: (line) => void told.push(line),
      },
    );

  const create = (plan: Plan, maxAttempts = 1): Promise<RunResult> => {
    for (const [action, fault, times] of plan) proxy.inject(action, fault, times);
    return project.run(CREATE, { store: open(maxAttempts) });
  };

  /** A second later, from a process of its own: what it tells before it makes its key. */
  const createNext = async (): Promise<string> => {
    const bytes = seededBytes("next");
    const { code, out, err } = await project.run(CREATE, { store: open(1), now: () => NOW + 1000, randomBytes: bytes });
    expect({ code, out }).toEqual({ code: 0, out: `${NEXT.token.reveal()}\n` });
    return err.slice(0, err.indexOf(`Created ${NEXT.id}`));
  };

  const parts = async ({ hash }: { hash: string }): Promise<readonly string[]> => {
    const names = (await parametersBelow(moto, path)).map(({ Name = "" }) =>
      parseEntryName(Name.slice(path.length + 1), "/"),
    );
    return names.flatMap((name) => (name?.hash === hash ? [name.part] : [])).toSorted();
  };
  const journals = async (): Promise<readonly string[]> =>
    (await filesBelow(project.cwd)).filter((file) => file.includes("undelivered"));

  it.each<[string, Plan]>([
    ["answers 500 before it writes", [["PutParameter", failBeforeWrite(), 1]]],
    ["writes and answers 500", [["PutParameter", failAfterWrite(), 1]]],
    ["cuts the connection before it writes", [["PutParameter", cutConnection(), 1]]],
    ["writes and cuts the connection", [["PutParameter", cutAfterWrite(), 1]]],
    ["does not show it at first", [["GetParameters", staleRead(), 3]]],
    [
      "does all that at once",
      [
        ["PutParameter", failAfterWrite(), 1],
        ["GetParameters", cutConnection(), 1],
        ["GetParameters", staleRead(), 2],
      ],
    ],
  ])("makes its key when AWS %s", async (_what, plan) => {
    expect(await create(plan, 2)).toMatchObject({ code: 0, out: `${FIRST.token.reveal()}\n` });
    expect(await parts(FIRST)).toEqual(["record"]);
    expect(await journals()).toEqual([]);
    expect(await createNext()).toBe("");
  });

  it("outlasts a minute of throttling, and says what it waits for", async () => {
    expect(await create([["PutParameter", throttle(), 8]])).toMatchObject({ code: 0 });
    expect(waitedMs).toBe(80_000);
    expect(told).toEqual(
      [2, 3, 5, 10, 15, 15, 15, 15].map(
        (seconds) => `AWS throttles ssm:PutParameter; trying again in ${seconds} s (Ctrl-C gives up).`,
      ),
    );
    expect(await parts(FIRST)).toEqual(["record"]);
    expect(await createNext()).toBe("");
  });

  it.each<[string, Plan, Failed]>([
    [
      "answers 500 before it writes",
      [["PutParameter", failBeforeWrite(), 1]],
      { says: `failed inside AWS in every attempt; ${REVOKED}`, left: ["revoked"], next: "" },
    ],
    [
      "writes and answers 500",
      [["PutParameter", failAfterWrite(), 1]],
      { says: `failed inside AWS in every attempt; ${REVOKED}`, left: ["record", "revoked"], next: "" },
    ],
    [
      "cuts the connection before it writes",
      [["PutParameter", cutConnection(), 1]],
      { says: `could not reach AWS; ${REVOKED}`, left: ["revoked"], next: "" },
    ],
    [
      "writes and cuts the connection",
      [["PutParameter", cutAfterWrite(), 1]],
      { says: `could not reach AWS; ${REVOKED}`, left: ["record", "revoked"], next: "" },
    ],
    [
      "never shows the record",
      [["GetParameters", staleRead(), 7]],
      { says: `was accepted by the store and cannot be read back; ${REVOKED}`, left: ["record", "revoked"], next: "" },
    ],
    [
      "shows neither the record nor its revocation",
      [["GetParameters", staleRead(), 15]],
      {
        says: `cannot be read back; ${FIRST.id} was not delivered, and its revocation cannot be read back`,
        left: ["record", "revoked"],
        next: REVOKED_ALREADY,
      },
    ],
    [
      "throttles for longer than anybody waits",
      [["PutParameter", throttle(), 10]],
      { says: `was throttled by AWS in every attempt; ${REVOKED}`, left: ["revoked"], next: "" },
    ],
    [
      "writes and answers 500, and then fails before it revokes",
      [
        ["PutParameter", failAfterWrite(), 1],
        ["PutParameter", failBeforeWrite(), 1],
      ],
      { says: MAY_EXIST, left: ["record"], next: REVOKED_NOW },
    ],
    [
      "writes and answers 500, and then revokes and answers 500",
      [["PutParameter", failAfterWrite(), 2]],
      { says: MAY_EXIST, left: ["record", "revoked"], next: REVOKED_ALREADY },
    ],
    [
      "writes and cuts the connection, and then throttles the revocation",
      [
        ["PutParameter", cutAfterWrite(), 1],
        ["PutParameter", throttle(), 10],
      ],
      { says: MAY_EXIST, left: ["record"], next: REVOKED_NOW },
    ],
    [
      "writes and cuts every connection from then on",
      [
        ["PutParameter", cutAfterWrite(), 1],
        ["GetParameters", cutConnection(), 1],
        ["PutParameter", cutConnection(), 1],
      ],
      { says: MAY_EXIST, left: ["record"], next: REVOKED_NOW },
    ],
    [
      "is down, before it writes and before it revokes",
      [["PutParameter", failBeforeWrite(), 2]],
      { says: "failed inside AWS in every attempt.", left: [], next: REVOKED_NOW },
    ],
  ])("shows no token when AWS %s, and nobody's key lives", async (_what, plan, { says, left, next }) => {
    const { code, out, err } = await create(plan);
    expect({ code, out, err }).toEqual({ code: 5, out: "", err: expect.stringContaining(`${says}\n`) });
    expect(await parts(FIRST)).toEqual(left);
    expect(await createNext()).toBe(next);
    expect(await parts(FIRST)).toEqual(left.includes("record") ? ["record", "revoked"] : ["revoked"]);
    expect(await parts(NEXT)).toEqual(["record"]);
    expect(await journals()).toEqual([]);
  });

  it.each([
    ["behind", 300_000],
    ["ahead of", -300_000],
  ])("counts by AWS's clock where this machine's is five minutes %s it", async (direction, offsetMs) => {
    const dated: Fault = async (_call, forward) => ({
      ...(await forward()),
      headers: { date: new Date(Date.now() + offsetMs).toUTCString() },
    });
    const plan: Plan = [
      ["GetCallerIdentity", dated, 1],
      ["PutParameter", dated, 1],
      ["GetParameters", dated, 1],
    ];
    const { code, err } = await create(plan);
    const [, seconds] = /^This machine's clock is (\d+) s (?:behind|ahead of) AWS's;/m.exec(err) ?? [];
    expect({ code, err }).toEqual({
      code: 0,
      err: expect.stringContaining(` s ${direction} AWS's; the times of keys`),
    });
    // An answer's date has whole seconds.
    expect(Math.abs(Number(seconds) - 300)).toBeLessThan(30);
    const [record] = await parametersBelow(moto, path);
    const end = NOW + Number(seconds) * 1000 * Math.sign(offsetMs) + 90 * 86_400_000;
    expect(Math.abs(Date.parse(record?.Value?.split("exp=")[1] ?? "") - end)).toBeLessThan(30_000);
    expect(await createNext()).toBe("");
  });
});
