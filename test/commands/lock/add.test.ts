import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../../src/commands/cli.ts";
import { registerAdd, type AddOptions } from "../../../src/commands/lock/add.ts";
import { EMPTY_DENYLIST } from "../../../src/lib/policy/edit-denylist.ts";
import { makeGatewayProject, NOBODY, type GatewayProject } from "../../support/gateway-project.ts";

let desk: GatewayProject;
beforeEach(async () => {
  desk = await makeGatewayProject();
});
afterEach(() => desk.close());

const add = (argv: readonly string[], options: Parameters<GatewayProject["run"]>[1] = {}) =>
  desk.run(["lock", "add", ...argv], options);
const because = ["--reason", "token in a public ticket"];
const user = ["--user", "agent-01", ...because];
const WHERE = "Context desk: file FOLDER/keys.json.\nThe receipt is in .local/state/mcpctl/admin.jsonl.\n";
const anId = expect.stringMatching(/^lock_[\w-]{21}$/) as string;
/** What a person reads, with the id of the lock by a word. */
const told = (text: string): string => text.replaceAll(/lock_[\w-]{21}/g, "LOCK").replaceAll(/\d+ ms/g, "N ms");
const written = (more: object = {}) => ({
  id: anId,
  match: { user: "agent-01" },
  reason: "token in a public ticket",
  tell: false,
  by: "tester",
  at: "2026-11-20T10:00:00Z",
  until: null,
  ...more,
});

describe("argv", () => {
  it.each<[readonly string[], object]>([
    [[], { timeout: "30s", wait: true }],
    [
      ["--key", "k_1", "--reason", "x", "--for", "1h", "--tell"],
      { key: "k_1", reason: "x", for: "1h", tell: true, timeout: "30s", wait: true },
    ],
    [
      ["--all", "--confirm", "prod", "--no-wait", "--timeout", "5s", "-o", "json"],
      { all: true, confirm: "prod", wait: false, timeout: "5s", output: "json" },
    ],
  ])("%o becomes %o", async (argv, expected) => {
    const seen: AddOptions[] = [];
    const lock = new Command();
    registerAdd(lock, { show: async () => undefined } as unknown as Cli, async (options) => {
      seen.push({ ...options });
      return {};
    });
    await lock.parseAsync(["add", ...argv], { from: "user" });
    expect(seen).toEqual([expected]);
  });
});

describe("lock add", () => {
  it.each<[readonly string[], object, string, number]>([
    [["--user", "agent-01"], { user: "agent-01" }, "user agent-01", 401],
    [["--role", "dev-readonly"], { role: "dev-readonly" }, "role dev-readonly", 403],
    [["--backend", "eks-ro"], { backend: "eks-ro" }, "backend eks-ro", 403],
    [["--all", "--confirm", "desk"], { all: true }, "everything", 403],
    [["--user", "agent-02"], { user: "agent-02" }, "user agent-02", 502],
  ])("locks %o, and is proven by the gateway", async (argv, match, target, status) => {
    const { code, out, err } = await add([...argv, ...because, "-o", "json"]);
    expect([code, told(err)]).toEqual([
      0,
      `Locked ${target} until it is removed: LOCK.\n` +
        (target === "user agent-02" ? `No gateway knows a key of ${target}: is the name right?\n` : "") +
        `${WHERE}To end it: mcpctl lock remove LOCK.\n`,
    ]);
    const receipt = {
      type: "lock",
      phase: "done",
      at: "2026-11-20T10:00:00Z",
      by: "tester",
      context: "desk",
      store: "file FOLDER/keys.json",
      cluster: null,
      target,
      reason: "token in a public ticket",
      lock: { id: anId, accepted_at: "2026-11-20T10:00:00.000Z", until: null, lifted: false },
      revocations: [],
      replicas: [
        {
          name: "ADMIN",
          refused_after_ms: expect.any(Number),
          cut_calls: 0,
          refused_calls: 0,
          evidence: expect.stringMatching(
            /^lock_\S+ in force since 2026-11-20T10:00:00.000Z \(denylist [0-9a-f]{12}\)$/,
          ),
          problem: null,
        },
      ],
      problems: [],
    };
    expect(JSON.parse(out)).toEqual(receipt);
    expect(await desk.receipts()).toEqual([receipt]);
    expect(await desk.locks()).toEqual({ locks: [written({ match })], removed: [] });
    expect(await desk.status()).toBe(status);
  });

  it("locks a key by its id", async () => {
    const { code, out } = await add(["--key", desk.gateway.key.id, ...because]);
    expect([code, told(out)]).toEqual([
      0,
      expect.stringMatching(
        /^ADMIN\tN ms\t0\tLOCK in force since 2026-11-20T10:00:00.000Z \(denylist [0-9a-f]{12}\)\n$/,
      ),
    ]);
    expect(await desk.status()).toBe(401);
  });

  it("locks for a time, counted from the next whole second, and may tell the refused caller", async () => {
    const now = (): number => Date.parse("2026-11-20T10:00:00.200Z");
    const { code, err } = await add([...user, "--for", "1h", "--tell"], { now });
    expect([code, told(err)]).toEqual([
      0,
      expect.stringMatching(/^Locked user agent-01 until 2026-11-20T11:00:01Z: LOCK.\n/),
    ]);
    expect(await desk.locks()).toEqual({
      locks: [written({ until: "2026-11-20T11:00:01Z", tell: true })],
      removed: [],
    });
  });

  it("adds a lock each time, for each may have an end of its own", async () => {
    await add(user);
    await add(user);
    expect((await desk.locks()).locks).toEqual([written(), written()]);
  });

  it("redacts a token that was typed into the reason, wherever the reason goes", async () => {
    const { key } = desk.gateway;
    const { code, out, err } = await add([
      "--user",
      "agent-01",
      "--reason",
      `leaked ${key.token.reveal()}`,
      "-o",
      "json",
    ]);
    const reason = `leaked [${key.id}]`;
    expect([code, JSON.parse(out).reason, (await desk.locks()).locks[0]?.reason]).toEqual([0, reason, reason]);
    expect((await desk.receipts()).map((receipt) => receipt["reason"])).toEqual([reason]);
    expect(out + err).not.toContain(key.token.reveal());
  });

  it("shortens a reason that the denylist would not take", async () => {
    expect((await add(["--user", "agent-01", "--reason", `${"x".repeat(999)}\u{1f512}`])).code).toBe(0);
    expect((await desk.locks()).locks[0]?.reason).toHaveLength(1000);
    expect(await desk.status()).toBe(401);
  });

  it("shows no terminal what could steer it", async () => {
    const { err } = await add(["--user", "agent-01", "--reason", "\u001b[2J\u202e", "--no-wait"]);
    const list = await desk.run(["lock", "list"], {
      outIsTerminal: true,
      errIsTerminal: false,
      env: { NO_COLOR: "1" },
    });
    expect(list.out).toContain("\\u001b[2J\\u202e");
    expect([err, list.out, list.err].join("")).not.toMatch(/[\u001b\u202e]/);
  });
});

describe("what is wrong is said before anything is changed:", () => {
  it.each<[readonly string[], number, string]>([
    [because, 2, "a lock is for exactly one of --key, --user, --role, --backend and --all"],
    [[...user, "--role", "dev"], 2, "a lock is for exactly one of"],
    [[...user, "--all"], 2, "a lock is for exactly one of"],
    [["--user", "agent-01"], 2, "--reason must be given"],
    [["--user", "agent-01", "--reason", "  "], 2, "--reason must be given"],
    [["--user", "Agent 01", ...because], 3, "--user is not the name of a user"],
    [["--role", "", ...because], 3, "--role is not the name of a role"],
    [["--backend", "__proto__", ...because], 3, "--backend is not the name of a backend"],
    [["--key", "k_123", ...because], 3, "--key is not the name of a key"],
    [[...user, "--for", "soon"], 2, "--for"],
    [[...user, "--for", "0s"], 2, "--for"],
    [[...user, "--timeout", "0s"], 2, "--timeout"],
    [["--all", ...because], 2, "--all must be confirmed, and there is no terminal to ask on\n  Add --confirm desk."],
    [["--all", ...because, "--confirm", "prod"], 2, "that is not desk; nothing was changed"],
  ])("%o", async (argv, code, problem) => {
    const result = await add(argv);
    expect([result.code, result.out, result.err]).toEqual([code, "", expect.stringContaining(problem)]);
    expect((await desk.locks()).locks).toEqual([]);
  });

  it("never repeats a token that was typed in the place of a name", async () => {
    const token = desk.gateway.key.token.reveal();
    const { code, out, err } = await add(["--user", token, ...because]);
    expect([code, out + err]).toEqual([3, expect.not.stringContaining(token)]);
  });
});

describe("the kill switch on a terminal", () => {
  it.each<[string, number, number]>([
    ["desk", 0, 1],
    [" desk ", 0, 1],
    ["Desk", 2, 0],
    ["y", 2, 0],
    ["", 2, 0],
  ])("asks for the context's name and takes `%s` with code %i", async (answer, code, count) => {
    const result = await add(["--all", ...because], { answers: [answer] });
    expect([result.code, (await desk.locks()).locks.length]).toEqual([code, count]);
    expect(result.err).toContain("This refuses every call of every agent through the gateways of context desk.");
  });

  it("does not ask where the name is given", async () => {
    expect((await add(["--all", ...because, "--confirm", "desk"], { answers: [] })).code).toBe(0);
  });
});

describe("the lock stands, and it ends with 6,", () => {
  it("when no gateway is there", async () => {
    await desk.name([NOBODY]);
    const { code, out, err } = await add([...user, "--timeout", "1s"]);
    expect([code, out, told(err)]).toEqual([
      6,
      `${NOBODY}\tNOT PROVEN\t-\t${NOBODY} does not answer (not reached)\n`,
      "Locked user agent-01 until it is removed: LOCK.\n" +
        `Not proven: ${NOBODY}: ${NOBODY} does not answer (not reached).\n` +
        `${WHERE}To end it: mcpctl lock remove LOCK.\n`,
    ]);
    expect((await desk.locks()).locks).toEqual([written()]);
  });

  it("when one of two is not there, which is named", async () => {
    await desk.name([desk.gateway.adminUrl, NOBODY]);
    const { code, err } = await add([...user, "--timeout", "1s"]);
    expect([code, err.match(/Not proven: .*/g)]).toEqual([
      6,
      [`Not proven: ${NOBODY}: ${NOBODY} does not answer (not reached).`],
    ]);
  });

  it("when the context names none", async () => {
    await desk.name([]);
    expect(await add(user)).toMatchObject({
      code: 6,
      err: expect.stringContaining("Not proven: the context does not say where its gateways are"),
    });
  });

  it("when a gateway follows another denylist", async () => {
    const other = await makeGatewayProject();
    await desk.name([other.gateway.adminUrl]);
    const { code, err } = await add([...user, "--timeout", "1s"]);
    await other.close();
    expect([code, err]).toEqual([6, expect.stringMatching(/^Not proven: .*: does not have the lock yet.$/m)]);
  });

  it("unless --no-wait says that nobody is to be asked", async () => {
    await desk.name([NOBODY]);
    const { code, out } = await add([...user, "--no-wait", "-o", "json"]);
    expect([code, JSON.parse(out).replicas, JSON.parse(out).problems]).toEqual([0, null, []]);
  });

  it("and with 130 after Ctrl-C, which its receipt says", async () => {
    await desk.name([NOBODY]);
    const stop = new AbortController();
    const tell = (line: string): void => {
      if (line.startsWith("Locked")) setTimeout(() => stop.abort(), 100);
    };
    const { code, out } = await add([...user, "-o", "json"], { signal: stop.signal, ports: { tell } });
    const problems = ["not every gateway was asked: interrupted while asking the gateways."];
    expect([code, JSON.parse(out).problems]).toEqual([130, problems]);
    expect((await desk.receipts()).map((receipt) => receipt["problems"])).toEqual([problems]);
  });
});

describe("a denylist that cannot be used", () => {
  it("that is missing is an error that says what makes it", async () => {
    await rm(desk.denylist);
    expect(await add(user)).toEqual({
      code: 3,
      out: "",
      err: expect.stringMatching(/there is no denylist: file .*\n {2}Make it with `mcpctl lock init`/),
    });
  });

  it("that is not understood is left as it is", async () => {
    await writeFile(desk.denylist, EMPTY_DENYLIST.slice(0, 5));
    expect(await add(user)).toMatchObject({ code: 3, err: expect.stringContaining("is not wholly understood") });
  });
});

describe("an admin log that cannot be written", () => {
  it.each<[string, () => Promise<unknown>]>([
    ["is below a file", () => writeFile(join(desk.project.cwd, ".local"), "")],
    ["is a folder", () => mkdir(join(desk.project.cwd, ".local/state/mcpctl/admin.jsonl"), { recursive: true })],
  ])("that %s is told of, and the lock stands", async (_what, make) => {
    await make();
    const { code, err } = await add(user);
    expect([code, err]).toEqual([0, expect.stringMatching(/^The receipt could NOT be kept in the admin log: .*\.$/m)]);
    expect((await desk.locks()).locks).toEqual([written()]);
  });

  it.skipIf(process.getuid?.() === 0)("for lack of rights is told of", async () => {
    await mkdir(join(desk.project.cwd, ".local"), { mode: 0o500 });
    expect(await add(user)).toMatchObject({ code: 0, err: expect.stringContaining("could NOT be kept") });
    await chmod(join(desk.project.cwd, ".local"), 0o700);
  });
});
