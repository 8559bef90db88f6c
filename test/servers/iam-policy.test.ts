import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeleteParametersCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { beforeAll, describe, expect, it } from "vitest";
import { policyFor, POLICY_KINDS, type PolicyKind } from "../../src/lib/aws/key-policies.ts";
import { AppError } from "../../src/lib/errors.ts";
import { createEntry, type KeyStore, type NewEntry, readEntry } from "../../src/lib/keys/key-store.ts";
import { openSsmStore } from "../../src/lib/stores/ssm-store.ts";
import { tombstoneParameters } from "../../src/lib/stores/ssm-tombstones.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { guardBy } from "../support/iam-guard.ts";
import { MOTO_ACCOUNT, motoAvailable, type MotoServer, startMoto, TEST_CREDENTIALS } from "../support/moto.ts";
import { makeProject } from "../support/run-cli.ts";
import { createUser, enforceIam } from "../support/moto-iam.ts";
import { seededBytes } from "../support/seeded.ts";

const REGION = "eu-central-1";
const PATH = "/mcp-gateway/keys";
const ALIAS = "alias/mcp-gateway";
const KEY = { arn: `arn:aws:kms:${REGION}:${MOTO_ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`, alias: ALIAS };
const NOTE = { action: "create", at: "2026-11-20T10:00:00Z" } as const;
/** Stands from the start in the folder of each role. */
const STANDING = "0".repeat(64);

type Part = NewEntry["name"]["part"];
const put =
  (role: string, digit: string, part: Part = "record") =>
  (store: KeyStore) =>
    createEntry(store, { role, hash: digit.repeat(64), part }, part === "record" ? `${role}/alice` : "at=x", NOTE);
const read = (role: string) => (store: KeyStore) => readEntry(store, { role, hash: STANDING, part: "record" });
const remove = (role: string, digit: string) => (store: KeyStore) =>
  store.remove([{ role, hash: digit.repeat(64), part: "record" }], { ...NOTE, action: "prune" });

/** What the commands ask of a store, and what of it each kind is refused; nothing stands for what works. */
type Refused = Readonly<Partial<Record<PolicyKind, string>>>;
type Work = readonly [name: string, work: (store: KeyStore) => Promise<unknown>, refused: Refused];
const [PUT, NAMES, LIST, DELETE, DESCRIBE] = [
  "ssm:PutParameter",
  "ssm:GetParameters",
  "ssm:GetParametersByPath",
  "ssm:DeleteParameters",
  "ssm:DescribeParameters",
] as const;
/** The guard allows nothing, and is attached to others' policies. */
const KINDS = POLICY_KINDS.filter((kind) => kind !== "guard");
const everyone = (action: string, ...but: readonly PolicyKind[]): Refused =>
  Object.fromEntries(KINDS.filter((kind) => !but.includes(kind)).map((kind) => [kind, action]));

const buried = [{ hash: "9".repeat(64), removedAt: Date.parse(NOTE.at), expiresAt: null }];
const WORK: readonly Work[] = [
  ["issue in dev-readonly", put("dev-readonly", "1"), everyone(PUT, "issuer")],
  ["end in dev-readonly", put("dev-readonly", "1", "ends"), everyone(PUT, "issuer")],
  ["issue in ops", put("ops", "2"), everyone(PUT)],
  ["issue in dev-readonly-x", put("dev-readonly-x", "2"), everyone(PUT)],
  ["end in ops", put("ops", "2", "ends"), everyone(PUT)],
  ["revoke in dev-readonly", put("dev-readonly", "3", "revoked"), everyone(PUT, "issuer", "oncall")],
  ["revoke in ops", put("ops", "3", "revoked"), everyone(PUT, "oncall")],
  ["read in dev-readonly", read("dev-readonly"), everyone(NAMES, "issuer", "reader", "oncall", "pruner")],
  ["read in ops", read("ops"), everyone(NAMES, "reader", "oncall", "pruner")],
  ["list dev-readonly", (store) => store.list({ role: "dev-readonly" }), {}],
  ["list ops", (store) => store.list({ role: "ops" }), { issuer: LIST }],
  ["list everything", (store) => store.list(), { issuer: LIST }],
  ["tell history", (store) => store.history(null), { issuer: DESCRIBE, "external-secrets": DESCRIBE }],
  ["read tombstones", (store) => store.tombstones(), { "external-secrets": LIST }],
  ["bury", (store) => store.bury(buried), everyone(PUT, "pruner")],
  ["delete in dev-readonly", remove("dev-readonly", "1"), everyone(DELETE, "pruner")],
  ["delete in ops", remove("ops", "1"), everyone(DELETE, "pruner")],
];

/** What stands before anybody comes: a record in the folder of each role, and a tombstone. */
async function plant(admin: KeyStore): Promise<void> {
  for (const role of ["dev-readonly", "ops"]) await put(role, "0")(admin);
  await admin.bury(buried);
}

/** The actions that each kind has on no resource at all. */
const LACKS: Readonly<Record<(typeof KINDS)[number], readonly string[]>> = {
  issuer: [DELETE, DESCRIBE],
  reader: [PUT, DELETE],
  oncall: [DELETE],
  pruner: [],
  "external-secrets": [PUT, NAMES, DELETE, DESCRIBE],
};

/** The right that was missing; null where the work is done. */
async function missingRight(store: KeyStore, work: (store: KeyStore) => Promise<unknown>): Promise<string | null> {
  try {
    await work(store);
    return null;
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== "forbidden") throw error;
    return error.message.split(" on ")[0] ?? "";
  }
}

const factsOf = (kind: PolicyKind) => ({
  region: REGION,
  account: MOTO_ACCOUNT,
  path: PATH,
  kmsKeyId: ALIAS,
  prunerArn: null,
  roles: kind === "issuer" ? ["dev-readonly"] : [],
});

const guarded = (kind: PolicyKind, key = KEY) => guardBy([policyFor(kind, factsOf(kind))], REGION, MOTO_ACCOUNT, key);

describe.skipIf(!motoAvailable())("a store in SSM under an IAM policy", () => {
  let moto: MotoServer;
  beforeAll(async () => {
    moto = await startMoto();
    await plant(open(moto.url, TEST_CREDENTIALS));
    return () => moto.stop();
  });

  const open = (endpoint: string, credentials: typeof TEST_CREDENTIALS) =>
    openSsmStore(
      { path: PATH, region: REGION, account: MOTO_ACCOUNT, kmsKeyId: ALIAS },
      { env: {}, client: { endpoint, credentials } },
    );
  const missingRights = async (store: KeyStore) => {
    const missing: Record<string, string | null> = {};
    for (const [name, work] of WORK) missing[name] = await missingRight(store, work);
    return missing;
  };

  /** Every call that the store makes is weighed by the evaluator: action, resources, conditions and KMS. */
  it.each(KINDS)("does for %s what the kind is for, and names the right that it lacks for all else", async (kind) => {
    const proxy = await startFaultProxy(moto.url, guarded(kind));
    try {
      const missing = await missingRights(open(proxy.url, TEST_CREDENTIALS));
      expect(missing).toEqual(Object.fromEntries(WORK.map(([name, , refused]) => [name, refused[kind] ?? null])));
    } finally {
      await proxy.close();
    }
  });

  it("reads no key whose KMS alias the policy does not name", async () => {
    const proxy = await startFaultProxy(moto.url, guarded("reader", { ...KEY, alias: "alias/another" }));
    try {
      const store = open(proxy.url, TEST_CREDENTIALS);
      expect(await missingRight(store, (one) => one.list())).toBe(LIST);
      expect(await missingRight(store, read("ops"))).toBe(NAMES);
      expect(await missingRight(store, (one) => one.history(null))).toBe(null);
    } finally {
      await proxy.close();
    }
  });

  it.each(KINDS)("lets nobody, %s neither, overwrite, let expire or unbury by the API itself", async (kind) => {
    const proxy = await startFaultProxy(moto.url, guarded(kind));
    const client = new SSMClient({ region: REGION, endpoint: proxy.url, credentials: TEST_CREDENTIALS });
    const admin = open(moto.url, TEST_CREDENTIALS);
    const stands = async (): Promise<readonly unknown[]> => [
      await read("dev-readonly")(admin),
      await admin.tombstones(),
    ];
    const before = await stands();
    const parameter = { Type: "SecureString", Value: "dev-readonly/mallory", KeyId: ALIAS } as const;
    const [tombstone] = tombstoneParameters(PATH, buried, ALIAS);
    const expiring = JSON.stringify([
      { Type: "Expiration", Version: "1.0", Attributes: { Timestamp: "2026-12-01T00:00:00Z" } },
    ]);
    const folder = `${PATH}/dev-readonly`;
    try {
      for (const command of [
        new PutParameterCommand({ ...parameter, Name: `${folder}/${STANDING}`, Overwrite: true }),
        new PutParameterCommand({ ...parameter, Name: `${folder}/${"4".repeat(64)}.revoked`, Policies: expiring }),
        new PutParameterCommand({ ...parameter, Name: tombstone?.name, Overwrite: true }),
      ])
        await expect(client.send(command)).rejects.toMatchObject({ name: "AccessDeniedException" });
      const unbury = new DeleteParametersCommand({ Names: [tombstone?.name ?? ""] });
      await expect(client.send(unbury)).rejects.toMatchObject({ name: "AccessDeniedException" });
      expect(await stands()).toEqual(before);
    } finally {
      client.destroy();
      await proxy.close();
    }
  });

  it("lets an issuer create, list, rotate, revoke and export keys of its role, and of no other", async () => {
    const proxy = await startFaultProxy(moto.url, guarded("issuer"));
    const project = await makeProject();
    const store = { type: "ssm", path: PATH, region: REGION, account: MOTO_ACCOUNT, kmsKeyId: ALIAS };
    await writeFile(join(project.cwd, "mcpctl.yaml"), JSON.stringify({ contexts: [{ name: "prod", store }] }));
    const randomBytes = seededBytes("issuer");
    const run = (role: string, ...argv: readonly string[]) =>
      project.run(["keys", ...argv, "--role", role], { store: open(proxy.url, TEST_CREDENTIALS), randomBytes });
    const commands = [
      ["create", "--user", "zed", "-o", "token"],
      ["list"],
      ["rotate", "--user", "zed", "--yes", "-o", "token"],
      ["revoke", "--user", "zed", "--yes"],
      ["export"],
    ];
    try {
      const codes = async (role: string): Promise<readonly number[]> => {
        const done: number[] = [];
        for (const argv of commands) done.push((await run(role, ...argv)).code);
        return done;
      };
      expect(await codes("dev-readonly")).toEqual([0, 0, 0, 0, 0]);
      expect(await codes("devops-full")).toEqual([4, 4, 4, 4, 4]);
    } finally {
      await proxy.close();
      await project.remove();
    }
  });

  it("under moto's own IAM, which weighs actions alone, lacks the actions that the policy lacks", async () => {
    const own = await startMoto();
    try {
      await plant(open(own.url, TEST_CREDENTIALS));
      const users = new Map<(typeof KINDS)[number], typeof TEST_CREDENTIALS>();
      for (const kind of KINDS) users.set(kind, await createUser(own.url, kind, policyFor(kind, factsOf(kind))));
      await enforceIam(own.url);
      for (const [kind, credentials] of users) {
        const missing = await missingRights(open(own.url, credentials));
        const expected = WORK.map(([name, , refused]) => {
          const [action] = Object.values(refused);
          return [name, action !== undefined && LACKS[kind].includes(action) ? action : null];
        });
        expect([kind, missing]).toEqual([kind, Object.fromEntries(expected)]);
      }
    } finally {
      await own.stop();
    }
  });
});
