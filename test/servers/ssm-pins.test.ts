import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openSsmStore, type SsmStoreDeps, type SsmStoreOptions } from "../../src/lib/stores/ssm-store.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { account, denyAccess, json, refuse } from "../support/faults.ts";
import { createEntry, readEntry } from "../../src/lib/keys/key-store.ts";
import { TEST_CREDENTIALS } from "../support/moto.ts";

const PATH = "/mcp-gateway/keys";
const ENTRY = { role: "dev-readonly", hash: "ab".repeat(32), part: "record" } as const;
const NOTE = { action: "create", at: "2026-11-20T10:00:00Z" } as const;
const PINNED = "111122223333";

const created = () => json({ Version: 1, Tier: "Standard" });

/** The proxy alone stands in for AWS here: what matters is what is sent, and that nothing else is. */
describe("the pins of an SSM store", () => {
  let proxy: FaultProxy;
  let folder: string;

  beforeEach(async () => {
    proxy = await startFaultProxy();
    folder = await mkdtemp(join(tmpdir(), "mcpctl-pins-"));
    for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) vi.stubEnv(name, undefined);
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
    vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"));
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(folder, "credentials"));
  });
  afterEach(async () => {
    await proxy.close();
    await rm(folder, { recursive: true });
    proxy.settle();
  });

  const open = (pin: Omit<SsmStoreOptions, "path">, deps: SsmStoreDeps = {}) =>
    openSsmStore(
      { path: PATH, ...pin },
      { client: { endpoint: proxy.url, credentials: TEST_CREDENTIALS, maxAttempts: 1 }, ...deps },
    );
  const useRole = async (): Promise<void> => {
    const base = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = test-only\n";
    const assume = "role_arn = arn:aws:iam::111122223333:role/ops\nsource_profile = base\n";
    await writeFile(join(folder, "config"), `[profile base]\n${base}[profile ops]\n${assume}`);
    vi.stubEnv("AWS_PROFILE", "ops");
    vi.stubEnv("AWS_ENDPOINT_URL", proxy.url);
  };
  const actions = (): readonly string[] => proxy.calls.map(({ action }) => action);
  /** What was put, as reading it back shows it. */
  const readBack: Fault = ({ body }) => {
    const put = proxy.sent("PutParameter").find(({ Name }) => (body["Names"] as unknown[]).includes(Name));
    return json({ Parameters: [{ Name: put?.["Name"], Value: put?.["Value"], Version: 1 }] });
  };

  it("writes when account and region are the pinned ones, asking once", async () => {
    proxy.inject("GetCallerIdentity", account(PINNED));
    proxy.inject("PutParameter", created, 2);
    proxy.inject("GetParameters", readBack, 2);
    const store = open({ region: "eu-central-1", account: PINNED });
    await store.verify();
    await createEntry(store, ENTRY, "dev-readonly/a", NOTE);
    await createEntry(store, { ...ENTRY, part: "revoked" }, "at=2026-11-20T10:00:00Z", NOTE);
    const write = ["PutParameter", "GetParameters"];
    expect(actions()).toEqual(["GetCallerIdentity", ...write, ...write]);
  });

  it("asks once for creates that start together", async () => {
    proxy.inject("GetCallerIdentity", account(PINNED));
    proxy.inject("PutParameter", created, 2);
    proxy.inject("GetParameters", readBack, 2);
    const store = open({ region: "eu-central-1", account: PINNED });
    const outcomes = await Promise.all([
      createEntry(store, ENTRY, "dev-readonly/a", NOTE),
      createEntry(store, { ...ENTRY, part: "ends" }, "exp=x", NOTE),
    ]);
    expect(outcomes).toEqual([{ status: "created" }, { status: "created" }]);
    const [first, ...rest] = actions();
    expect([first, ...rest.toSorted()]).toEqual([
      "GetCallerIdentity",
      "GetParameters",
      "GetParameters",
      "PutParameter",
      "PutParameter",
    ]);
  });

  it("writes nothing with the credentials of another account", async () => {
    proxy.inject("GetCallerIdentity", account("444455556666"), 2);
    const store = open({ region: "eu-central-1", account: PINNED });
    const mismatch = {
      name: "AppError",
      kind: "invalid",
      code: "account_mismatch",
      message:
        "The AWS credentials in use are of account 444455556666, but this context is pinned to account 111122223333.",
    };
    await expect(store.verify()).rejects.toMatchObject(mismatch);
    await expect(createEntry(store, ENTRY, "dev-readonly/a", NOTE)).rejects.toMatchObject(mismatch);
    expect(actions()).toEqual(["GetCallerIdentity", "GetCallerIdentity"]);
  });

  it("reads nothing with the credentials of another account", async () => {
    proxy.inject("GetCallerIdentity", account("444455556666"), 3);
    const store = open({ region: "eu-central-1", account: PINNED });
    for (const work of [() => store.list(), () => readEntry(store, ENTRY), () => store.history([ENTRY])]) {
      await expect(work()).rejects.toMatchObject({ kind: "invalid", code: "account_mismatch" });
    }
    expect(actions()).toEqual(["GetCallerIdentity", "GetCallerIdentity", "GetCallerIdentity"]);
  });

  it("reads without asking where no account is pinned", async () => {
    proxy.inject("GetParametersByPath", () => json({ Parameters: [] }));
    expect(await open({ region: "eu-central-1" }).list()).toEqual([]);
    expect(actions()).toEqual(["GetParametersByPath"]);
  });

  it("asks again after a check that failed", async () => {
    proxy.inject("GetCallerIdentity", refuse("InternalFailure", 500));
    proxy.inject("GetCallerIdentity", account(PINNED));
    const store = open({ region: "eu-central-1", account: PINNED });
    await expect(store.verify()).rejects.toMatchObject({ kind: "unavailable", code: "aws_failing" });
    await store.verify();
    await store.verify();
    expect(actions()).toEqual(["GetCallerIdentity", "GetCallerIdentity"]);
  });

  it("proves the credentials even where nothing is pinned", async () => {
    proxy.inject("GetCallerIdentity", refuse("InvalidClientTokenId", 403));
    vi.stubEnv("AWS_REGION", "eu-west-1");
    await expect(createEntry(open({}), ENTRY, "dev-readonly/a", NOTE)).rejects.toMatchObject({
      kind: "unauthenticated",
      code: "aws_credentials_invalid",
    });
    expect(actions()).toEqual(["GetCallerIdentity"]);
  });

  it.each(["AWS_REGION", "AWS_DEFAULT_REGION"])("sends nothing when %s contradicts the pin", async (name) => {
    const store = open({ region: "eu-central-1", account: PINNED }, { env: { [name]: "us-east-1" } });
    for (const work of [store.verify(), createEntry(store, ENTRY, "dev-readonly/a", NOTE), store.list()]) {
      await expect(work).rejects.toMatchObject({
        kind: "invalid",
        code: "region_mismatch",
        message: `${name} is "us-east-1", but this context is pinned to region eu-central-1.`,
        hint: `Unset ${name}, or use the context of that region.`,
      });
    }
    expect(actions()).toEqual([]);
  });

  it("goes to the pinned region where the environment says the same or nothing", async () => {
    proxy.inject("GetCallerIdentity", account(PINNED));
    const same = { AWS_REGION: "eu-central-1", AWS_DEFAULT_REGION: "" };
    await open({ region: "eu-central-1", account: PINNED }, { env: same }).verify();
    expect(proxy.calls.map(({ region }) => region)).toEqual(["eu-central-1"]);
  });

  it("goes to the pinned region whatever the profile says", async () => {
    await writeFile(join(folder, "config"), "[default]\nregion = us-east-1\n");
    proxy.inject("GetCallerIdentity", account(PINNED));
    proxy.inject("GetParametersByPath", () => json({ Parameters: [] }));
    const store = open({ region: "eu-central-1", account: PINNED });
    await store.verify();
    await store.list();
    expect(proxy.calls.map(({ region }) => region)).toEqual(["eu-central-1", "eu-central-1"]);
  });

  it.each([
    ["the profile's region", "[default]\nregion = eu-north-1\n", undefined, "eu-north-1"],
    ["AWS_REGION before the profile's", "[default]\nregion = eu-north-1\n", "eu-west-1", "eu-west-1"],
  ])("takes %s where none is pinned, and says which", async (_what, config, variable, region) => {
    await writeFile(join(folder, "config"), config);
    vi.stubEnv("AWS_REGION", variable);
    proxy.inject("GetCallerIdentity", account(PINNED));
    const store = open({});
    expect(store.label).toBe("ssm /mcp-gateway/keys");
    await store.verify();
    expect(proxy.calls.map((call) => call.region)).toEqual([region]);
    expect(store.label).toBe(`ssm /mcp-gateway/keys (${region}, account 111122223333)`);
  });

  it.each([
    [{ region: "eu-central-1", account: PINNED }, "ssm /mcp-gateway/keys (eu-central-1, account 111122223333)"],
    [{ region: "eu-central-1" }, "ssm /mcp-gateway/keys (eu-central-1)"],
    [{ account: PINNED }, "ssm /mcp-gateway/keys (account 111122223333)"],
  ])("is called by its pins %o before anything is asked", (pin, label) => {
    expect(open(pin).label).toBe(label);
  });

  it("says that there is no region, and that AWS_DEFAULT_REGION is none for this SDK", async () => {
    vi.stubEnv("AWS_DEFAULT_REGION", "eu-west-1");
    await expect(open({}).list()).rejects.toMatchObject({
      kind: "invalid",
      code: "region_missing",
      hint: "Set the store's region in the configuration, AWS_REGION, or the profile's region. AWS_DEFAULT_REGION is not read by the AWS SDK for JavaScript.",
    });
    expect(actions()).toEqual([]);
  });

  it("refuses a pin that is no region's name", async () => {
    await expect(open({ region: "evil.example/" }).list()).rejects.toMatchObject({
      kind: "invalid",
      code: "region_invalid",
    });
  });

  it("says that there are no credentials", async () => {
    const store = open({ region: "eu-central-1" }, { client: { endpoint: proxy.url } });
    for (const work of [store.verify(), store.list()]) {
      await expect(work).rejects.toMatchObject({ kind: "unauthenticated", code: "aws_credentials_missing" });
    }
    expect(actions()).toEqual([]);
  });

  it("tells a role that may not be assumed as credentials, not as a missing right of the call", async () => {
    await useRole();
    proxy.inject("AssumeRole", denyAccess());
    await expect(open({ region: "eu-central-1" }, { client: {} }).list()).rejects.toMatchObject({
      kind: "unauthenticated",
      code: "aws_credentials_invalid",
    });
    expect(actions()).toEqual(["AssumeRole"]);
  });

  it("does not even load credentials once it is interrupted", async () => {
    await useRole();
    const store = open({ region: "eu-central-1" }, { client: {}, signal: AbortSignal.abort() });
    await expect(store.list()).rejects.toMatchObject({ kind: "interrupted" });
    expect(actions()).toEqual([]);
  });

  it("finds the endpoint and the profile as the SDK does", async () => {
    const keys = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = test-only\n";
    await writeFile(join(folder, "credentials"), `[team]\n${keys}`);
    vi.stubEnv("AWS_PROFILE", "team");
    vi.stubEnv("AWS_ENDPOINT_URL", proxy.url);
    proxy.inject("GetParametersByPath", () => json({ Parameters: [] }));
    expect(await open({ region: "eu-central-1" }, { client: {} }).list()).toEqual([]);
  });
});
