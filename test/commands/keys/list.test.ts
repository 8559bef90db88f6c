import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { parse } from "yaml";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../../src/commands/cli.ts";
import { registerList } from "../../../src/commands/keys/list.ts";
import { registerShow } from "../../../src/commands/keys/show.ts";
import { AppError } from "../../../src/lib/errors.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { makeProject, type Project } from "../../support/run-cli.ts";

const hash = (digit: string): string => digit.repeat(64);
const TWIN = `${"1".repeat(12)}${"f".repeat(52)}`;
const NOTE = { action: "create", at: "2026-11-01T00:00:00Z", reason: "first day", author: "alice" } as const;

let project: Project;
let store: MemoryStore;
beforeEach(async () => {
  project = await makeProject();
  await appendFile(join(project.cwd, "roles.yaml"), "  dev: [eks-ro]\n");
  store = new MemoryStore();
});
afterEach(() => project.remove());

/** One key in every state, and what is no key. */
function plantAll(): void {
  store.plant("stray", "x");
  store.plant(`dev/${hash("5")}`, "garbage");
  store.plant(`dev/${hash("4")}`, "dev/dave");
  store.plant(`dev/${hash("4")}.revoked`, "garbage");
  store.plant(`dev/${hash("3")}`, "dev/carol?exp=2026-11-01T00:00:00Z");
  store.plant(`dev/${hash("2")}`, "dev/bob");
  store.plant(`dev/${hash("2")}.ends`, "exp=2026-11-21T00:00:00Z&next=k_111111111111");
  store.plant(`dev/${hash("1")}`, "dev/alice?exp=2027-01-01T00:00:00Z", 1, NOTE);
  store.plant(`dev/${hash("6")}`, "dev/erin", 3);
}

const list = (argv: readonly string[] = [], options: Parameters<Project["run"]>[1] = {}) =>
  project.run(["keys", "list", ...argv], { store, ...options });
const show = (argv: readonly string[]) => project.run(["keys", "show", ...argv], { store });
const WARNING = `Warning: dev/${hash("6")} was overwritten after it was made; mcpctl never does that.\n`;

describe("argv", () => {
  it("of list becomes its options", async () => {
    const seen: unknown[] = [];
    const keys = new Command();
    registerList(keys, { show: async () => undefined } as unknown as Cli, async (options) => {
      seen.push({ ...options });
      return {};
    });
    await keys.parseAsync(["list", "--role", "a", "--user", "b", "--state", "active", "-o", "name"], { from: "user" });
    await keys.parseAsync(["list"], { from: "user" });
    expect(seen[0]).toEqual({ role: "a", user: "b", state: "active", output: "name" });
  });

  it("of show becomes its id", async () => {
    const seen: unknown[] = [];
    const keys = new Command();
    registerShow(keys, { show: async () => undefined } as unknown as Cli, async (id) => {
      seen.push(id);
      return {};
    });
    await keys.parseAsync(["show", "k_1", "-o", "json"], { from: "user" });
    expect(seen).toEqual(["k_1"]);
  });
});

describe("keys list", () => {
  it("tells the state of every key, what is foreign, and what was overwritten", async () => {
    plantAll();
    expect(await list()).toEqual({
      code: 0,
      out: [
        "k_111111111111\tdev\talice\tactive\t2027-01-01T00:00:00Z\ttester\tfirst day\t",
        "k_666666666666\tdev\terin\tactive\tnever\t-\t\toverwritten by somebody",
        "k_222222222222\tdev\tbob\tsuperseded\t2026-11-21T00:00:00Z\ttester\t\tsucceeded by k_111111111111",
        "k_333333333333\tdev\tcarol\texpired\t2026-11-01T00:00:00Z\ttester\t\t",
        "k_444444444444\tdev\tdave\trevoked\tnever\ttester\t\t",
        "k_555555555555\tdev\t-\tunusable\tnever\ttester\t\tits record cannot be read",
        "-\t-\t-\tunusable\t-\t-\t\tstray is no key entry",
        "",
      ].join("\n"),
      err: WARNING,
    });
  });

  it("aligns them under a header on a terminal, in colour unless told not to", async () => {
    store.plant(`dev/${hash("1")}`, "dev/alice");
    const rows = "k_111111111111  dev   alice  active  never  tester\n";
    const header = "KEY             ROLE  USER   STATE   ENDS   CREATED BY\n";
    const bold = header.replace(/[A-Z]+(?: BY)?/g, "\u001b[1m$&\u001b[22m");
    expect((await list([], { outIsTerminal: true })).out).toBe(`${bold}${rows}`);
    for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
      expect((await list([], { outIsTerminal: true, env })).out).toBe(`${header}${rows}`);
    }
    expect((await list([], { outIsTerminal: true, env: { NO_COLOR: "" } })).out).toBe(`${bold}${rows}`);
    expect((await project.run(["--no-color", "keys", "list"], { store, outIsTerminal: true })).out).toBe(
      `${header}${rows}`,
    );
  });

  it.each([
    ["json", (text: string): unknown => JSON.parse(text)],
    ["yaml", (text: string): unknown => parse(text)],
  ])("prints whole data as %s", async (form, read) => {
    store.plant(`dev/${hash("2")}`, "dev/bob");
    store.plant(`dev/${hash("2")}.ends`, "exp=2026-11-21T00:00:00Z&next=k_111111111111");
    store.plant("stray", "x");
    expect(read((await list(["-o", form])).out)).toEqual([
      {
        id: "k_222222222222",
        hash: hash("2"),
        role: "dev",
        user: "bob",
        state: "superseded",
        expires_at: null,
        ends_at: "2026-11-21T00:00:00Z",
        next: "k_111111111111",
        revoked_at: null,
        problem: null,
        overwritten: [],
        created_at: "2026-11-20T10:00:00Z",
        created_by: "tester",
        reason: null,
        role_known: true,
      },
      { id: null, label: "stray", state: "unusable", problem: "it is no key entry" },
    ]);
  });

  it.each([
    [["--state", "active"], "k_111111111111\nk_666666666666\n"],
    [["--state", "unusable"], "k_555555555555\n"],
    [["--user", "bob"], "k_222222222222\n"],
    [["--role", "dev", "--user", "dave"], "k_444444444444\n"],
    [["--role", "oncall"], ""],
  ])("picks by %o", async (argv, out) => {
    plantAll();
    expect((await list([...argv, "-o", "name"])).out).toBe(out);
  });

  it("picks a key under two roles by either, and by each user that it claims, as revoke does", async () => {
    store.plant(`dev/${hash("5")}`, "dev/dave");
    store.plant(`oncall/${hash("5")}`, "oncall/erin");
    for (const argv of [
      ["--role", "dev"],
      ["--role", "oncall"],
      ["--user", "dave"],
      ["--user", "erin"],
    ]) {
      expect((await list([...argv, "-o", "name"])).out).toBe("k_555555555555\n");
    }
    expect((await list(["--user", "alice", "-o", "name"])).out).toBe("");
  });

  it("tells of a key that only another folder's marker revokes", async () => {
    store.plant(`dev/${hash("1")}`, "dev/alice");
    store.plant(`oncall/${hash("1")}.revoked`, "garbage");
    expect((await list()).out).toBe(
      "k_111111111111\tdev\talice\trevoked\tnever\ttester\t\trevoked in the folder of oncall and not in that of dev; revoke it again\n",
    );
    store.plant(`dev/${hash("1")}.revoked`, "at=2026-11-20T10:00:00Z");
    expect((await list()).out).toBe("k_111111111111\tdev\talice\trevoked\t2026-11-20T10:00:00Z\ttester\t\t\n");
  });

  it("warns of ids that several keys share", async () => {
    store.plant(`dev/${hash("1")}`, "dev/alice");
    store.plant(`dev/${TWIN}`, "dev/mallory");
    expect((await list()).err).toBe("Warning: several keys share the id k_111111111111; revoke acts on all of them.\n");
  });

  it.each([
    [[], ""],
    [["-o", "json"], "[]\n"],
    [["-o", "name"], ""],
  ])("of none that match, with %o, prints %j and tells how many there are", async (argv, out) => {
    plantAll();
    expect(await list([...argv, "--user", "nobody"])).toEqual({
      code: 0,
      out,
      err: "None of the 6 keys in memory match.\n",
    });
  });

  it.each([
    [[], ""],
    [["-o", "json"], "[]\n"],
    [["-o", "yaml"], "[]\n"],
    [["-o", "name"], ""],
  ])("of nothing with %o prints %j", async (argv, out) => {
    expect(await list(argv)).toEqual({ code: 0, out, err: "No keys in memory.\n" });
  });

  it("of a store that was never made is empty, and makes none", async () => {
    expect(await project.run(["keys", "list", "-o", "json"])).toEqual({
      code: 0,
      out: "[]\n",
      err: "No keys in file .mcpctl/keys.json.\n",
    });
  });

  it.each([
    ["a folder", (path: string) => mkdir(path), "is a folder"],
    ["no JSON", (path: string) => writeFile(path, "oops"), "is not a keys.json: not JSON"],
    [
      "a name twice",
      (path: string) => writeFile(path, '{"a":"1","a":"1"}'),
      'is not a keys.json: the name "a" stands twice',
    ],
    ["no UTF-8", (path: string) => writeFile(path, Uint8Array.of(0xff)), "is not UTF-8"],
  ])("of a keys.json that is %s fails with 3, as JSON when asked", async (_what, spoil, message) => {
    await mkdir(join(project.cwd, ".mcpctl"));
    await spoil(join(project.cwd, ".mcpctl/keys.json"));
    const { code, out, err } = await project.run(["keys", "list", "-o", "json"]);
    const { error } = JSON.parse(err) as { error: { kind: string; message: string } };
    expect({ code, out, kind: error.kind, told: error.message.includes(message) }).toEqual({
      code: 3,
      out: "",
      kind: "invalid",
      told: true,
    });
  });
});

describe("keys list of many", () => {
  const DAYS = (count: number): string =>
    `2026-1${count < 11 ? 1 : 2}-${String(count < 11 ? 20 + count : count - 10).padStart(2, "0")}T10:00:00Z`;

  it("exits 1 when active keys are about to end, and names them; a rotated key is not meant", async () => {
    store.plant(`dev/${hash("1")}`, `dev/alice?exp=${DAYS(5)}`);
    store.plant(`dev/${hash("2")}`, `dev/bob?exp=${DAYS(5)}`);
    store.plant(`dev/${hash("2")}.ends`, `exp=${DAYS(1)}&next=k_111111111111`);
    store.plant(`dev/${hash("3")}`, `dev/carol?exp=${DAYS(20)}`);
    store.plant(`dev/${hash("4")}`, "dev/dave");
    expect(await list(["--expiring", "14d", "-o", "name"])).toMatchObject({ code: 1, out: "k_111111111111\n" });
    expect(await list(["--expiring", "4d", "-o", "name"])).toMatchObject({ code: 0, out: "" });
    expect(await list(["--expiring", "5d", "--user", "bob"])).toMatchObject({ code: 0, out: "" });
    expect(await list(["--expiring", "soon"])).toMatchObject({ code: 2 });
  });

  it("finds keys by their age, and those whose age nobody knows", async () => {
    let now = Date.parse("2026-08-01T00:00:00Z");
    store = new MemoryStore({ now: () => now });
    store.plant(`dev/${hash("1")}`, "dev/alice");
    now = Date.parse("2026-11-19T00:00:00Z");
    store.plant(`dev/${hash("2")}`, "dev/bob");
    store.plant(`dev/${hash("3")}`, "dev/carol", 2);
    expect((await list(["--older-than", "90d", "-o", "name"])).out).toBe("k_111111111111\nk_333333333333\n");
    expect((await list(["--older-than", "1s", "-o", "name"])).out.split("\n")).toHaveLength(4);
    expect(await list(["--older-than", "0s"])).toMatchObject({ code: 2 });
  });

  it.each([
    [[], "k_333333333333 k_111111111111 k_222222222222"],
    [["--sort", "user"], "k_111111111111 k_222222222222 k_333333333333"],
    [["--sort", "role"], "k_333333333333 k_111111111111 k_222222222222"],
    [["--sort", "ends"], "k_222222222222 k_111111111111 k_333333333333"],
    [["--sort", "created"], "k_222222222222 k_111111111111 k_333333333333"],
    [["--sort", "state"], "k_333333333333 k_111111111111 k_222222222222"],
  ])("sorts with %o", async (argv, order) => {
    let now = Date.parse("2026-08-02T00:00:00Z");
    store = new MemoryStore({ now: () => now });
    store.plant(`dev/${hash("1")}`, "dev/alice?exp=2027-01-01T00:00:00Z");
    now = Date.parse("2026-08-01T00:00:00Z");
    store.plant(`dev/${hash("2")}`, "dev/bob?exp=2026-11-01T00:00:00Z");
    now = Date.parse("2026-08-03T00:00:00Z");
    store.plant(`aaa/${hash("3")}`, "aaa/carol");
    expect((await list([...argv, "-o", "name"])).out.trim().replaceAll("\n", " ")).toBe(order);
  });

  it("warns of roles that are gone, of users with many keys, and of successors that cannot be used", async () => {
    for (const digit of "123456") store.plant(`dev/${hash(digit)}`, "dev/alice");
    store.plant(`gone/${hash("7")}`, "gone/bob");
    store.plant(`gone/${hash("8")}`, "gone/carol?exp=2026-11-01T00:00:00Z");
    store.plant(`dev/${hash("9")}`, "dev/dave");
    store.plant(`dev/${hash("9")}.ends`, "exp=2026-11-21T00:00:00Z&next=k_aaaaaaaaaaaa");
    const { out, err } = await list();
    expect(err).toBe(
      "Warning: 1 live key of roles that are gone: gone.\n" +
        "Warning: the successor of k_999999999999 cannot be used; repeat the rotation, or make new keys.\n" +
        "Warning: more than 5 live keys each: alice (6).\n",
    );
    expect(out).toContain("k_777777777777\tgone\tbob\tactive\tnever\ttester\t\tits role is gone\n");
    expect(out).toContain("k_888888888888\tgone\tcarol\texpired\t2026-11-01T00:00:00Z\ttester\t\t\n");
  });

  it("does without the role file, and says so", async () => {
    await writeFile(join(project.cwd, "roles.yaml"), "roleMapping: [");
    store.plant(`dev/${hash("1")}`, "dev/alice");
    const { code, out, err } = await list();
    expect({ code, out }).toEqual({ code: 0, out: "k_111111111111\tdev\talice\tactive\tnever\ttester\t\t\n" });
    expect(err).toMatch(/^Not compared with the role file: roles\.yaml:/);
  });

  it("shows a dash for who made a key where that may not be read, and names the right", async () => {
    store.plant(`dev/${hash("1")}`, "dev/alice");
    const denied = "ssm:DescribeParameters on * was refused: the AWS identity in use lacks that right.";
    store.failNext("history", new AppError("forbidden", "aws_access_denied", denied));
    expect(await list()).toEqual({
      code: 0,
      out: "k_111111111111\tdev\talice\tactive\tnever\t-\t\t\n",
      err: `Who made and changed what is not shown: ${denied}\n`,
    });
    store.failNext("history", new AppError("unavailable", "aws_failing", "down"));
    expect(await list()).toMatchObject({ code: 5 });
  });

  it("reads one folder where the whole may not be read and a role is named", async () => {
    store.plant(`dev/${hash("1")}`, "dev/alice");
    store.plant(`ops/${hash("2")}`, "ops/bob");
    const denied = new AppError("forbidden", "aws_access_denied", "you may not list everything");
    store.failNext("list", denied);
    expect(await list(["--role", "dev", "-o", "name"])).toEqual({
      code: 0,
      out: "k_111111111111\n",
      err: "Only the folder of role dev was read: you may not list everything\n",
    });
    store.failNext("list", denied);
    expect(await list([])).toMatchObject({ code: 4 });
  });

  it("shortens identities of AWS in tables, not in JSON", async () => {
    const arn = "arn:aws:sts::111122223333:assumed-role/oncall/alice";
    store = new MemoryStore({ by: arn });
    store.plant(`dev/${hash("1")}`, "dev/alice");
    expect((await list()).out).toContain("\toncall/alice\t");
    expect(JSON.parse((await list(["-o", "json"])).out)).toMatchObject([{ created_by: arn }]);
  });

  it("prints CSV with a header, quoted where it must be, and nothing that a spreadsheet would run", async () => {
    const note = { action: "create", at: "2026-11-01T00:00:00Z", author: "x" } as const;
    store.plant(`dev/${hash("1")}`, "dev/alice", 1, { ...note, reason: 'a "b", c' });
    store.plant(`dev/${hash("2")}`, "dev/bob", 1, { ...note, reason: "=HYPERLINK(1)" });
    expect((await list(["-o", "csv"])).out).toBe(
      "KEY,ROLE,USER,STATE,ENDS,CREATED BY,REASON,REMARK\r\n" +
        'k_111111111111,dev,alice,active,never,tester,"a ""b"", c",\r\n' +
        "k_222222222222,dev,bob,active,never,tester,'=HYPERLINK(1),\r\n",
    );
  });

  it("draws more rows than the library draws at a time as one table", async () => {
    const count = 47;
    for (let number = 0; number < count; number += 1)
      store.plant(`dev/${number.toString(16).padStart(2, "0").repeat(32)}`, `dev/agent-${"x".repeat(number % 13)}`);
    const lines = (await list([], { outIsTerminal: true, env: { NO_COLOR: "1" } })).out.trimEnd().split("\n");
    expect(lines).toHaveLength(count + 1);
    expect(new Set(lines.slice(1).map((line) => line.indexOf("active")))).toEqual(
      new Set([lines[0]?.indexOf("STATE")]),
    );
  });
});

describe("keys show", () => {
  it("tells a key and its history", async () => {
    plantAll();
    expect(await show(["k_111111111111"])).toEqual({
      code: 0,
      out: `Key:         k_111111111111
Hash:        ${hash("1")}
Role:        dev
User:        alice
State:       active
Expires:     2027-01-01T00:00:00Z
Predecessor: k_222222222222
History:     2026-11-20T10:00:00Z created by tester: first day
`,
      err: "",
    });
  });

  it("tells every fact of a key that is superseded, overwritten and revoked with garbage", async () => {
    store.plant(`dev/${hash("2")}`, "dev/bob?exp=2027-01-01T00:00:00Z", 2);
    store.plant(`dev/${hash("2")}.ends`, "exp=2026-11-21T00:00:00Z&next=k_111111111111");
    store.plant(`dev/${hash("2")}.revoked`, "at=2026-11-19T00:00:00Z");
    expect((await show(["k_222222222222"])).out).toBe(`Key:         k_222222222222
Hash:        ${hash("2")}
Role:        dev
User:        bob
State:       revoked
Expires:     2027-01-01T00:00:00Z
Ends:        2026-11-21T00:00:00Z
Successor:   k_111111111111
Revoked:     2026-11-19T00:00:00Z
Overwritten: dev/${hash("2")}
History:     2026-11-20T10:00:00Z created by tester
History:     2026-11-20T10:00:00Z rotated by tester
History:     2026-11-20T10:00:00Z revoked by tester
`);
  });

  it("shows all keys that share an id, and warns", async () => {
    store.plant(`dev/${hash("1")}`, "dev/alice");
    store.plant(`dev/${TWIN}`, "dev/mallory");
    const { out, err } = await show(["k_111111111111", "-o", "name"]);
    expect([out, err]).toEqual([
      "k_111111111111\nk_111111111111\n",
      "Warning: 2 keys share this id; somebody made them so.\n",
    ]);
  });

  it("prints whole data as JSON", async () => {
    plantAll();
    expect(JSON.parse((await show(["k_555555555555", "-o", "json"])).out)).toEqual([
      {
        id: "k_555555555555",
        hash: hash("5"),
        role: "dev",
        user: null,
        state: "unusable",
        expires_at: null,
        ends_at: null,
        next: null,
        revoked_at: null,
        problem: "its record cannot be read",
        overwritten: [],
        predecessors: [],
        history: [
          { entry: "record", action: null, by: "tester", author: null, at: "2026-11-20T10:00:00Z", reason: null },
        ],
      },
    ]);
  });

  it("shows a key whose history may not be read, and says so", async () => {
    plantAll();
    store.failNext("history", new AppError("forbidden", "aws_access_denied", "you may not describe parameters"));
    expect(await show(["k_666666666666", "-o", "name"])).toEqual({
      code: 0,
      out: "k_666666666666\n",
      err: "Who made and changed what is not shown: you may not describe parameters.\n",
    });
    store.failNext("history", new AppError("unavailable", "aws_failing", "down"));
    expect((await show(["k_666666666666"])).code).toBe(5);
  });

  it("shows no control characters of a stranger's note", async () => {
    store.plant(`dev/${hash("1")}`, "dev/alice", 1, { ...NOTE, reason: "a\u001b[2Jb" });
    expect((await show(["k_111111111111"])).out).toContain("created by tester: a\\u001b[2Jb\n");
  });

  it.each([
    [["k_00000000000f"], 3],
    [["nonsense"], 3],
    [[], 2],
  ])("of %o exits with %i", async (argv, code) => {
    expect(await show(argv)).toMatchObject({ code, out: "" });
  });
});
