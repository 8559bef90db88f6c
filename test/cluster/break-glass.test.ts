import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { callHeaders, isCut, open, send } from "../support/gateway.ts";
import { cutConnection, olderList, throttle } from "../support/faults.ts";
import type { Finished } from "../support/launcher.ts";
import { eventually } from "./support/children.ts";
import { DENYLIST, KEYS, NAMESPACE, PATH } from "./support/manifests.ts";
import { ssmCall } from "./support/parameters.ts";
import { startStage, type Stage } from "./support/stage.ts";
import { startStreamingBackend, type StreamingBackend } from "./support/streaming-backend.ts";

let backend: StreamingBackend;
let stage: Stage;
let users = 0;
beforeAll(async () => {
  backend = await startStreamingBackend();
  stage = await startStage({ backendUrl: backend.url });
}, 120_000);
afterAll(async () => {
  await stage.stop();
  await backend.close();
});
afterEach(() => {
  for (const server of [...stage.gateways, stage.externalSecrets()]) server.signal("SIGCONT");
});

const TOOL_CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"eks_get_pods","arguments":{}}}';
const OPEN = [200, 200, 200];
const REFUSED = [401, 401, 401];

interface Receipt {
  readonly lock: { readonly id: string; readonly lifted: boolean } | null;
  readonly revocations: readonly { readonly id: string; readonly result: string }[];
  readonly replicas:
    | readonly { readonly name: string; readonly cut_calls: number; readonly problem: string | null }[]
    | null;
  readonly problems: readonly string[];
}

/** A key that works everywhere, of a user of its own. */
async function newKey(): Promise<{ user: string; token: string; id: string }> {
  const user = `agent-${(users += 1)}`;
  const { code, out, err } = await stage.mcpctl(
    "keys",
    "create",
    "--role",
    "dev-readonly",
    "--user",
    user,
    "-o",
    "json",
  );
  expect({ code, err }).toMatchObject({ code: 0 });
  const { token, id } = JSON.parse(out) as { token: string; id: string };
  expect(await statuses(token)).toEqual(OPEN);
  return { user, token, id };
}

const statuses = (token: string): Promise<number[]> =>
  Promise.all(
    stage.gateways.map(async ({ url }) => {
      const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
      return (await send(url, { path: "/mcp/eks-ro/mcp", headers: callHeaders(token), body })).status;
    }),
  );

const breakGlass = async (...args: readonly string[]): Promise<Finished & { readonly receipt: Receipt }> => {
  const finished = await stage.mcpctl("keys", "revoke", ...args, "--break-glass", "--yes", "-o", "json");
  return { ...finished, receipt: JSON.parse(finished.out || "null") as Receipt };
};

const kubectl = (...args: readonly string[]): Promise<string> =>
  stage.kubernetes.kubectl([...args, `--namespace=${NAMESPACE}`]);

const denylist = async (): Promise<{ locks: { id: string; match: object; at: string }[] }> =>
  JSON.parse(JSON.parse(await kubectl("get", "configmap", DENYLIST, "-o", "json")).data["denylist.json"] as string);

const putDenylist = (text: string): Promise<string> =>
  kubectl(
    "patch",
    "configmap",
    DENYLIST,
    "--type=merge",
    `--patch=${JSON.stringify({ data: { "denylist.json": text } })}`,
  );

it("refuses the key on every gateway and cuts its streams, and keeps a receipt of it", async () => {
  const { user, token, id } = await newKey();
  const streams = await Promise.all(
    stage.gateways.map(({ url }) =>
      open(url, { path: "/mcp/eks-ro/mcp", headers: callHeaders(token), body: TOOL_CALL }),
    ),
  );
  expect(streams.map(({ statusCode }) => statusCode)).toEqual(OPEN);

  const { code, receipt, err } = await breakGlass("--user", user, "--reason", "token in a public ticket");
  expect({ code, err, receipt }).toEqual({
    code: 0,
    err: expect.stringMatching(/All 3 gateways refuse it, the last after \d+ ms; 3 streams and calls were cut/),
    receipt: {
      type: "break_glass",
      phase: "done",
      at: expect.any(String),
      by: expect.any(String),
      context: "test",
      store: `ssm ${PATH} (eu-central-1, account 123456789012)`,
      cluster: stage.kubernetes.uid,
      target: `user ${user}`,
      reason: "token in a public ticket",
      lock: { id: expect.stringMatching(/^lock_/), accepted_at: expect.any(String), until: null, lifted: false },
      revocations: [{ id, role: "dev-readonly", user, result: "revoked", revoked_at: expect.any(String), error: null }],
      replicas: stage.gateways.map(({ name }) => ({
        name,
        refused_after_ms: expect.any(Number),
        cut_calls: 1,
        refused_calls: 0,
        evidence: expect.stringMatching(/^lock_.* in force since .*Z \(denylist \d+\)$/),
        problem: null,
      })),
      problems: [],
    },
  });
  expect(await Promise.all(streams.map(isCut))).toEqual([true, true, true]);
  expect(await statuses(token)).toEqual(REFUSED);
  const log = await readFile(join(stage.folder, ".local/state/mcpctl/admin.jsonl"), "utf8");
  expect(JSON.parse(log.trim().split("\n").at(-1) ?? "")).toEqual(receipt);
  const events = JSON.parse(await kubectl("get", "events", "-o", "json")) as {
    items: { reason: string; message: string }[];
  };
  expect(events.items.filter(({ reason }) => reason === "BreakGlass")).toMatchObject([
    { message: expect.stringContaining(`user ${user}`), involvedObject: { kind: "ExternalSecret", name: KEYS } },
  ]);
});

it("with External Secrets stopped the key is refused everywhere all the same, and that is not called proven", async () => {
  const { user, token } = await newKey();
  stage.externalSecrets().signal("SIGSTOP");
  const { code, receipt, err } = await breakGlass("--user", user, "--timeout", "3s");
  expect({ code, problems: receipt.problems }).toEqual({
    code: 6,
    problems: [
      expect.stringMatching(/^Revocation not proven: ExternalSecret .*Operator has not synced in time/),
      expect.stringMatching(/^Revocation not proven: the Secret does not show the revocation of 1 of 1 keys/),
      ...stage.gateways.map(
        ({ name }) => expect.stringMatching(new RegExp(`Behind: ${name}: refuses k_.* by a lock alone`)) as unknown,
      ),
    ],
  });
  expect(err).toContain("All 3 gateways refuse it");
  expect(await statuses(token)).toEqual(REFUSED);

  stage.externalSecrets().signal("SIGCONT");
  const again = await breakGlass("--user", user);
  expect({ code: again.code, err: again.err, lock: again.receipt.lock }).toEqual({
    code: 0,
    err: expect.stringContaining("it stands until"),
    lock: { ...receipt.lock, accepted_at: null },
  });
});

it("with SSM away the key is locked, with SSM throttled it is revoked in the end", async () => {
  const { user, token } = await newKey();
  stage.ssm.inject("GetCallerIdentity", cutConnection(), 50);
  const { code, receipt } = await breakGlass("--user", user, "--timeout", "5s");
  expect({ code, replicas: receipt.replicas?.map(({ problem }) => problem), problems: receipt.problems }).toEqual({
    code: 6,
    replicas: [null, null, null],
    problems: expect.arrayContaining([expect.stringMatching(/^NOT revoked in ssm/)]),
  });
  stage.ssm.heal();
  expect(await statuses(token)).toEqual(REFUSED);
});

it("a revocation that is throttled gets through", async () => {
  const { user, token } = await newKey();
  stage.ssm.inject("PutParameter", throttle(), 5);
  expect(await breakGlass("--user", user)).toMatchObject({ code: 0, receipt: { problems: [] } });
  expect(await statuses(token)).toEqual(REFUSED);
});

it("with a kubeconfig that leads to another cluster nothing is locked there, and the key is revoked", async () => {
  const { user, token } = await newKey();
  const before = await denylist();
  const { code, receipt } = await breakGlass("--user", user, "--context", "elsewhere");
  expect({ code, lock: receipt.lock, revocations: receipt.revocations, problems: receipt.problems }).toMatchObject({
    code: 6,
    lock: null,
    revocations: [{ result: "revoked" }],
    problems: [
      expect.stringMatching(/^NOT locked: the kubeconfig context leads to cluster/),
      expect.stringMatching(/^Revocation not proven: the kubeconfig context leads to cluster/),
    ],
  });
  expect(await denylist()).toEqual(before);
  expect(await stage.mcpctl("sync")).toMatchObject({ code: 0 });
  expect(await statuses(token)).toEqual(REFUSED);
});

it("a gateway that stands still is named, and proven when it goes on", async () => {
  const { user, token } = await newKey();
  const [paused] = stage.gateways;
  paused?.signal("SIGSTOP");
  const { code, receipt } = await breakGlass("--user", user, "--timeout", "4s");
  expect({ code, proven: receipt.replicas?.map(({ name, problem }) => [name, problem === null]) }).toEqual({
    code: 6,
    proven: [
      ["mcp-gateway-0", false],
      ["mcp-gateway-1", true],
      ["mcp-gateway-2", true],
    ],
  });
  paused?.signal("SIGCONT");
  expect(await breakGlass("--user", user)).toMatchObject({ code: 0, receipt: { problems: [] } });
  expect(await statuses(token)).toEqual(REFUSED);
});

it("with the API server restarted in the middle it ends well", async () => {
  const { user, token } = await newKey();
  await stage.kubernetes.stopApiServer();
  const [finished] = await Promise.all([breakGlass("--user", user), stage.kubernetes.startApiServer()]);
  expect(finished).toMatchObject({ code: 0, receipt: { problems: [] } });
  expect(await statuses(token)).toEqual(REFUSED);
});

it("a denylist that is set back, or deleted, by somebody else lifts nothing", async () => {
  const { user, token } = await newKey();
  const { code, out } = await stage.mcpctl("lock", "add", "--user", user, "--reason", "test", "-o", "json");
  expect(code).toBe(0);
  await putDenylist('{"locks": []}');
  await eventually(
    async () => ((await problemsOf(0)).some((line) => /locks vanished/.test(line)) ? true : null),
    () => "no gateway told of it",
  );
  expect(await statuses(token)).toEqual(REFUSED);
  await kubectl("delete", "configmap", DENYLIST);
  await eventually(
    async () => ((await problemsOf(0)).some((line) => /does not exist/.test(line)) ? true : null),
    () => "no gateway told of it",
  );
  expect(await statuses(token)).toEqual(REFUSED);
  const { lock } = JSON.parse(out) as Receipt;
  expect(await stage.mcpctlAs("admin", "lock", "init")).toMatchObject({ code: 0 });
  await putDenylist(JSON.stringify({ locks: [], removed: [{ id: lock?.id, by: "test", at: "2026-11-20T09:00:00Z" }] }));
  await eventually(
    async () => ((await statuses(token)).join() === OPEN.join() ? true : null),
    () => "the lock is not ended",
  );
});

const problemsOf = async (index: number): Promise<string[]> => {
  const answer = await fetch(`${stage.gateways[index]?.admin ?? ""}/readyz`);
  return ((await answer.json()) as { problems: string[] }).problems;
};

it("the lock goes when ten minutes have passed and two refreshes were clean, and not while SSM reads are stale", async () => {
  const { user, token } = await newKey();
  const { receipt } = await breakGlass("--user", user);
  const id = receipt.lock?.id ?? "";
  expect(await stage.mcpctl("lock", "remove", id)).toMatchObject({
    code: 1,
    err: expect.stringContaining("stands until"),
  });

  const aged = await denylist();
  const at = new Date(Date.now() - 11 * 60_000).toISOString().replace(/\.\d+Z/, "Z");
  await putDenylist(
    JSON.stringify({ ...aged, locks: aged.locks.map((lock) => (lock.id === id ? { ...lock, at } : lock)) }),
  );
  // The lock is old enough, and the revocation is not.
  expect(await stage.mcpctl("lock", "remove", id)).toMatchObject({
    code: 1,
    err: expect.stringContaining("stands until"),
  });
  const markers = await revokedNames();
  for (const Name of markers) {
    await ssmCall(stage.moto.url, "DeleteParameter", { Name });
    await ssmCall(stage.moto.url, "PutParameter", { Name, Value: `at=${at}`, Type: "SecureString" });
  }
  stage.operatorSsm.inject("GetParametersByPath", olderList(new Set(markers)), 500);
  expect(await stage.mcpctl("lock", "remove", id, "--timeout", "4s")).toMatchObject({
    code: 1,
    err: expect.stringMatching(/It stays: the Secret does not show the revocation/),
  });
  expect(await statuses(token)).toEqual(REFUSED);

  stage.operatorSsm.heal();
  expect(await breakGlass("--user", user)).toMatchObject({
    code: 0,
    receipt: { lock: { id, lifted: true }, problems: [] },
  });
  expect((await denylist()).locks.map((lock) => lock.id)).not.toContain(id);

  // What was once seen revoked stays so, whatever a stale read says later.
  stage.operatorSsm.inject("GetParametersByPath", olderList(new Set(markers)), 500);
  await kubectl("annotate", "externalsecret", KEYS, "test=stale");
  await eventually(
    async () => ((await secretKeys()).some((name) => markers.includes(name)) ? null : true),
    () => "the Secret never went back",
  );
  expect(await statuses(token)).toEqual(REFUSED);
  stage.operatorSsm.heal();
});

const secretKeys = async (): Promise<string[]> => {
  const { data } = JSON.parse(await kubectl("get", "secret", KEYS, "-o", "json")) as { data: Record<string, string> };
  const keys = JSON.parse(Buffer.from(data["keys.json"] ?? "", "base64").toString()) as Record<string, string>;
  return Object.keys(keys).map((name) => `${PATH}/${name.replace(/\.([0-9a-f]{64})/, "/$1")}`);
};

const revokedNames = async (): Promise<string[]> => (await secretKeys()).filter((name) => name.endsWith(".revoked"));

it("ten people who lock at once lose none of their locks", async () => {
  const locks = Array.from({ length: 10 }, (_, index) => `crowd-${index}`);
  const done = await Promise.all(
    locks.map((user) => stage.mcpctl("lock", "add", "--user", user, "--reason", "crowd", "--no-wait")),
  );
  expect(done.map(({ code }) => code)).toEqual(locks.map(() => 0));
  const stands = (await denylist()).locks.map(({ match }) => JSON.stringify(match));
  expect(stands).toEqual(expect.arrayContaining(locks.map((user) => JSON.stringify({ user }))));
});

it("the kill switch stops everybody once the context is named, and lets them go on", async () => {
  const { token } = await newKey();
  const kill = ["lock", "add", "--all", "--reason", "incident"];
  expect(await stage.mcpctl(...kill)).toMatchObject({ code: 2, err: expect.stringContaining("--confirm test") });
  expect(await stage.mcpctl(...kill, "--confirm", "prod")).toMatchObject({ code: 2 });
  expect(await statuses(token)).toEqual(OPEN);
  const { code, out } = await stage.mcpctl(...kill, "--confirm", "test", "-o", "json");
  expect(code).toBe(0);
  expect(await statuses(token)).toEqual([403, 403, 403]);
  const { lock } = JSON.parse(out) as Receipt;
  expect(await stage.mcpctl("lock", "remove", lock?.id ?? "", "--yes")).toMatchObject({ code: 0 });
  expect(await statuses(token)).toEqual(OPEN);
});
