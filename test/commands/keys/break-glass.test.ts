import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { mintKey } from "../../../src/lib/keys/key.ts";
import { makeGatewayProject, NOBODY, type GatewayProject } from "../../support/gateway-project.ts";
import { callHeaders, isCut, open, startTestGateway, until } from "../../support/gateway.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { NOW } from "../../support/run-cli.ts";
import { seededBytes } from "../../support/seeded.ts";

const other = mintKey(seededBytes("other"));
const REFUSED = 401;
const OPEN = 502;
const MINUTE = 60_000;

let desk: GatewayProject;
beforeEach(async () => {
  desk = await makeGatewayProject();
  const path = join(desk.gateway.folder, "keys.json");
  const keys = JSON.parse(await readFile(path, "utf8")) as object;
  const more = { [`dev-readonly.${other.hash}`]: "dev-readonly/agent-02" };
  await desk.gateway.put("keys.json", JSON.stringify({ ...keys, ...more }));
  await until(
    () => desk.status(other),
    (status) => status === OPEN,
  );
});
afterEach(() => desk.close());

type Options = Parameters<GatewayProject["run"]>[1];
interface Told {
  readonly reason: string | null;
  readonly target: string;
  readonly lock: { readonly id: string; readonly accepted_at: string | null; readonly lifted: boolean } | null;
  readonly revocations: readonly { readonly id: string; readonly result: string }[];
  readonly replicas: readonly { readonly problem: string | null }[] | null;
  readonly problems: readonly string[];
}

const raw = (argv: readonly string[], options: Options = {}) =>
  desk.run(["keys", "revoke", ...argv, "--break-glass"], options);
const breakGlass = async (argv: readonly string[], options: Options = {}) => {
  const { code, out, err } = await raw([...argv, "--yes", "-o", "json"], options);
  return { code, err, receipt: JSON.parse(out) as Told };
};
const anId = expect.stringMatching(/^lock_[\w-]{21}$/) as string;
const told = (text: string): string => text.replaceAll(/lock_[\w-]{21}/g, "LOCK").replaceAll(/\d+ ms/g, "N ms");
const away = new AppError("unavailable", "aws_unreachable", "AWS is not reached.", { hint: "Check the network." });
const GOES =
  "The lock stays: repeat the command after 2026-11-20T10:10:00Z, or run `mcpctl lock remove LOCK`, to end it once it is proven.\n";
const WHERE = "Context desk: file FOLDER/keys.json.\nThe receipt is in .local/state/mcpctl/admin.jsonl.\n";

/** A store in memory that holds the gateway's key. */
function memory(): MemoryStore {
  const store = new MemoryStore();
  store.plant(`dev-readonly/${desk.gateway.key.hash}`, "dev-readonly/agent-01");
  return store;
}

describe("keys revoke --break-glass", () => {
  it.each<[string, (id: string) => readonly string[], (id: string) => string, number]>([
    ["a key id", (id) => [id], (id) => `key ${id}`, OPEN],
    ["--token -", () => ["--token", "-"], (id) => `key ${id}`, OPEN],
    ["--user", () => ["--user", "agent-01"], () => "user agent-01", OPEN],
    ["--role", () => ["--role", "dev-readonly"], () => "role dev-readonly", REFUSED],
  ])("locks, revokes and proves, by %s", async (_what, argvOf, targetOf, others) => {
    const { key } = desk.gateway;
    expect([await desk.status(), await desk.status(other)]).toEqual([OPEN, OPEN]);
    const target = targetOf(key.id);
    const stdin = { stdin: `${key.token.reveal()}\n` };
    const { code, err, receipt } = await breakGlass([...argvOf(key.id), "--reason", "stolen"], stdin);
    const revocation = (id: string, user: string) => ({
      id,
      role: "dev-readonly",
      user,
      result: "revoked",
      revoked_at: "2026-11-20T10:00:00Z",
      error: null,
    });
    const revocations = [
      revocation(key.id, "agent-01"),
      ...(others === REFUSED ? [revocation(other.id, "agent-02")] : []),
    ];
    expect([code, told(err)]).toEqual([
      0,
      `Locked: ${target} by LOCK.\nThe one gateway refuses it after N ms; 0 streams and calls were cut.\n` +
        `Revoked in the store: ${revocations.length} of ${revocations.length} keys.\n${GOES}${WHERE}`,
    ]);
    expect(receipt).toEqual({
      type: "break_glass",
      phase: "done",
      at: "2026-11-20T10:00:00Z",
      by: "tester",
      context: "desk",
      store: "file FOLDER/keys.json",
      cluster: null,
      target,
      reason: "stolen",
      lock: { id: anId, accepted_at: "2026-11-20T10:00:00.000Z", until: null, lifted: false },
      revocations,
      replicas: [
        {
          name: "ADMIN",
          refused_after_ms: expect.any(Number),
          cut_calls: 0,
          refused_calls: 0,
          evidence: expect.stringMatching(/^lock_\S+ in force since /),
          problem: null,
        },
      ],
      problems: [],
    });
    expect(await desk.receipts()).toEqual([receipt]);
    expect([await desk.status(), await desk.status(other)]).toEqual([REFUSED, others]);
    const [name = "", value = ""] = target.split(" ");
    expect((await desk.locks()).locks).toEqual([
      {
        id: receipt.lock?.id,
        match: { [name]: value },
        reason: "stolen",
        tell: false,
        by: "tester",
        at: "2026-11-20T10:00:00Z",
        until: null,
        revokes: true,
      },
    ]);
  });

  it("counts the streams that the lock cut", async () => {
    const { createServer } = await import("node:http");
    const backend = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: {}\n\n");
    });
    await new Promise<void>((done) => backend.listen(0, "127.0.0.1", done));
    const { port } = backend.address() as { port: number };
    const gateway = await startTestGateway({ "eks-ro": `http://127.0.0.1:${port}` });
    const config = join(desk.project.cwd, "mcpctl.yaml");
    const text = await readFile(config, "utf8");
    await writeFile(
      config,
      text.replaceAll(desk.gateway.folder, gateway.folder).replaceAll(desk.gateway.adminUrl, gateway.adminUrl),
    );
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"eks_get_pods","arguments":{}}}';
    const stream = await open(gateway.url, { headers: callHeaders(gateway.key), body });
    const [{ code, receipt, err }, cut] = await Promise.all([breakGlass(["--user", "agent-01"]), isCut(stream)]);
    await gateway.close();
    backend.closeAllConnections();
    backend.close();
    expect([code, cut, receipt.replicas]).toEqual([0, true, [expect.objectContaining({ cut_calls: 1 })]]);
    expect(err).toContain("1 streams and calls were cut.");
  });

  it("redacts a token that was typed into the reason, also where nothing could be locked", async () => {
    const { key } = desk.gateway;
    const argv = ["--user", "agent-01", "--reason", `leaked ${key.token.reveal()}`];
    await rm(desk.denylist);
    const { code, err, receipt } = await breakGlass(argv);
    expect([code, receipt.lock, receipt.reason]).toEqual([6, null, `leaked [${key.id}]`]);
    expect((await desk.receipts()).map(({ reason }) => reason)).toEqual([`leaked [${key.id}]`]);
    await desk.run(["lock", "init"]);
    const again = await breakGlass(argv);
    expect([again.receipt.reason, (await desk.locks()).locks[0]?.reason]).toEqual(Array(2).fill(`leaked [${key.id}]`));
    const log = await readFile(join(desk.gateway.folder, "admin.jsonl"), "utf8");
    expect(err + log).not.toContain(key.token.reveal());
  });

  it("changes nothing when it is declined, or nobody can be asked", async () => {
    for (const answers of [["n"], [""], null]) {
      const { code, out, err } = await raw(["--user", "agent-01"], { answers });
      expect([code, out, err]).toEqual([2, "", expect.stringMatching(/nothing was changed|must be confirmed/)]);
    }
    expect([await desk.locks(), await desk.status()]).toEqual([{ locks: [], removed: [] }, OPEN]);
    expect((await raw(["--user", "agent-01"], { answers: ["y"] })).code).toBe(0);
  });

  it.each<[readonly string[], number, string]>([
    [[], 2, "no key was named"],
    [["--user", "agent-01", "--dry-run"], 2, "--break-glass has no dry run"],
    [["k_nonsense"], 3, "that is not a key id"],
    [["--user", "agent-01", "--role", "dev-readonly"], 2, "--break-glass takes --user or --role, not both"],
    [["k_0123456789ab", "--user", "agent-01"], 2, "a lock is for exactly one of"],
    [["--user", "Agent 01"], 3, "--user is not the name of a user"],
    [["--user", "agent-01", "--timeout", "soon"], 2, "--timeout"],
    [["--token", "bWNwa1"], 2, "a token is never given as an argument"],
  ])("says what is wrong before anything is changed: %o", async (argv, code, problem) => {
    const result = await raw([...argv, "--yes"]);
    expect([result.code, result.out, result.err]).toEqual([code, "", expect.stringContaining(problem)]);
    expect((await desk.locks()).locks).toEqual([]);
  });
});

describe("what was done counts, and it ends with 6,", () => {
  it("when no such key is in the store: whoever holds it is locked out", async () => {
    const { code, receipt } = await breakGlass(["k_0123456789ab"]);
    expect([code, receipt]).toEqual([
      6,
      expect.objectContaining({
        revocations: [],
        problems: ["Nothing was revoked: file FOLDER/keys.json has no k_0123456789ab."],
      }),
    ]);
    expect((await desk.locks()).locks).toMatchObject([{ match: { key: "k_0123456789ab" } }]);
  });

  it("when the store is away, which is not called an empty store", async () => {
    const store = memory();
    store.failNext("verify", away);
    const { code, receipt } = await breakGlass(["--user", "agent-01", "--timeout", "1s"], { store });
    expect([code, receipt.revocations, receipt.replicas?.map(({ problem }) => problem), receipt.problems]).toEqual([
      6,
      [],
      [null],
      [
        "NOT revoked in file FOLDER/keys.json: AWS is not reached. Check the network.",
        `Revocation not proven: ADMIN: refuses ${desk.gateway.key.id} (user_locked) for the time being alone.`,
      ],
    ]);
    expect(await desk.status()).toBe(REFUSED);
  });

  it("when one of the keys cannot be revoked, which is named", async () => {
    const store = memory();
    store.failNext("create", new AppError("forbidden", "aws_access_denied", "denied."), "before", 3);
    const { code, receipt } = await breakGlass(["--user", "agent-01", "--no-wait"], { store });
    expect([code, receipt.revocations.map(({ result }) => result), receipt.problems]).toEqual([
      6,
      ["failed"],
      [`FAILED: ${desk.gateway.key.id} is NOT revoked: denied.`],
    ]);
  });

  it("when the store takes a revocation and does not show it", async () => {
    const store = memory();
    store.unproveNext();
    const { code, receipt } = await breakGlass(["--user", "agent-01", "--no-wait"], { store });
    expect([code, receipt.problems]).toEqual([
      6,
      [`The store took the revocation of ${desk.gateway.key.id} and does not show it.`],
    ]);
  });

  it("when the denylist is missing: the key is revoked all the same", async () => {
    await rm(desk.denylist);
    const { code, receipt } = await breakGlass(["--user", "agent-01"]);
    expect([code, receipt.lock, receipt.revocations.map(({ result }) => result), receipt.problems]).toEqual([
      6,
      null,
      ["revoked"],
      [
        expect.stringMatching(
          /^NOT locked: there is no denylist: file .* does not exist. Make it with `mcpctl lock init`/,
        ),
      ],
    ]);
    expect(await desk.status()).toBe(REFUSED);
  });

  it("when no gateway can be asked: the key is locked and revoked", async () => {
    await desk.name([NOBODY]);
    const { code, receipt } = await breakGlass(["--user", "agent-01", "--timeout", "1s"]);
    expect([code, receipt.revocations.map(({ result }) => result), receipt.problems]).toEqual([
      6,
      ["revoked"],
      [
        `Lock not proven: ${NOBODY}: ${NOBODY} does not answer (not reached).`,
        `Revocation not proven: ${NOBODY}: ${NOBODY} does not answer (not reached).`,
      ],
    ]);
  });

  it("when the cluster and the store are both away: each is named", async () => {
    const kubernetes = {
      context: "prod",
      cluster: "3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f",
      namespace: "gw",
      denylist: "d",
    };
    const store = { type: "ssm", path: "/k", region: "eu-central-1", account: "111122223333" };
    const contexts = [{ name: "desk", store, kubernetes }];
    await writeFile(join(desk.project.cwd, "mcpctl.yaml"), JSON.stringify({ contexts, currentContext: "desk" }));
    const failing = memory();
    failing.failNext("verify", away);
    const { code, receipt } = await breakGlass(["--user", "agent-01"], {
      store: failing,
      ports: { kube: () => Promise.reject(new AppError("invalid", "kubeconfig_unreadable", "no kubeconfig.")) },
    });
    expect([code, receipt.lock, receipt.problems]).toEqual([
      6,
      null,
      [
        "NOT locked: no kubeconfig.",
        "NOT revoked in ssm /k (eu-central-1, account 111122223333): AWS is not reached. Check the network.",
      ],
    ]);
  });

  it("and with 130 after Ctrl-C, with a receipt of what was done", async () => {
    await desk.name([NOBODY]);
    const stop = new AbortController();
    const tell = (line: string): void => {
      if (line.startsWith("Locked")) setTimeout(() => stop.abort(), 100);
    };
    const { code, receipt } = await breakGlass(["--user", "agent-01"], { signal: stop.signal, ports: { tell } });
    expect([code, receipt.lock?.id, receipt.revocations.map(({ result }) => result)]).toEqual([130, anId, ["revoked"]]);
    expect(receipt.problems[0]).toBe(
      "Lock not proven: not every gateway was asked: interrupted while asking the gateways.",
    );
    expect((await desk.receipts()).map(({ problems }) => problems)).toEqual([receipt.problems]);
  });
});

describe("an admin log that cannot be written", () => {
  it("is told of and is no failure", async () => {
    await mkdir(join(desk.project.cwd, ".local/state/mcpctl/admin.jsonl"), { recursive: true });
    const { code, err } = await breakGlass(["--user", "agent-01"]);
    expect([code, err]).toEqual([0, expect.stringMatching(/^The receipt could NOT be kept in the admin log: .+\.$/m)]);
  });
});

describe("repeated", () => {
  const argv = ["--user", "agent-01"];

  it("finds its lock and adds none", async () => {
    const first = await breakGlass(argv);
    const second = await breakGlass(argv);
    expect([second.code, second.receipt.lock]).toEqual([0, { ...first.receipt.lock, accepted_at: null }]);
    expect(told(second.err)).toContain("Locked already: user agent-01 by LOCK.\n");
    expect(second.err).toContain("The lock stays: it stands until 2026-11-20T10:10:00Z at least");
    expect((await desk.locks()).locks).toHaveLength(1);
  });

  it("after ten minutes it ends the lock, and the key stays refused", async () => {
    const first = await breakGlass(argv);
    const { code, err, receipt } = await breakGlass(argv, { now: () => NOW + 10 * MINUTE });
    expect([code, receipt.lock]).toEqual([0, { ...first.receipt.lock, accepted_at: null, lifted: true }]);
    expect(told(err)).toContain("The lock LOCK is ended: the revocation is proven everywhere.\n");
    expect(await desk.locks()).toMatchObject({ locks: [], removed: [{ id: first.receipt.lock?.id }] });
    expect(await desk.status()).toBe(REFUSED);
  });

  it("leaves the lock of somebody else, and one that was not made for a revocation", async () => {
    await desk.run(["lock", "add", ...argv, "--reason", "plain"]);
    await breakGlass(argv);
    await breakGlass(argv, { now: () => NOW + 10 * MINUTE });
    expect((await desk.locks()).locks).toMatchObject([{ reason: "plain" }]);
  });

  it("with --no-wait it ends no lock, for nothing is proven", async () => {
    await breakGlass([...argv, "--no-wait"]);
    const { code, receipt } = await breakGlass([...argv, "--no-wait"], { now: () => NOW + 11 * MINUTE });
    expect([code, receipt.replicas, receipt.lock?.lifted]).toEqual([0, null, false]);
    expect((await desk.locks()).locks).toHaveLength(1);
  });

  it("revokes a key that was made meanwhile, and counts the ten minutes from then", async () => {
    await breakGlass(argv);
    await desk.run(["keys", "create", "--role", "dev-readonly", "--user", "agent-01", "-o", "json"]);
    const { code, err, receipt } = await breakGlass(argv, { now: () => NOW + 11 * MINUTE });
    expect([code, receipt.revocations.map(({ result }) => result), receipt.lock?.lifted]).toEqual([
      0,
      ["already_revoked", "revoked"],
      false,
    ]);
    expect(err).toContain("The lock stays: it stands until 2026-11-20T10:21:00Z at least");
  });

  it("keeps the receipt when the lock cannot be ended", async () => {
    await breakGlass(argv);
    const store = memory();
    store.plant(`dev-readonly/${desk.gateway.key.hash}.revoked`, "at=2026-11-20T10:00:00Z");
    // The third listing is the one that asks whether the lock may go.
    store.failAfter(2, "list", away);
    const { code, receipt } = await breakGlass(argv, { store, now: () => NOW + 11 * MINUTE });
    expect([code, receipt.problems]).toEqual([6, ["The lock stays: AWS is not reached. Check the network."]]);
    expect(await desk.receipts()).toHaveLength(2);
  });
});
