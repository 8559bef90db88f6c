import { beforeEach, afterEach, describe, expect, it } from "vitest";
import { MemoryStore } from "../../support/memory-store.ts";
import { makeProject, type Project } from "../../support/run-cli.ts";

const hash = (digit: string): string => digit.repeat(64);
const ACTIVE = "k_111111111111  dev/alice  active until 2027-01-01T00:00:00Z";
const SUPERSEDED = "k_222222222222  dev/bob  superseded until 2026-11-21T00:00:00Z";
const REVOKED = "k_333333333333  ops/carol  revoked at 2026-11-01T00:00:00Z";

let project: Project;
let store: MemoryStore;
beforeEach(async () => {
  project = await makeProject();
  store = new MemoryStore();
  store.plant(`ops/${hash("3")}`, "ops/carol");
  store.plant(`ops/${hash("3")}.revoked`, "at=2026-11-01T00:00:00Z");
  store.plant(`dev/${hash("2")}`, "dev/bob");
  store.plant(`dev/${hash("2")}.ends`, "exp=2026-11-21T00:00:00Z&next=k_111111111111");
  store.plant(`dev/${hash("1")}`, "dev/alice?exp=2027-01-01T00:00:00Z");
});
afterEach(() => project.remove());

const run = (answers: readonly string[] | null, ...argv: readonly string[]) =>
  project.run(["keys", ...argv], { store, answers });
const shown = (err: string): readonly string[] => err.split("\n").filter((line) => /^ +\d+ {2}/.test(line));

describe("a verb without a key id on a terminal", () => {
  it.each([
    ["show", [ACTIVE, SUPERSEDED, REVOKED], ["1"]],
    ["revoke", [ACTIVE, SUPERSEDED], ["1", "y"]],
    ["rotate", [ACTIVE], ["1", "n"]],
  ])("%s lists the keys that can be meant", async (verb, lines, answers) => {
    const { err } = await run(answers, verb);
    expect(err.split("\n")[0]).toBe("Keys in memory:");
    expect(shown(err)).toEqual(lines.map((line, index) => `   ${index + 1}  ${line}`));
  });

  it("show shows the one that was chosen, and its questions are not on standard output", async () => {
    const { code, out } = await run(["carol", "1"], "show", "-o", "name");
    expect({ code, out }).toEqual({ code: 0, out: "k_333333333333\n" });
  });

  it("revoke ends that one alone, after it was confirmed", async () => {
    expect((await run(["k_222222222222", "n"], "revoke")).code).toBe(2);
    const { code, out } = await run(["k_222222222222", "y"], "revoke", "-o", "name");
    expect({ code, out }).toEqual({ code: 0, out: "k_222222222222\n" });
    const revoked = (await store.list()).map(({ label }) => label).filter((label) => label.endsWith(".revoked"));
    expect(revoked.toSorted()).toEqual([`dev/${hash("2")}.revoked`, `ops/${hash("3")}.revoked`]);
  });

  it.each(["show", "rotate", "revoke"])("%s is left by Ctrl-D: exit 2", async (verb) => {
    const { code, out, err } = await run(["\u0004"], verb);
    expect({ code, out, last: err.split("\n").at(-2) }).toEqual({
      code: 2,
      out: "",
      last: "error: declined; nothing was changed",
    });
  });

  it.each(["show", "rotate", "revoke"])("%s says so where there is no key: exit 3", async (verb) => {
    expect(await project.run(["keys", verb], { store: new MemoryStore(), answers: [] })).toEqual({
      code: 3,
      out: "",
      err: `error: there is no key to ${verb} in memory\n  See them all with \`mcpctl keys list\`.\n`,
    });
  });
});

describe("nothing is asked", () => {
  it.each([
    [["revoke", "--user", "alice", "--dry-run"], 0],
    [["revoke", "--role", "dev", "--dry-run"], 0],
    [["revoke", "--token", "x"], 2],
    [["rotate", "--expiring", "90d", "--dry-run"], 0],
    [["revoke", "--yes"], 2],
    [["rotate", "--yes"], 2],
  ])("by keys %o on a terminal", async (argv, code) => {
    expect((await run([], ...argv)).code).toBe(code);
  });

  it.each([
    ["show", "missing required argument 'key-id'\n  See --help."],
    ["revoke", "no key was named\n  Give a key id, or --user, --role or both."],
    ["rotate", "no key was named\n  Give a key id, or --user, --role or both."],
  ])("by keys %s off a terminal: exit 2", async (verb, message) => {
    const { code, out, err } = await run(null, verb);
    expect({ code, out, err: err.split("\n").slice(0, 2).join("\n") }).toEqual({
      code: 2,
      out: "",
      err: `error: ${message}`,
    });
  });
});
