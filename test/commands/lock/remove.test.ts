import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../../src/commands/cli.ts";
import { registerRemove, type RemoveOptions } from "../../../src/commands/lock/remove.ts";
import { AppError } from "../../../src/lib/errors.ts";
import { makeGatewayProject, NOBODY, type GatewayProject } from "../../support/gateway-project.ts";
import { until } from "../../support/gateway.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { NOW } from "../../support/run-cli.ts";

let desk: GatewayProject;
beforeEach(async () => {
  desk = await makeGatewayProject();
});
afterEach(() => desk.close());

const OPEN = 502;
const REFUSED = 401;
const MINUTE = 60_000;
const WHERE = "Context desk: file FOLDER/keys.json.\n";
const KEPT = "The receipt is in .local/state/mcpctl/admin.jsonl.\n";

const remove = (argv: readonly string[], options: Parameters<GatewayProject["run"]>[1] = {}) =>
  desk.run(["lock", "remove", ...argv], options);
const at = (ms: number) => ({ now: () => NOW + ms });

/** The id of a lock on the gateway's key, which refuses. */
async function plainLock(): Promise<string> {
  const { out } = await desk.run(["lock", "add", "--user", "agent-01", "--reason", "why", "-o", "json"]);
  return (JSON.parse(out) as { lock: { id: string } }).lock.id;
}

/** A lock that nobody was asked to prove. */
async function unaskedLock(): Promise<string> {
  const { out } = await desk.run(["lock", "add", "--role", "qa", "--reason", "why", "--no-wait", "-o", "json"]);
  return (JSON.parse(out) as { lock: { id: string } }).lock.id;
}

/** The id of a lock by break-glass: the key is revoked as well. */
async function breakGlassLock(): Promise<string> {
  const argv = ["keys", "revoke", "--user", "agent-01", "--break-glass", "--yes", "-o", "json"];
  const { code, out } = await desk.run(argv);
  expect(code).toBe(0);
  return (JSON.parse(out) as { lock: { id: string } }).lock.id;
}

const isInForce = async (id: string): Promise<boolean> => {
  const answer = await fetch(`${desk.gateway.adminUrl}/state?lock=${id}`);
  return ((await answer.json()) as { lock: { in_force: boolean } }).lock.in_force;
};

describe("argv", () => {
  it.each<[readonly string[], object]>([
    [["lock_a"], { id: "lock_a", timeout: "2m", wait: true }],
    [
      ["lock_a", "-y", "--unproven", "--reason", "x", "--no-wait", "--timeout", "5s", "-o", "yaml"],
      { id: "lock_a", yes: true, unproven: true, reason: "x", wait: false, timeout: "5s", output: "yaml" },
    ],
  ])("%o becomes %o", async (argv, expected) => {
    const seen: RemoveOptions[] = [];
    const lock = new Command();
    registerRemove(lock, { show: async () => undefined } as unknown as Cli, async (options) => {
      seen.push({ ...options });
      return {};
    });
    await lock.parseAsync(["remove", ...argv], { from: "user" });
    expect(seen).toEqual([expected]);
  });
});

describe("lock remove", () => {
  it("ends a lock and proves that the gateway lets calls through again", async () => {
    const id = await plainLock();
    expect(await desk.status()).toBe(REFUSED);
    const { code, out, err } = await remove([id, "--yes", "--reason", "false alarm", "-o", "json"]);
    expect([code, err]).toEqual([0, `Ended ${id} on user agent-01.\n${WHERE}${KEPT}`]);
    const receipt = {
      type: "unlock",
      phase: "done",
      at: "2026-11-20T10:00:00Z",
      by: "tester",
      context: "desk",
      store: "file FOLDER/keys.json",
      cluster: null,
      target: "user agent-01",
      reason: "false alarm",
      lock: { id, accepted_at: null, until: null, lifted: true },
      revocations: [],
      replicas: [
        { name: "ADMIN", refused_after_ms: null, cut_calls: 0, refused_calls: 0, evidence: null, problem: null },
      ],
      problems: [],
    };
    expect(JSON.parse(out)).toEqual(receipt);
    expect((await desk.receipts()).at(-1)).toEqual(receipt);
    expect(await desk.locks()).toEqual({
      locks: [],
      removed: [{ id, by: "tester", at: "2026-11-20T10:00:00Z" }],
    });
    expect(await desk.status()).toBe(OPEN);
  });

  it("ends one that somebody took out of the denylist, and that gateways still know, by --unproven alone", async () => {
    const id = await plainLock();
    await writeFile(desk.denylist, '{"locks": []}');
    const refused = await remove([id, "--yes"]);
    expect([refused.code, refused.err]).toEqual([
      3,
      `error: ${id} was taken out of the denylist, and gateways still refuse by it\n` +
        "  Put it back to end it in order; --unproven ends it although nobody knows any more what it is for.\n",
    ]);
    expect(await desk.status()).toBe(REFUSED);
    expect(await remove([id, "--unproven", "--yes"])).toMatchObject({ code: 0 });
    expect(await desk.status()).toBe(OPEN);
    expect(await remove([id, "--unproven", "--yes"])).toMatchObject({
      code: 3,
      err: expect.stringContaining("no lock"),
    });
  });

  it("asks before, and shows what it would end, without escapes", async () => {
    await writeFile(
      desk.denylist,
      JSON.stringify({
        locks: [
          {
            id: "lock_a",
            match: { user: "agent-01" },
            reason: "\u001b[2J",
            tell: false,
            by: "alice",
            at: "2026-11-20T09:00:00Z",
            until: null,
          },
        ],
      }),
    );
    const declined = await remove(["lock_a"], { answers: ["n"] });
    expect(declined).toEqual({
      code: 2,
      out: "",
      err: `${WHERE}lock_a on user agent-01 by alice at 2026-11-20T09:00:00Z: \\u001b[2J\nerror: declined; nothing was changed\n`,
    });
    expect((await remove(["lock_a"])).code).toBe(2);
    expect((await desk.locks()).locks).toHaveLength(1);
    expect((await remove(["lock_a"], { answers: ["y"] })).code).toBe(0);
    expect((await desk.locks()).locks).toEqual([]);
  });

  it("redacts a token that was typed into the reason", async () => {
    const { key } = desk.gateway;
    const { out } = await remove([await plainLock(), "--yes", "--reason", key.token.reveal(), "-o", "json"]);
    expect(JSON.parse(out)).toMatchObject({ reason: `[${key.id}]` });
    expect((await desk.receipts()).at(-1)).toMatchObject({ reason: `[${key.id}]` });
  });

  it.each<[string, string]>([
    ["lock_nobody-has-this", "See them with `mcpctl lock list`."],
    ["__proto__", "See them with `mcpctl lock list`."],
  ])("does not know %s", async (id, hint) => {
    await plainLock();
    expect(await remove([id, "--yes"])).toEqual({
      code: 3,
      out: "",
      err: `error: no lock ${id} is in force\n  ${hint}\n`,
    });
  });

  it("names the lock that was perhaps meant, and ends it once", async () => {
    const id = await plainLock();
    expect((await remove([id.slice(0, -1), "--yes"])).err).toContain(`Did you mean ${id}?`);
    expect((await remove([id, "--yes"])).code).toBe(0);
    expect((await remove([id, "--yes"])).code).toBe(3);
  });

  it("ends it, and says that no gateway was there to prove it", async () => {
    const id = await plainLock();
    await desk.name([NOBODY]);
    expect(await remove([id, "--yes", "--timeout", "1s"])).toEqual({
      code: 6,
      out: `${NOBODY}\tNOT PROVEN\t${NOBODY} does not answer (not reached)\n`,
      err:
        `Ended ${id} on user agent-01.\nNot proven: ${NOBODY}: ${NOBODY} does not answer (not reached).\n` +
        `${WHERE}${KEPT}`,
    });
    expect((await desk.locks()).locks).toEqual([]);
    const another = await unaskedLock();
    expect(await remove([another, "--yes", "--no-wait"])).toMatchObject({ code: 0 });
  });

  it("does not take a gateway at its word that has its denylist out of use", async () => {
    const id = await plainLock();
    const fresh = await makeGatewayProject({ locks: "broken" });
    await desk.name([fresh.gateway.adminUrl]);
    const { code, err } = await remove([id, "--yes", "--timeout", "1s"]);
    await fresh.close();
    expect([code, err]).toEqual([6, expect.stringMatching(/^Not proven: .*: has its denylist out of use \(.+\)\.$/m)]);
  });
});

describe("the lock of a break-glass revocation", () => {
  it("stays for ten minutes, with exit code 1", async () => {
    const id = await breakGlassLock();
    expect(await remove([id, "-o", "json"], at(10 * MINUTE - 1))).toEqual({
      code: 1,
      out: `${JSON.stringify(
        {
          id,
          removed: false,
          problems: ["it stands until 2026-11-20T10:10:00Z at least, for a stale read could bring the key back."],
        },
        null,
        2,
      )}\n`,
      err:
        "It stays: it stands until 2026-11-20T10:10:00Z at least, for a stale read could bring the key back.\n" +
        "Repeat the command later; --unproven ends it all the same.\n",
    });
    expect(await isInForce(id)).toBe(true);
  });

  it("goes after that without a question, for the key is proven to be refused by itself", async () => {
    const id = await breakGlassLock();
    expect(await remove([id], at(10 * MINUTE))).toMatchObject({ code: 0, err: expect.stringContaining(`Ended ${id}`) });
    expect([await isInForce(id), await desk.status()]).toEqual([false, REFUSED]);
  });

  it("stays for ten minutes after the revocation, however long after the lock that came", async () => {
    const store = new MemoryStore();
    store.plant(`dev-readonly/${desk.gateway.key.hash}`, "dev-readonly/agent-01");
    const away = new AppError("unavailable", "aws_unreachable", "AWS is not reached.");
    store.failNext("list", away);
    const argv = ["keys", "revoke", "--user", "agent-01", "--break-glass", "--yes", "--no-wait", "-o", "json"];
    const first = await desk.run(argv, { store });
    const { id } = (JSON.parse(first.out) as { lock: { id: string } }).lock;
    expect(first.code).toBe(6);
    expect((await desk.run(argv, { store, ...at(30 * MINUTE) })).code).toBe(0);
    expect(await remove([id], { store, ...at(31 * MINUTE) })).toMatchObject({
      code: 1,
      err: expect.stringContaining("it stands until 2026-11-20T10:40:00Z at least"),
    });
  });

  it("stays while a key is not revoked", async () => {
    const id = await breakGlassLock();
    const { code } = await desk.run(["keys", "create", "--role", "dev-readonly", "--user", "agent-01", "-o", "json"]);
    expect(code).toBe(0);
    expect(await remove([id], at(11 * MINUTE))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^It stays: k_[0-9a-f]{12} is not revoked in file FOLDER\/keys.json\.$/m),
    });
  });

  it("stays while a gateway refuses the key by the lock alone", async () => {
    const id = await breakGlassLock();
    const other = await makeGatewayProject({
      keys: JSON.stringify({ [`dev-readonly.${desk.gateway.key.hash}`]: "dev-readonly/agent-01" }),
      locks: JSON.stringify(await desk.locks()),
    });
    await desk.name([desk.gateway.adminUrl, other.gateway.adminUrl]);
    const { code, err } = await remove([id, "--timeout", "1s"], at(11 * MINUTE));
    const { adminUrl } = other.gateway;
    await other.close();
    const why = `refuses ${desk.gateway.key.id} (user_locked) for the time being alone`;
    expect([code, err]).toEqual([1, expect.stringContaining(`It stays: ${adminUrl}: ${why}.`)]);
  });

  it("stays while no gateway can be asked", async () => {
    const id = await breakGlassLock();
    await desk.name([NOBODY]);
    expect(await remove([id, "--timeout", "1s"], at(11 * MINUTE))).toMatchObject({
      code: 1,
      err: expect.stringContaining(`It stays: ${NOBODY}`),
    });
    await desk.name([]);
    expect(await remove([id], at(11 * MINUTE))).toMatchObject({
      code: 1,
      err: expect.stringContaining("It stays: the context does not say where its gateways are"),
    });
  });

  it("stays when the store cannot say", async () => {
    const id = await breakGlassLock();
    const store = new MemoryStore();
    store.failNext("list", new AppError("unavailable", "aws_unreachable", "AWS is not reached."));
    expect((await remove([id], { store, ...at(11 * MINUTE) })).code).toBe(5);
    expect(await isInForce(id)).toBe(true);
  });

  it("goes unproven only when that is asked for and confirmed", async () => {
    const id = await breakGlassLock();
    const declined = await remove([id, "--unproven"], { answers: ["no"] });
    expect([declined.code, declined.err]).toEqual([
      2,
      expect.stringContaining("Its revocation is NOT proven: what it refuses may be let in again."),
    ]);
    expect((await remove([id, "--unproven"])).code).toBe(2);
    expect(await isInForce(id)).toBe(true);
    expect((await remove([id, "--unproven"], { answers: ["y"] })).code).toBe(0);
    await until(
      () => isInForce(id),
      (inForce) => !inForce,
    );
  });
});
