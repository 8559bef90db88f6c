import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../../src/commands/cli.ts";
import { registerRotate } from "../../../src/commands/keys/rotate.ts";
import type { RotateOptions } from "../../../src/commands/keys/rotate-options.ts";
import { AppError } from "../../../src/lib/errors.ts";
import { systemError } from "../../support/memory-io.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { filesBelow } from "../../support/files-below.ts";
import { historyOf } from "../../support/history-of.ts";
import { makeProject, mintedKeys, NOW, type Project, type RunOptions } from "../../support/run-cli.ts";

const [A, B, C] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [string, string, string];
const [ID_A, ID_B] = ["k_aaaaaaaaaaaa", "k_bbbbbbbbbbbb"] as const;
const [FIRST, SECOND] = mintedKeys(2) as [ReturnType<typeof mintedKeys>[number], ReturnType<typeof mintedKeys>[number]];
const token = FIRST.token.reveal();
const NEW = `dev/${FIRST.hash}`;
const RECORD = "dev/alice?exp=2027-02-18T10:00:00Z";

let project: Project;
let store: MemoryStore;
beforeEach(async () => {
  project = await makeProject();
  await writeFile(join(project.cwd, "roles.yaml"), "roleMapping:\n  dev: [eks-ro]\n");
  store = new MemoryStore();
  store.plant(`dev/${A}`, "dev/alice");
});
afterEach(() => project.remove());

const rotate = (argv: readonly string[], options: Parameters<Project["run"]>[1] = {}) =>
  project.run(["keys", "rotate", ...argv], { store, ...options });
const entries = async (): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries((await store.list()).map(({ label, value }) => [label, value]));
const rotated = (from: string, to: string, until = "2026-11-21T10:00:00Z", user = "alice"): string =>
  `Rotated ${from} to ${to} for ${user} in role dev; the old key works until ${until}.\n`;
const WHERE = "Context default: memory.\n";
const WENT = "Context default: memory.\nThe new token went to standard output and nowhere else.\n";

describe("argv", () => {
  it.each([
    [[], { id: null, grace: "24h", timeout: "2m", wait: true }],
    [
      [
        "k_1",
        "--grace",
        "1h",
        "--ttl",
        "2d",
        "-o",
        "env",
        "--out",
        "f",
        "-y",
        "--dry-run",
        "--no-wait",
        "--reason",
        "x",
      ],
      {
        id: "k_1",
        grace: "1h",
        ttl: "2d",
        output: "env",
        out: "f",
        yes: true,
        dryRun: true,
        timeout: "2m",
        wait: false,
        reason: "x",
      },
    ],
  ])("%o becomes %o", async (argv, expected) => {
    const seen: RotateOptions[] = [];
    const keys = new Command();
    registerRotate(keys, { show: async () => undefined } as unknown as Cli, async (options) => {
      seen.push({ ...options });
      return {};
    });
    await keys.parseAsync(["rotate", ...argv], { from: "user" });
    expect(seen).toEqual([expected]);
  });
});

describe("keys rotate", () => {
  it("makes a successor and lets the old key work for 24 hours", async () => {
    expect(await rotate([ID_A, "--yes", "-o", "token", "--reason", "yearly"])).toEqual({
      code: 0,
      out: `${token}\n`,
      err: `${rotated(ID_A, FIRST.id)}${WENT}`,
    });
    expect(await entries()).toEqual({
      [`dev/${A}`]: "dev/alice",
      [NEW]: RECORD,
      [`dev/${A}.ends`]: `exp=2026-11-21T10:00:00Z&next=${FIRST.id}`,
    });
    const history = await historyOf(store, A);
    expect(history[1]?.note).toEqual({
      action: "rotate",
      at: "2026-11-20T10:00:00Z",
      author: "tester",
      reason: "yearly",
    });
  });

  it("tells in JSON what it replaces", async () => {
    const { out } = await rotate([ID_A, "--yes", "-o", "json", "--ttl", "1h"]);
    expect(JSON.parse(out)).toEqual({
      id: FIRST.id,
      role: "dev",
      user: "alice",
      expires_at: "2026-11-20T11:00:00Z",
      token,
      replaces: { id: ID_A, ends_at: "2026-11-21T10:00:00Z" },
    });
  });

  it.each([
    ["a grace of its own", "dev/alice", "1h", "2026-11-20T11:00:00Z"],
    ["no grace", "dev/alice", "0s", "2026-11-20T10:00:00Z"],
    ["its own end, when that is sooner", "dev/alice?exp=2026-11-20T10:30:00Z", "1h", "2026-11-20T10:30:00Z"],
  ])("ends the old key by %s", async (_what, record, grace, until) => {
    store.plant(`dev/${A}`, record);
    const { code, err } = await rotate([ID_A, "--yes", "-o", "token", "--grace", grace]);
    expect({ code, err }).toEqual({ code: 0, err: `${rotated(ID_A, FIRST.id, until)}${WENT}` });
    expect((await entries())[`dev/${A}.ends`]).toBe(`exp=${until}&next=${FIRST.id}`);
  });

  it("rotates all of a user, one JSON object a line, and leaves the others alone", async () => {
    store.plant(`dev/${B}`, "dev/alice");
    store.plant(`dev/${"c".repeat(64)}`, "dev/alice?exp=2020-01-01T00:00:00Z");
    const { code, out, err } = await rotate(["--user", "alice", "--yes", "-o", "json"]);
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { id: string }).id),
    ).toEqual([FIRST.id, SECOND.id]);
    expect({ code, err }).toEqual({
      code: 0,
      err: `Left alone: k_cccccccccccc is expired.\n${rotated(ID_A, FIRST.id)}${rotated(ID_B, SECOND.id)}${WHERE}The new tokens went to standard output and nowhere else.\n`,
    });
  });

  it("writes those of many keys to a folder, a file for each user that only its owner can read", async () => {
    store.plant(`dev/${B}`, "dev/bob");
    store.plant(`dev/${C}`, "dev/alice");
    expect(await rotate(["--role", "dev", "--yes", "--out", "tokens"])).toMatchObject({
      code: 0,
      out: "",
      err: expect.stringContaining("The new tokens went to the folder tokens and nowhere else.\n"),
    });
    const folder = join(project.cwd, "tokens");
    expect(await filesBelow(folder)).toEqual(["alice.jsonl", "bob.jsonl"]);
    const linesOf = async (user: string) =>
      (await readFile(join(folder, `${user}.jsonl`), "utf8"))
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as { user: string; token: string; replaces: { id: string } });
    expect((await linesOf("alice")).map((line) => [line.user, line.token, line.replaces.id])).toEqual([
      ["alice", token, ID_A],
      ["alice", mintedKeys(3)[2]?.token.reveal(), "k_cccccccccccc"],
    ]);
    expect((await linesOf("bob")).map((line) => [line.user, line.token])).toEqual([["bob", SECOND.token.reveal()]]);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    for (const name of await filesBelow(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  it.each([
    [
      "superseded",
      { [`dev/${A}.ends`]: "exp=2026-11-22T00:00:00Z&next=k_0123456789ab" },
      "k_aaaaaaaaaaaa is superseded, succeeded by k_0123456789ab",
    ],
    ["revoked", { [`dev/${A}.revoked`]: "at=2026-11-20T09:00:00Z" }, "k_aaaaaaaaaaaa is revoked"],
    ["expired", { [`dev/${A}`]: "dev/alice?exp=2026-11-20T10:00:00Z" }, "k_aaaaaaaaaaaa is expired"],
    ["unusable", { [`dev/${A}`]: "garbage" }, "k_aaaaaaaaaaaa is unusable"],
  ])("refuses a key that is %s, and by its user leaves it alone", async (_what, planted, message) => {
    for (const [label, value] of Object.entries(planted)) store.plant(label, value);
    const before = await entries();
    expect(await rotate([ID_A, "--yes", "-o", "token"])).toEqual({
      code: 3,
      out: "",
      err: `error: ${message}\n  Only an active key is rotated; make another with \`mcpctl keys create\`.\n`,
    });
    expect(await rotate(["--role", "dev", "--yes", "-o", "token"])).toEqual({
      code: 0,
      out: "",
      err: `Left alone: ${message}.\nNothing to rotate.\n`,
    });
    expect(await entries()).toEqual(before);
  });

  it.each([
    [
      ["--grace", "1y"],
      2,
      '--grace "1y" is not a duration\n  Write an integer and s, m, h or d: 30m, 24h, 90d; at most 36500d.',
    ],
    [
      ["--ttl", "400d"],
      3,
      "--ttl 400d is longer than the maximum of 365d\n  Ask for at most 365d, or raise keys.maxTtl in mcpctl.yaml.",
    ],
    [["--out", "roles.yaml"], 3, "roles.yaml exists already\n  Name a new file; an existing one is never overwritten."],
  ])("with %o changes nothing", async (more, code, message) => {
    expect(await rotate([ID_A, "--yes", "-o", "token", ...more])).toEqual({
      code,
      out: "",
      err: `error: ${message}\n`,
    });
    expect(await entries()).toEqual({ [`dev/${A}`]: "dev/alice" });
  });

  it("off a terminal without a place for the token changes nothing: exit 2", async () => {
    const { code, out } = await rotate([ID_A, "--yes"]);
    expect([code, out, await entries()]).toEqual([2, "", { [`dev/${A}`]: "dev/alice" }]);
  });

  it("takes all that end within a span, of everybody or of some", async () => {
    store.plant(`dev/${A}`, "dev/alice?exp=2026-11-30T00:00:00Z");
    store.plant(`dev/${B}`, "dev/bob?exp=2026-11-25T00:00:00Z");
    store.plant(`dev/${C}`, "dev/carol");
    const ids = async (...argv: readonly string[]): Promise<unknown> =>
      (JSON.parse((await rotate([...argv, "--dry-run", "-o", "json"])).out) as { id: string }[]).map(({ id }) => id);
    expect(await ids("--expiring", "14d")).toEqual([ID_A, ID_B]);
    expect(await ids("--expiring", "7d")).toEqual([ID_B]);
    expect(await ids("--expiring", "14d", "--user", "alice")).toEqual([ID_A]);
    expect(await ids("--expiring", "1h")).toEqual([]);
    expect(await rotate(["--dry-run"])).toMatchObject({ code: 2 });
    expect(await rotate(["--expiring", "soon", "--dry-run"])).toMatchObject({ code: 2 });
  });

  it("never lets an old key outlive its own end for the sake of a grace period", async () => {
    store.plant(`dev/${A}`, "dev/alice?exp=2026-11-20T12:00:00Z");
    expect(await rotate([ID_A, "--yes", "-o", "token", "--grace", "48h"])).toMatchObject({
      code: 0,
      err: expect.stringContaining("the old key works until 2026-11-20T12:00:00Z"),
    });
  });

  it("goes on with the others when one of many was rotated by somebody else meanwhile: exit 3", async () => {
    store.plant(`dev/${B}`, "dev/bob");
    let minted = 0;
    const { code, out, err } = await rotate(["--role", "dev", "--yes", "-o", "json"], {
      randomBytes: (length) => {
        minted += 1;
        if (minted === 1) store.plant(`dev/${A}.ends`, "exp=2026-11-20T11:00:00Z&next=k_0123456789ab");
        return new Uint8Array(length).fill(minted);
      },
    });
    expect({
      code,
      users: out
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { user: string }).user),
    }).toEqual({
      code: 3,
      users: ["bob"],
    });
    expect(err).toContain(`Not rotated: ${ID_A} was rotated by somebody else, to k_0123456789ab;`);
  });

  it("refuses a form for one key when several would be rotated", async () => {
    store.plant(`dev/${B}`, "dev/bob");
    expect(await rotate(["--role", "dev", "--yes", "-o", "claude"])).toMatchObject({
      code: 2,
      err: "error: -o claude holds one key, and 2 would be rotated\n  Use -o json, which writes one object a line, or name one key.\n",
    });
  });

  it("refuses a key whose role is no longer in the role file", async () => {
    store.plant(`qa/${B}`, "qa/bob");
    expect(await rotate([ID_B, "--yes", "-o", "token"])).toMatchObject({
      code: 3,
      err: 'error: there is no role "qa" in roles.yaml\n  It has: dev.\n',
    });
    expect(Object.keys(await entries())).toEqual([`dev/${A}`, `qa/${B}`]);
  });
});

describe("the question", () => {
  const asked = `${WHERE}  ${ID_A}  dev/alice  active\n`;

  it("answered yes rotates, and no changes nothing", async () => {
    expect(await rotate([ID_A, "-o", "token"], { answers: ["n"] })).toEqual({
      code: 2,
      out: "",
      err: `${asked}error: declined; nothing was changed\n`,
    });
    expect(await entries()).toEqual({ [`dev/${A}`]: "dev/alice" });
    expect(await rotate([ID_A, "-o", "token"], { answers: ["y"] })).toEqual({
      code: 0,
      out: `${token}\n`,
      err: `${asked}${rotated(ID_A, FIRST.id)}${WENT}`,
    });
  });

  it("is spared by --dry-run, which writes nothing", async () => {
    expect(await rotate([ID_A, "--dry-run"])).toEqual({
      code: 0,
      out: `${ID_A}\tdev\talice\twould_rotate\t2026-11-21T10:00:00Z\n`,
      err: `Dry run: 1 of 1 keys (of 1 user) in memory would be rotated, the old ones ending after 24h; nothing was changed.\n`,
    });
    expect(store.asked).toEqual(["list"]);
  });

  it("is spared by --dry-run, which tells in JSON as well", async () => {
    store.plant(`dev/${B}`, "dev/bob?exp=2020-01-01T00:00:00Z");
    const { code, out, err } = await rotate(["--role", "dev", "--dry-run", "-o", "json", "--grace", "1h"]);
    expect({ code, err, data: JSON.parse(out) as unknown }).toEqual({
      code: 0,
      err: `Left alone: ${ID_B} is expired.\nDry run: 1 of 2 keys (of 1 user) in memory would be rotated, the old ones ending after 1h; nothing was changed.\n`,
      data: [{ id: ID_A, role: "dev", user: "alice", result: "would_rotate", old_ends_at: "2026-11-20T11:00:00Z" }],
    });
  });
});

describe("what happens while the question is open", () => {
  const REVOKED = "at=2026-11-20T10:00:00Z";
  /** Answers yes after `meanwhile`. */
  const askedDuring = (meanwhile: () => void): RunOptions => ({
    ports: { confirm: async () => meanwhile() },
  });
  const revokeA = (): void => store.plant(`dev/${A}.revoked`, REVOKED);

  it("a revocation of the one key leaves nothing to rotate: exit 3, nothing printed", async () => {
    expect(await rotate([ID_A, "-o", "token"], askedDuring(revokeA))).toEqual({
      code: 3,
      out: "",
      err: `error: ${ID_A} is revoked\n  Only an active key is rotated; make another with \`mcpctl keys create\`.\n`,
    });
    expect(await entries()).toEqual({ [`dev/${A}`]: "dev/alice", [`dev/${A}.revoked`]: REVOKED });
  });

  it("a revocation of all that a selector meant leaves nothing to rotate, not even a file", async () => {
    expect(await rotate(["--user", "alice", "--out", "t"], askedDuring(revokeA))).toEqual({
      code: 0,
      out: "",
      err: `Left alone: ${ID_A} is revoked.\nNothing to rotate.\n`,
    });
    expect(await entries()).toEqual({ [`dev/${A}`]: "dev/alice", [`dev/${A}.revoked`]: REVOKED });
    expect(await filesBelow(project.cwd)).toEqual(["backends.yaml", "roles.yaml"]);
  });

  it("a revocation of one of two rotates the other", async () => {
    store.plant(`dev/${B}`, "dev/bob");
    const { code, out, err } = await rotate(["--role", "dev", "-o", "token"], askedDuring(revokeA));
    expect({ code, out, err }).toEqual({
      code: 0,
      out: `${token}\n`,
      err: `Left alone: ${ID_A} is revoked.\n${rotated(ID_B, FIRST.id, undefined, "bob")}${WENT}`,
    });
    expect(Object.keys(await entries())).toEqual([`dev/${A}`, `dev/${B}`, `dev/${A}.revoked`, NEW, `dev/${B}.ends`]);
  });

  it("a key that is made is not rotated: nobody was asked about it", async () => {
    const make = (): void => store.plant(`dev/${B}`, "dev/bob");
    expect(await rotate(["--role", "dev", "-o", "token"], askedDuring(make))).toEqual({
      code: 0,
      out: `${token}\n`,
      err: `${rotated(ID_A, FIRST.id)}${WENT}`,
    });
    expect(Object.keys(await entries())).toEqual([`dev/${A}`, `dev/${B}`, NEW, `dev/${A}.ends`]);
  });

  it("time passes: grace and life count from the answer on", async () => {
    let now = NOW;
    const anHour = askedDuring(() => (now += 3_600_000));
    const argv = [ID_A, "-o", "token", "--grace", "1h", "--ttl", "2h"];
    expect(await rotate(argv, { ...anHour, now: () => now })).toEqual({
      code: 0,
      out: `${token}\n`,
      err: `${rotated(ID_A, FIRST.id, "2026-11-20T12:00:00Z")}${WENT}`,
    });
    expect(await entries()).toEqual({
      [`dev/${A}`]: "dev/alice",
      [NEW]: "dev/alice?exp=2026-11-20T13:00:00Z",
      [`dev/${A}.ends`]: `exp=2026-11-20T12:00:00Z&next=${FIRST.id}`,
    });
    expect((await historyOf(store, FIRST.hash))[0]?.note?.at).toBe("2026-11-20T11:00:00Z");
  });
});

describe("a rotation that does not come to its end", () => {
  it("because the old key was revoked between the plan and the delivery: no new key, nothing printed", async () => {
    const { code, out, err } = await rotate([ID_A, "--yes", "--out", "t"], {
      randomBytes: (length) => {
        store.plant(`dev/${A}.revoked`, "at=2026-11-20T10:00:00Z");
        return new Uint8Array(length);
      },
    });
    expect({ code, out, err }).toEqual({
      code: 3,
      out: "",
      err: `error: ${ID_A} was revoked while it was rotated; k_d9b6b1321c0b was not delivered, and it was revoked\n`,
    });
    expect(Object.keys(await entries()).at(-1)).toMatch(/^dev\/d9b6.*\.revoked$/);
    expect(await filesBelow(project.cwd)).toEqual(["backends.yaml", "roles.yaml"]);
  });

  it("because somebody was first: the new key is revoked, nothing printed", async () => {
    const { code, out, err } = await rotate([ID_A, "--yes", "--out", "t"], {
      randomBytes: (length) => {
        store.plant(`dev/${A}.ends`, "exp=2026-11-20T11:00:00Z&next=k_0123456789ab");
        return new Uint8Array(length);
      },
    });
    expect({ code, out, err }).toEqual({
      code: 3,
      out: "",
      err: `error: ${ID_A} was rotated by somebody else, to k_0123456789ab; k_d9b6b1321c0b was not delivered, and it was revoked\n  Use their key, or make another with \`mcpctl keys create\`.\n`,
    });
    expect(Object.keys(await entries()).at(-1)).toMatch(/^dev\/d9b6.*\.revoked$/);
    expect(await filesBelow(project.cwd)).toEqual(["backends.yaml", "roles.yaml"]);
  });

  it("because the token cannot be printed: revoked, and told that the old key ends all the same", async () => {
    const { code, out, err } = await rotate([ID_A, "--yes", "-o", "token"], { outFails: systemError("EIO") });
    expect({ code, out, err }).toEqual({
      code: 5,
      out: "",
      err: `error: standard output could not be written (EIO); ${FIRST.id} was not delivered, and it was revoked; ${ID_A} ends at 2026-11-21T10:00:00Z all the same\n  Repeat the command: it makes another successor.\n`,
    });
  });

  it("at the second of two keys: the first is told and its token kept", async () => {
    store.plant(`dev/${B}`, "dev/bob");
    store.failAfter(2, "create", new AppError("forbidden", "aws_access_denied", "denied"));
    const { code, err } = await rotate(["--role", "dev", "--yes", "--out", "tokens"]);
    expect({ code, err }).toEqual({ code: 4, err: `${rotated(ID_A, FIRST.id)}error: denied\n` });
    expect(await readFile(join(project.cwd, "tokens/alice.jsonl"), "utf8")).toContain(token);
    expect(Object.keys(await entries())).toEqual([`dev/${A}`, `dev/${B}`, NEW, `dev/${A}.ends`]);
  });
});
