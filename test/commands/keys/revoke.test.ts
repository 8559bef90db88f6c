import { access, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../../src/commands/cli.ts";
import type { Ports } from "../../../src/commands/ports.ts";
import { registerRevoke } from "../../../src/commands/keys/revoke.ts";
import type { RevokeOptions } from "../../../src/commands/keys/revocation.ts";
import { AppError } from "../../../src/lib/errors.ts";
import { systemError } from "../../support/memory-io.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { createEntry } from "../../../src/lib/keys/key-store.ts";
import { historyOf } from "../../support/history-of.ts";
import { makeProject, mintedKeys, NOW, type Project } from "../../support/run-cli.ts";

const [A, B, C] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [string, string, string];
const TWIN = `${"a".repeat(12)}${"0".repeat(52)}`;
const [ID_A, ID_B, ID_C] = ["k_aaaaaaaaaaaa", "k_bbbbbbbbbbbb", "k_cccccccccccc"] as const;
const WHERE = "Context default: memory.\n";

let project: Project;
let store: MemoryStore;
beforeEach(async () => {
  project = await makeProject();
  store = new MemoryStore();
  store.plant(`dev/${A}`, "dev/alice");
  store.plant(`dev/${B}`, "dev/bob?exp=2027-01-01T00:00:00Z");
  store.plant(`oncall/${C}`, "oncall/alice");
});
afterEach(() => project.remove());

const revoke = (argv: readonly string[], options: Parameters<Project["run"]>[1] = {}) =>
  project.run(["keys", "revoke", ...argv], { store, ...options });
const revoked = async (): Promise<readonly string[]> =>
  (await store.list()).map(({ label }) => label).filter((label) => label.endsWith(".revoked"));
const writes = (): readonly string[] => store.asked.filter((call) => call.startsWith("create") || call === "verify");

describe("argv", () => {
  it.each([
    [[], { id: null, timeout: "2m", wait: true }],
    [
      ["k_1", "--dry-run", "-y", "--reason", "x"],
      { id: "k_1", dryRun: true, yes: true, reason: "x", timeout: "2m", wait: true },
    ],
    [
      ["--user", "a", "--role", "b", "-o", "json", "--no-wait"],
      { id: null, user: "a", role: "b", output: "json", timeout: "2m", wait: false },
    ],
  ])("%o becomes %o", async (argv, expected) => {
    const seen: RevokeOptions[] = [];
    const keys = new Command();
    registerRevoke(keys, { show: async () => undefined } as unknown as Cli, async (options) => {
      seen.push({ ...options });
      return {};
    });
    await keys.parseAsync(["revoke", ...argv], { from: "user" });
    expect(seen).toEqual([expected]);
  });
});

describe("keys revoke", () => {
  it("revokes beside its record what only another folder's marker revokes, and says so before", async () => {
    store.plant(`oncall/${A}.revoked`, "at=2026-11-20T09:00:00Z");
    expect((await revoke([ID_A, "--dry-run", "-o", "json"])).out).toContain('"result": "would_revoke"');
    expect(await revoke([ID_A, "--yes"])).toEqual({
      code: 0,
      out: `${ID_A}\tdev\talice\trevoked\t2026-11-20T10:00:00Z\n`,
      err: `Revoked ${ID_A}.\n${WHERE}`,
    });
    expect(await revoked()).toEqual([`oncall/${A}.revoked`, `dev/${A}.revoked`]);
    expect((await revoke([ID_A, "--yes"])).err).toBe(`${ID_A} was already revoked at 2026-11-20T09:00:00Z.\n${WHERE}`);
  });

  it("ends a key by its id, and reads it back", async () => {
    expect(await revoke([ID_A, "--yes", "--reason", "pasted into a ticket"])).toEqual({
      code: 0,
      out: `${ID_A}\tdev\talice\trevoked\t2026-11-20T10:00:00Z\n`,
      err: `Revoked ${ID_A}.\n${WHERE}`,
    });
    expect(await revoked()).toEqual([`dev/${A}.revoked`]);
    const history = await historyOf(store, A);
    expect(history[1]?.note).toEqual({
      action: "revoke",
      at: "2026-11-20T10:00:00Z",
      author: "tester",
      reason: "pasted into a ticket",
    });
    expect(writes()).toEqual(["verify", `create dev/${A}.revoked`]);
  });

  it.each([
    [
      ["--user", "alice"],
      [`dev/${A}.revoked`, `oncall/${C}.revoked`],
    ],
    [
      ["--role", "dev"],
      [`dev/${A}.revoked`, `dev/${B}.revoked`],
    ],
    [["--user", "alice", "--role", "oncall"], [`oncall/${C}.revoked`]],
  ])("ends every key of %o", async (argv, markers) => {
    expect((await revoke([...argv, "--yes"])).code).toBe(0);
    expect(await revoked()).toEqual(markers);
  });

  it("says the second time when the first was, and asks and writes nothing", async () => {
    store.plant(`dev/${A}.revoked`, "at=2026-11-19T08:00:00Z");
    expect(await revoke([ID_A])).toEqual({
      code: 0,
      out: `${ID_A}\tdev\talice\talready_revoked\t2026-11-19T08:00:00Z\n`,
      err: `${ID_A} was already revoked at 2026-11-19T08:00:00Z.\n${WHERE}`,
    });
    expect(writes()).toEqual(["verify"]);
  });

  it("takes a marker with garbage in it for a revocation of unknown time", async () => {
    store.plant(`dev/${A}.revoked`, "garbage");
    expect(await revoke([ID_A])).toEqual({
      code: 0,
      out: `${ID_A}\tdev\talice\talready_revoked\t-\n`,
      err: `${ID_A} was already revoked.\n${WHERE}`,
    });
  });

  it("ends all keys that share an id", async () => {
    store.plant(`dev/${TWIN}`, "dev/mallory");
    expect((await revoke([ID_A, "--yes"])).out).toBe(
      `${ID_A}\tdev\talice\trevoked\t2026-11-20T10:00:00Z\n${ID_A}\tdev\tmallory\trevoked\t2026-11-20T10:00:00Z\n`,
    );
    expect(await revoked()).toEqual([`dev/${A}.revoked`, `dev/${TWIN}.revoked`]);
  });

  it("ends a key whose record is unusable, by where it lies and by what it claims", async () => {
    const [unreadable, claiming] = ["d", "e"].map((digit) => digit.repeat(64));
    store.plant(`qa/${unreadable}`, "garbage");
    store.plant(`qa/${claiming}`, "dev/carol");
    expect((await revoke(["--role", "qa", "--yes"])).out).toBe(
      "k_dddddddddddd\tqa\t-\trevoked\t2026-11-20T10:00:00Z\nk_eeeeeeeeeeee\tqa\tcarol\trevoked\t2026-11-20T10:00:00Z\n",
    );
  });

  it.each([
    [["k_00000000000f", "--yes"], 3, "no key matches k_00000000000f\n  See them all with `mcpctl keys list`."],
    [["k_aaaaaaaaaaab", "--yes"], 3, "no key matches k_aaaaaaaaaaab\n  Did you mean k_aaaaaaaaaaaa?"],
    [["--user", "alcie", "--yes"], 3, "no key matches user alcie\n  Did you mean alice?"],
    [
      ["bWNwa18wMDAw", "--yes"],
      3,
      "that is not a key id\n  A key id is k_ and 12 hex characters, as `mcpctl keys list` shows them. Never pass a token as an argument.",
    ],
    [["--yes"], 2, "no key was named\n  Give a key id, or --user, --role or both."],
  ])("%o is no key: exit %i", async (argv, code, message) => {
    expect(await revoke(argv)).toEqual({ code, out: "", err: `error: ${message}\n` });
    expect(writes()).toEqual([]);
  });
});

describe("the question", () => {
  const asked = `Context default: memory.\n  ${ID_A}  dev/alice  active\n`;

  it.each([["y"], ["yes"], [" Y "], ["YES"]])("answered %j revokes", async (answer) => {
    expect(await revoke([ID_A], { answers: [answer] })).toMatchObject({
      code: 0,
      err: `${asked}Revoked ${ID_A}.\n${WHERE}`,
    });
  });

  it.each([["n"], [""], ["no"], ["yess"], [ID_A]])(
    "answered %j, an end of input included, changes nothing: exit 2",
    async (answer) => {
      expect(await revoke([ID_A], { answers: [answer] })).toEqual({
        code: 2,
        out: "",
        err: `${asked}error: declined; nothing was changed\n`,
      });
      expect(writes()).toEqual([]);
    },
  );

  it("off a terminal is not asked: exit 2", async () => {
    expect(await revoke([ID_A])).toEqual({
      code: 2,
      out: "",
      err: "error: this must be confirmed, and there is no terminal to ask on\n  Add --yes, once you are sure of what it does.\n",
    });
    expect(writes()).toEqual([]);
  });

  it("shows all that will be hit, what is revoked already included", async () => {
    store.plant(`oncall/${C}.revoked`, "at=2026-11-19T08:00:00Z");
    const { err } = await revoke(["--user", "alice"], { answers: ["n"] });
    expect(err).toBe(
      `Context default: memory.\n  ${ID_A}  dev/alice  active\n  ${ID_C}  oncall/alice  revoked at 2026-11-19T08:00:00Z\nerror: declined; nothing was changed\n`,
    );
  });

  it("shows when a key would end anyway", async () => {
    const { err } = await revoke([ID_B], { answers: ["n"] });
    expect(err).toContain(`  ${ID_B}  dev/bob  active until 2027-01-01T00:00:00Z\n`);
  });
});

describe("--dry-run", () => {
  it("tells and writes nothing", async () => {
    store.plant(`oncall/${C}.revoked`, "at=2026-11-19T08:00:00Z");
    expect(await revoke(["--user", "alice", "--dry-run"])).toEqual({
      code: 0,
      out: `${ID_A}\tdev\talice\twould_revoke\t-\n${ID_C}\toncall\talice\talready_revoked\t2026-11-19T08:00:00Z\n`,
      err: "Dry run: 1 of 2 keys in memory would be revoked; nothing was changed.\n",
    });
    expect(store.asked).toEqual(["list"]);
  });
});

describe("keys made while a revocation runs", () => {
  const NEW = "d".repeat(64);
  const argv = ["--user", "alice", "-o", "name"];
  const during = (user: string, more: Partial<Ports> = {}): Parameters<Project["run"]>[1] => ({
    ports: { confirm: async () => store.plant(`dev/${NEW}`, `dev/${user}`), ...more },
  });
  const told = `Revoked ${ID_A}.\nRevoked ${ID_C}.\n${WHERE}`;

  it("are told as still alive: exit 6", async () => {
    expect(await revoke(["--user", "alice"], during("alice"))).toEqual({
      code: 6,
      out: `${ID_A}\tdev\talice\trevoked\t2026-11-20T10:00:00Z\n${ID_C}\toncall\talice\trevoked\t2026-11-20T10:00:00Z\n`,
      err: `${told}Still alive: k_dddddddddddd, made while this ran. Repeat the command.\n`,
    });
    expect(await revoked()).toEqual([`dev/${A}.revoked`, `oncall/${C}.revoked`]);
  });

  it("are no matter when they are another's, or revoked as well", async () => {
    expect(await revoke(["--user", "alice"], during("bob"))).toMatchObject({ code: 0, err: told });
    store.plant(`dev/${"e".repeat(64)}`, "dev/erin");
    const both = (): void => {
      store.plant(`dev/${"f".repeat(64)}`, "dev/erin");
      store.plant(`dev/${"f".repeat(64)}.revoked`, "at=2026-11-20T10:00:00Z");
    };
    expect(await revoke(["--user", "erin"], during("erin", { confirm: async () => both() }))).toMatchObject({
      code: 0,
      err: `Revoked k_eeeeeeeeeeee.\n${WHERE}`,
    });
  });

  it("are no matter where one key was named", async () => {
    expect(await revoke([ID_A], during("alice"))).toMatchObject({ code: 0, err: `Revoked ${ID_A}.\n${WHERE}` });
  });

  it("are not known of when the store answers no more: exit 6, and what was done is told", async () => {
    store.failAfter(1, "list", new AppError("unavailable", "aws_failing", "AWS is failing"));
    expect(await revoke([...argv, "--yes"])).toEqual({
      code: 6,
      out: `${ID_A}\n${ID_C}\n`,
      err: `${told}Not proven: whether a key was made while this ran: AWS is failing. Repeat the command.\n`,
    });
  });
});

describe("in a context with a cluster", () => {
  const where = "Context prod: memory, cluster 3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f.\n";
  const told = `Not proven: the kubeconfig has no context "c". KUBECONFIG, or ~/.kube/config, holds none at all.
The store has it; \`mcpctl sync\` tries again.
`;
  beforeEach(async () => {
    const kubernetes = "{context: c, cluster: 3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f, namespace: mcp}";
    const context = `{name: prod, store: {type: file, path: k/keys.json}, kubernetes: ${kubernetes}}`;
    await writeFile(join(project.cwd, "mcpctl.yaml"), `contexts: [${context}]\n`);
  });

  it("a revocation that no gateway was asked about ends with 6, and so does its repetition", async () => {
    const first = await revoke([ID_A, "--yes"]);
    expect([first.code, first.err]).toEqual([6, `Revoked ${ID_A}.\n${where}${told}`]);
    const second = await revoke([ID_A, "--yes"]);
    const already = `${ID_A} was already revoked at 2026-11-20T10:00:00Z.\n${where}`;
    expect([second.code, second.err]).toEqual([6, `${already}${told}`]);
    const quiet = await revoke([ID_A, "--yes", "--no-wait"]);
    expect([quiet.code, quiet.err]).toEqual([0, already]);
  });
});

describe("what fails", () => {
  it("keeps no other key alive, and is told", async () => {
    store.failNext("create", new AppError("forbidden", "aws_access_denied", "denied", { hint: "Ask for the right." }));
    expect(await revoke(["--role", "dev", "--yes"])).toEqual({
      code: 4,
      out: `${ID_A}\tdev\talice\tfailed\t-\n${ID_B}\tdev\tbob\trevoked\t2026-11-20T10:00:00Z\n`,
      err: `FAILED: ${ID_A} is NOT revoked: denied. Ask for the right. Repeat the command.\nRevoked ${ID_B}.\n${WHERE}`,
    });
  });

  it("in one of two folders is told as what it is", async () => {
    store.plant(`oncall/${A}`, "oncall/eve");
    store.failAfter(1, "create", new AppError("forbidden", "aws_access_denied", "denied"));
    expect(await revoke([ID_A, "--yes"])).toEqual({
      code: 4,
      out: `${ID_A}\tdev\talice\tfailed\t2026-11-20T10:00:00Z\n`,
      err: `FAILED: ${ID_A} is revoked in one folder and NOT in another: denied.  Repeat the command.\n${WHERE}`,
    });
    expect(await revoked()).toEqual([`dev/${A}.revoked`]);
  });

  it("to be read back is not proven: exit 6", async () => {
    store.unproveNext();
    expect(await revoke([ID_A, "--yes"])).toEqual({
      code: 6,
      out: `${ID_A}\tdev\talice\tunproven\t2026-11-20T10:00:00Z\n`,
      err: `Not proven: the store accepted the revocation of ${ID_A} and does not show it. Repeat the command.\n${WHERE}`,
    });
  });

  it("to be printed is told beside what was done: exit 5", async () => {
    expect(await revoke([ID_A, "--yes"], { outFails: systemError("ENOSPC") })).toEqual({
      code: 5,
      out: "",
      err: `Revoked ${ID_A}.\n${WHERE}error: standard output cannot be written, the disk is full\n`,
    });
    expect(await revoked()).toEqual([`dev/${A}.revoked`]);
  });

  it("before the first write stops everything", async () => {
    store.failNext("verify", new AppError("invalid", "account_mismatch", "another account"));
    expect(await revoke([ID_A, "--yes"])).toEqual({ code: 3, out: "", err: "error: another account\n" });
    expect(await revoked()).toEqual([]);
  });
});

describe("in the file store", () => {
  it("revokes beside the record, once, and logs intent and outcome", async () => {
    const files = project.fileStore();
    await createEntry(files, { role: "dev", hash: A, part: "record" }, "dev/alice", {
      action: "create",
      at: "2026-11-20T09:00:00Z",
    });
    const argv = ["keys", "revoke", ID_A, "--yes", "--reason", "lost"];
    expect((await project.run(argv)).code).toBe(0);
    expect((await project.run(argv, { now: () => NOW + 3_600_000 })).err).toBe(
      `${ID_A} was already revoked at 2026-11-20T10:00:00Z.\nContext default: file .mcpctl/keys.json.\n`,
    );
    const folder = join(project.cwd, ".mcpctl");
    expect(JSON.parse(await readFile(join(folder, "keys.json"), "utf8"))).toEqual({
      [`dev.${A}`]: "dev/alice",
      [`dev.${A}.revoked`]: "at=2026-11-20T10:00:00Z",
    });
    const lines = (await readFile(join(folder, "admin.jsonl"), "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(
      lines.map(({ phase, action, entry, user, reason, outcome }) => [phase, action, entry, user, reason, outcome]),
    ).toEqual([
      ["intent", "create", `dev.${A}`, "alice", null, null],
      ["outcome", "create", `dev.${A}`, "alice", null, "done"],
      ["intent", "revoke", `dev.${A}.revoked`, "alice", "lost", null],
      ["outcome", "revoke", `dev.${A}.revoked`, "alice", "lost", "done"],
    ]);
  });

  it("keeps a token that was given as the reason out of store and log", async () => {
    const files = project.fileStore();
    const [leaked] = mintedKeys(1) as [ReturnType<typeof mintedKeys>[number]];
    await createEntry(files, { role: "dev", hash: A, part: "record" }, "dev/alice", {
      action: "create",
      at: "2026-11-20T09:00:00Z",
    });
    const reason = `found ${leaked.token.reveal()} in a chat`;
    expect((await project.run(["keys", "revoke", ID_A, "--yes", "--reason", reason])).code).toBe(0);
    const redacted = `found [${leaked.id}] in a chat`;
    expect((await historyOf(files, A)).at(-1)?.note?.reason).toBe(redacted);
    const log = await readFile(join(project.cwd, ".mcpctl/admin.jsonl"), "utf8");
    const reasons = log
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { reason: unknown }).reason);
    expect(reasons).toEqual([null, null, redacted, redacted]);
    expect((await revoke([ID_A, "--yes", "--reason", reason])).code).toBe(0);
    expect((await historyOf(store, A)).at(-1)?.note?.reason).toBe(redacted);
  });

  it("that was never made makes none", async () => {
    expect((await project.run(["keys", "revoke", ID_A, "--yes"])).code).toBe(3);
    await expect(access(join(project.cwd, ".mcpctl"))).rejects.toMatchObject({ code: "ENOENT" });
    expect(await readdir(project.cwd)).toHaveLength(2);
  });
});
