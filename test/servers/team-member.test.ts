import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { policyFor, type PolicyDocument, type PolicyKind } from "../../src/lib/aws/key-policies.ts";
import { createEntry, type KeyStore } from "../../src/lib/keys/key-store.ts";
import { keyId, mintKey, type MintedKey } from "../../src/lib/keys/key.ts";
import { openSsmStore } from "../../src/lib/stores/ssm-store.ts";
import type { GatewayOptions } from "../../src/gateway/start-gateway.ts";
import { startFaultProxy, type FaultProxy } from "../support/fault-proxy.ts";
import { callHeaders, send, startTestGateway, toolCall, until, type TestGateway } from "../support/gateway.ts";
import { guardBy } from "../support/iam-guard.ts";
import { sendJson, startRawBackend, type Backend } from "../support/mcp-backend.ts";
import { MOTO_ACCOUNT, motoAvailable, startMoto, TEST_CREDENTIALS, type MotoServer } from "../support/moto.ts";
import { RenderedSecret } from "../support/rendered-secret.ts";
import { makeProject, type Project } from "../support/run-cli.ts";
import { seededBytes } from "../support/seeded.ts";

const ROLES = "roleMapping:\n  dev: [eks-ro]\n  ops: [eks-ro]\n";
const NOTE = { action: "create", at: "2026-11-20T10:00:00Z" } as const;
const REGION = "eu-central-1";

/** A team that may make keys of the role dev, and a victim who holds a key of the role ops. */
describe.skipIf(!motoAvailable())("a team member who attacks", () => {
  const random = seededBytes("team");
  const [victim, colleague, own] = [mintKey(random), mintKey(random), mintKey(random)];
  let moto: MotoServer;
  let backend: Backend;
  let project: Project;
  let folder: string;
  let path = "";
  let paths = 0;
  let store: KeyStore;
  let proxy: FaultProxy;
  /** The team member's own hands: nothing but the API, with the issuer's policy for dev in between. */
  let hands: SSMClient;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    moto = await startMoto();
    backend = await startRawBackend((_request, response) =>
      sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'),
    );
  });
  afterAll(async () => {
    await backend.close();
    await moto.stop();
  });
  beforeEach(async () => {
    project = await makeProject();
    await writeFile(join(project.cwd, "roles.yaml"), ROLES);
    folder = await mkdtemp(join(tmpdir(), "mcpctl-team-"));
    path = `/team-${(paths += 1)}/keys`;
    store = openStore(moto.url);
    proxy = await guardedMoto(policyOf("issuer", "dev"));
    hands = new SSMClient({ region: REGION, endpoint: proxy.url, credentials: TEST_CREDENTIALS, maxAttempts: 1 });
    for (const [role, key, user] of [
      ["ops", victim, "victim"],
      ["dev", colleague, "colleague"],
    ] as const)
      await createEntry(store, { role, hash: key.hash, part: "record" }, `${role}/${user}`, NOTE);
  });
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
    hands.destroy();
    await proxy.close();
    await rm(folder, { recursive: true });
    await project.remove();
  });

  const openStore = (endpoint: string): KeyStore =>
    openSsmStore(
      { path, region: REGION, account: MOTO_ACCOUNT },
      { env: {}, client: { endpoint, credentials: TEST_CREDENTIALS, maxAttempts: 1 } },
    );
  const policyOf = (kind: PolicyKind, ...roles: readonly string[]): PolicyDocument =>
    policyFor(kind, { path, region: REGION, account: MOTO_ACCOUNT, kmsKeyId: null, roles, prunerArn: null });
  /** moto as whoever has these rights and no others sees it. */
  const guardedMoto = (...policies: readonly PolicyDocument[]): Promise<FaultProxy> =>
    startFaultProxy(moto.url, guardBy(policies, REGION, MOTO_ACCOUNT));
  const put = async (name: string, value: string, overwrite = false): Promise<string> => {
    const command = { Name: `${path}/${name}`, Value: value, Type: "String", Overwrite: overwrite } as const;
    return hands.send(new PutParameterCommand(command)).then(
      () => "done",
      (error: unknown) => (error instanceof Error ? error.name : "unknown"),
    );
  };
  const perRole = () => ["dev", "ops"].map((role) => new RenderedSecret(folder, store, role));
  async function start(keys: GatewayOptions["keys"], options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
    const gateway = await startTestGateway({ "eks-ro": backend.url }, { roles: ROLES }, { keys, ...options });
    closing.push(gateway.close);
    return gateway;
  }
  const startPerRole = (
    secrets: readonly RenderedSecret[],
    options: Partial<GatewayOptions> = {},
  ): Promise<TestGateway> =>
    start(
      secrets.map((secret, index) => ({ path: secret.folder, role: ["dev", "ops"][index] as string })),
      options,
    );
  const status = async (gateway: TestGateway, key: MintedKey): Promise<number> =>
    (await send(gateway.url, { headers: callHeaders(key), body: toolCall("t") })).status;
  const statuses = (gateway: TestGateway, ...keys: readonly MintedKey[]): Promise<readonly number[]> =>
    Promise.all(keys.map((key) => status(gateway, key)));
  const becomes = (gateway: TestGateway, key: MintedKey, code: number): Promise<number> =>
    until(
      () => status(gateway, key),
      (found) => found === code,
    );
  const list = async (): Promise<string> => (await project.run(["keys", "list"], { store })).out;

  it("may make, list, rotate and revoke keys of its own role with mcpctl, and none of another", async () => {
    const member = openStore(proxy.url);
    const run = (...argv: readonly string[]) => project.run(argv, { store: member });
    expect(await run("keys", "create", "--role", "dev", "--user", "agent", "-o", "token")).toMatchObject({ code: 0 });
    expect(await run("keys", "list", "--role", "dev", "-o", "name")).toMatchObject({
      code: 0,
      err: expect.stringContaining("Only the folder of role dev was read: ssm:GetParametersByPath"),
    });
    const more = { randomBytes: seededBytes("more") };
    const rotate = ["keys", "rotate", "--role", "dev", "--user", "agent", "--yes", "-o", "token"];
    expect(await project.run(rotate, { store: member, ...more })).toMatchObject({ code: 0 });
    expect(await run("keys", "revoke", "--role", "dev", "--user", "agent", "--yes")).toMatchObject({ code: 0 });
    expect(await run("keys", "create", "--role", "ops", "--user", "agent", "-o", "token")).toMatchObject({
      code: 4,
      err: expect.stringContaining("ssm:PutParameter on "),
    });
    expect(await run("keys", "list")).toMatchObject({ code: 4 });
    expect(await run("keys", "prune", "--yes")).toMatchObject({ code: 4 });
  });

  it("is kept by IAM from other folders, from overwriting, and from what deletes itself", async () => {
    expect(await put(`ops/${own.hash}`, "ops/eve")).toBe("AccessDeniedException");
    expect(await put(`ops/${victim.hash}.revoked`, "at=2026-11-20T10:00:00Z")).toBe("AccessDeniedException");
    expect(await put(`dev/${colleague.hash}`, "dev/eve", true)).toBe("AccessDeniedException");
    expect(await put(`dev/${own.hash}`, "dev/eve")).toBe("done");
  });

  it("gains nothing with forged records, copied ids and hashes, garbage and odd names; others go on working", async () => {
    const twin = victim.hash.slice(0, 12) + own.hash.slice(12);
    const forged = mintKey(seededBytes("forged"));
    const ended = mintKey(seededBytes("ended"));
    const attacks: readonly (readonly [string, string])[] = [
      [`dev/${forged.hash}`, "ops/eve"],
      [`dev/${twin}`, "dev/eve"],
      [`dev/${own.hash}.revoked`, "garbage"],
      [`dev/${own.hash}`, "dev/eve"],
      [`dev/${ended.hash}`, "dev/eve"],
      [`dev/${ended.hash}.ends`, "exp=never\u001b[2J"],
      [`dev/${"x".repeat(200)}`, "dev/eve"],
      [`dev/${colleague.hash}.ends.more`, "x"],
    ];
    for (const [name, value] of attacks) expect(await put(name, value)).toBe("done");
    const secrets = perRole();
    for (const secret of secrets) expect(await secret.sync(Date.now())).toBe(true);
    const gateway = await startPerRole(secrets);
    expect(await statuses(gateway, victim, colleague, forged, own, ended)).toEqual([200, 200, 401, 401, 401]);
    const refusals = (await gateway.waitForRecords(5)).filter(({ http_status: code }) => code === 401);
    expect(Object.fromEntries(refusals.map(({ key_id: id, reason }) => [id, reason]))).toEqual({
      [forged.id]: "key_unusable",
      [own.id]: "key_revoked",
      [ended.id]: "key_unusable",
    });
    const listed = await list();
    expect(listed).toContain(`${forged.id}\tdev\teve\tunusable\tnever\t`);
    expect(listed).toContain("it lies in the folder of dev and claims the role ops");
    expect(listed).toContain(`${own.id}\tdev\teve\trevoked\t`);
    expect(listed).toMatch(new RegExp(`${ended.id}\tdev\teve\tunusable\t.*its .ends marker cannot be read`));
    expect(listed).toContain(`${path}/dev/${"x".repeat(200)} is no key entry`);
    expect(listed).toContain(`${path}/dev/${colleague.hash}.ends.more is no key entry`);
    const { err } = await project.run(["keys", "list"], { store });
    expect(err).toContain(`Warning: several keys share the id ${keyId(victim.hash)}; revoke acts on all of them.\n`);
    expect(await project.run(["keys", "revoke", victim.id, "--yes"], { store })).toMatchObject({ code: 0 });
    for (const secret of secrets) expect(await secret.sync(Date.now())).toBe(true);
    await becomes(gateway, victim, 401);
    expect(await status(gateway, colleague)).toBe(200);
  });

  it("who copies the whole hash makes both records unusable, and is told by the list", async () => {
    expect(await put(`dev/${victim.hash}`, "dev/eve")).toBe("done");
    const [all, dev, ops] = [new RenderedSecret(folder, store, null), ...perRole()] as [
      RenderedSecret,
      RenderedSecret,
      RenderedSecret,
    ];
    for (const secret of [all, dev, ops]) expect(await secret.sync(Date.now())).toBe(true);
    for (const gateway of [await start([{ path: all.folder, role: null }]), await startPerRole([dev, ops])])
      expect(await statuses(gateway, victim, colleague)).toEqual([401, 200]);
    expect(await list()).toMatch(/one hash stands under (?:dev and ops|ops and dev)/);
  });

  it("who overwrites a record past IAM is told by the list", async () => {
    const admin = new SSMClient({ region: REGION, endpoint: moto.url, credentials: TEST_CREDENTIALS });
    const Name = `${path}/dev/${colleague.hash}`;
    await admin.send(new PutParameterCommand({ Name, Value: "dev/mallory", Type: "SecureString", Overwrite: true }));
    admin.destroy();
    const { out, err } = await project.run(["keys", "list"], { store });
    expect(out).toContain("overwritten by somebody");
    expect(err).toContain(`Warning: ${Name} was overwritten after it was made; mcpctl never does that.\n`);
  });

  describe("who fills its folder with 300 records of 4 KB", () => {
    beforeEach(async () => {
      for (let count = 0; count < 300; count += 1) {
        const name = `dev/${count.toString(16).padStart(64, "0")}`;
        if ((await put(name, `dev/${"e".repeat(4092)}`)) !== "done") throw new Error("the flood was refused");
      }
    });

    it("freezes its own Secret and no other: revocations of others are seen at once", async () => {
      const [dev, ops] = perRole() as [RenderedSecret, RenderedSecret];
      expect([await dev.sync(Date.now()), await ops.sync(Date.now())]).toEqual([false, true]);
      const gateway = await startPerRole([dev, ops]);
      expect([await status(gateway, victim), await status(gateway, colleague)]).toEqual([200, 503]);
      expect(await list()).toContain("its record cannot be read");
      expect(await project.run(["keys", "revoke", victim.id, "--yes"], { store })).toMatchObject({ code: 0 });
      expect([await dev.sync(Date.now()), await ops.sync(Date.now())]).toEqual([false, true]);
      await becomes(gateway, victim, 401);
    });

    it("takes nothing but its own keys down when the Secret it froze has grown too old", async () => {
      const [dev, ops] = perRole() as [RenderedSecret, RenderedSecret];
      const before = new RenderedSecret(folder, withoutFlood(store), "dev");
      let laterMs = 0;
      const now = (): number => Date.now() + laterMs;
      const clock = { now, monotonic: () => performance.now() + laterMs };
      expect([await before.sync(now()), await ops.sync(now())]).toEqual([true, true]);
      const gateway = await startPerRole([dev, ops], { clock });
      expect(await statuses(gateway, victim, colleague, own)).toEqual([200, 200, 401]);
      laterMs = 16 * 60_000;
      expect([await dev.sync(now()), await ops.sync(now())]).toEqual([false, true]);
      await becomes(gateway, victim, 200);
      expect(await statuses(gateway, colleague, own)).toEqual([503, 503]);
      expect(gateway.unreadiness()).toEqual([]);
    });

    it("cannot have a key pass for revoked that no gateway sees revoked", async () => {
      const [dev, ops] = perRole() as [RenderedSecret, RenderedSecret];
      expect(await put(`dev/${victim.hash}.revoked`, "garbage")).toBe("done");
      expect([await dev.sync(Date.now()), await ops.sync(Date.now())]).toEqual([false, true]);
      const gateway = await startPerRole([dev, ops]);
      expect(await status(gateway, victim)).toBe(200);
      expect(await list()).toContain("revoked in the folder of dev and not in that of ops; revoke it again");
      expect(await project.run(["keys", "revoke", victim.id, "--yes"], { store })).toMatchObject({
        code: 0,
        err: expect.stringContaining(`Revoked ${victim.id}.`),
      });
      expect(await ops.sync(Date.now())).toBe(true);
      await becomes(gateway, victim, 401);
    });

    it("keeps no key alive with a copy of its record where whoever revokes it may not write", async () => {
      const [dev, ops] = perRole() as [RenderedSecret, RenderedSecret];
      expect(await put(`dev/${victim.hash}`, "dev/eve")).toBe("done");
      expect([await dev.sync(Date.now()), await ops.sync(Date.now())]).toEqual([false, true]);
      const gateway = await startPerRole([dev, ops]);
      expect(await status(gateway, victim)).toBe(200);
      const others = await guardedMoto(policyOf("issuer", "ops"), policyOf("reader"));
      closing.push(() => others.close());
      expect(await project.run(["keys", "revoke", victim.id, "--yes"], { store: openStore(others.url) })).toMatchObject(
        {
          code: 4,
          err: expect.stringContaining(`FAILED: ${victim.id} is revoked in one folder and NOT in another: `),
        },
      );
      expect(await ops.sync(Date.now())).toBe(true);
      await becomes(gateway, victim, 401);
    });

    it("freezes the one Secret of all: then a lock refuses the key at once", async () => {
      const all = new RenderedSecret(folder, openStore(moto.url), null);
      const before = new RenderedSecret(folder, withoutFlood(store), null);
      expect(await before.sync(Date.now())).toBe(true);
      const gateway = await start([{ path: before.folder, role: null }]);
      expect(await status(gateway, victim)).toBe(200);
      expect(await project.run(["keys", "revoke", victim.id, "--yes"], { store })).toMatchObject({ code: 0 });
      expect(await all.sync(Date.now())).toBe(false);
      expect(await status(gateway, victim)).toBe(200);
      const lock = { id: "lock_1", match: { key: victim.id }, reason: "stolen", tell: false, by: "oncall" };
      await gateway.put(
        "denylist.json",
        JSON.stringify({ locks: [{ ...lock, at: "2026-11-20T10:00:00Z", until: null }] }),
      );
      await becomes(gateway, victim, 401);
      expect(await status(gateway, colleague)).toBe(200);
    });
  });

  /** The store as it was rendered last before the flood. */
  function withoutFlood(all: KeyStore): KeyStore {
    const list: KeyStore["list"] = async () => (await all.list()).filter(({ value }) => value.length < 1000);
    return Object.assign(Object.create(all) as KeyStore, { list });
  }
});
