import { execFile } from "node:child_process";
import { copyFile, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../../src/commands/cli.ts";
import { type DiffOptions, registerDiff } from "../../../src/commands/roles/diff.ts";
import type { AuditEntry } from "../../../src/lib/audit/format-record.ts";
import { auditLog } from "../../support/audit-lines.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { misfits } from "../../support/output-schema.ts";
import { makeProject, type Project } from "../../support/run-cli.ts";

let project: Project;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const put = (name: string, content: string): Promise<void> => writeFile(join(project.cwd, name), content);
const roles = (lines: string): string => `roleMapping:\n  ${lines}\n`;
const diff = (argv: readonly string[] = [], options: Parameters<Project["run"]>[1] = {}) =>
  project.run(["roles", "diff", ...argv], options);
const git = (...args: readonly string[]) =>
  promisify(execFile)(
    "git",
    ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", ...args],
    {
      cwd: project.cwd,
    },
  );
const commit = async (): Promise<void> => {
  await git("init", "--quiet");
  await git("add", ".");
  await git("commit", "--quiet", "--message", "x");
};

describe("argv", () => {
  it.each([
    [["a", "b"], { sides: ["a", "b"] }],
    [
      ["--base", "main", "--backends", "b.yaml", "--keys", "--fail-on", "growth,any", "--fail-on", "key-loss"],
      { sides: [], base: "main", backends: "b.yaml", keys: true, failOn: ["growth", "any", "key-loss"] },
    ],
  ])("%o becomes %o", async (argv, expected) => {
    const seen: DiffOptions[] = [];
    const noun = new Command();
    registerDiff(noun, { show: async () => undefined } as unknown as Cli, async (options) => {
      seen.push({ ...options });
      return {};
    });
    await noun.parseAsync(["diff", ...argv], { from: "user" });
    expect(seen).toEqual([expected]);
  });

  it.each([
    [[], "two sides are compared: name the old one and the new one"],
    [["a"], "two sides are compared: name the old one and the new one"],
    [["a", "b", "--base", "main"], "with --base only the new side is named"],
    [["a", "b", "--fail-on", "key-loss"], "--fail-on key-loss judges keys, and none are read"],
    [
      ["a", "b", "--fail-on", "loss"],
      "option '--fail-on <what>' argument 'loss' is invalid. It must be of growth, write-growth, any, key-loss.",
    ],
  ])("refuses %o: exit 2", async (argv, said) => {
    const { code, out, err } = await diff(argv);
    expect([code, out, err.split("\n")[0]]).toEqual([2, "", `error: ${said}`]);
  });
});

const BEFORE = roles("dev: [eks-ro, postgres-ro]\n  qa: [costs]\n  old: [github-ro]");
const AFTER = roles(
  "dev: [eks-ro, eks-rw, aws-rw, { backend: postgres-ro, tools: { deny: [rm] } }]\n  testers: [costs]",
);

describe("roles diff", () => {
  beforeEach(async () => {
    await put("old.yaml", BEFORE);
    await put("new.yaml", AFTER);
  });

  it("tells what grew, what shrank and what was renamed, the dangerous first, with a legend and one summary line", async () => {
    expect(await diff(["old.yaml", "new.yaml"])).toEqual({
      code: 0,
      out: `old.yaml -> new.yaml
  + grows  - shrinks  ~ both, or cannot be compared  = the same calls

role dev
  + aws-rw  added, WRITE, PRODUCTION, aws in prod  new.yaml:2:25
  + eks-rw  added, WRITE, eks in stage  new.yaml:2:17
  - postgres-ro  narrowed, PRODUCTION, postgres in prod, refuses e.g. rm, tools all but rm  new.yaml:2:33

role old, removed
  - github-ro  removed, github in shared

role testers, renamed from qa

Grants: 2 added, 1 narrowed, 1 removed, 1 role renamed; 2 grow, 2 to write, 1 to write to production.
`,
      err: "",
    });
  });

  it("says that there is no difference", async () => {
    expect(await diff(["old.yaml", "old.yaml"])).toEqual({
      code: 0,
      out: "old.yaml -> old.yaml\n\nNo difference.\n",
      err: "",
    });
  });

  it.each([
    ["growth", ["old.yaml", "new.yaml"], 1],
    ["write-growth", ["old.yaml", "new.yaml"], 1],
    ["any", ["old.yaml", "new.yaml"], 1],
    ["any", ["old.yaml", "old.yaml"], 0],
    ["growth", ["new.yaml", "less.yaml"], 0],
    ["write-growth", ["less.yaml", "read.yaml"], 0],
    ["growth", ["less.yaml", "read.yaml"], 1],
  ])("fails on %s between %o: %i", async (what, sides, expected) => {
    await put("less.yaml", roles("dev: [eks-ro]\n  testers: [costs]"));
    await put("read.yaml", roles("dev: [eks-ro, aws-ro]\n  testers: [costs]"));
    const { code, out } = await diff([...sides, "--fail-on", what]);
    expect([code, out.includes(`Fails on ${what}.`)]).toEqual([expected, expected === 1]);
  });

  it("tells which live keys gain, lose and die, and fails on those that die when asked", async () => {
    const store = new MemoryStore();
    const plant = (digit: string, record: string): void =>
      store.plant(`${record.split("/")[0]}/${digit.repeat(64)}`, `${record}?exp=2027-01-01T00:00:00Z`);
    plant("1", "dev/alice");
    plant("2", "dev/bob");
    plant("3", "qa/carol");
    plant("4", "untouched/dave");
    store.plant(`dev/${"5".repeat(64)}`, "dev/eve?exp=2026-01-01T00:00:00Z");
    const { code, out } = await diff(["old.yaml", "new.yaml", "--keys", "--fail-on", "key-loss"], { store });
    expect(code).toBe(1);
    expect(out).toContain("  2 live keys of dev gain and lose: k_111111111111, k_222222222222 of alice, bob\n");
    expect(out).toContain("role testers, renamed from qa\n  1 live key of qa dies: k_333333333333 of carol\n");
    expect(out).toContain(
      "; 1 live key of 1 user in qa dies; 2 live keys of 2 users in dev gain and lose.\nFails on key-loss.\n",
    );
    expect((await diff(["old.yaml", "old.yaml", "--keys", "--fail-on", "key-loss"], { store })).code).toBe(0);
  });

  it("tells from audit logs who used lately what is lost, and what the logs leave open", async () => {
    const used = (fields: Partial<AuditEntry>): Partial<AuditEntry> => ({
      role: "dev",
      backend: "postgres-ro",
      tool_name: "rm",
      ...fields,
    });
    const log = auditLog([
      used({ user: "alice" }),
      used({ user: "bob", ts: "2026-11-20T09:30:00.000Z" }),
      used({ tool_name: "query" }),
      used({ ts: "2026-10-01T00:00:00.000Z" }),
      used({ role: "qa", backend: "costs", user: "carol" }),
      used({ role: "old", backend: "github-ro", method: "resources/list", tool_name: null }),
      used({ role: "elsewhere", backend: "costs" }),
    ]);
    await put("audit.jsonl", log);
    const { code, out, err } = await diff(["old.yaml", "new.yaml", "--audit", "audit.jsonl"]);
    expect([code, err]).toEqual([0, ""]);
    const told = out.split("\n").filter((line) => line.includes("call"));
    expect(told).toEqual([
      "  + grows  - shrinks  ~ both, or cannot be compared  = the same calls",
      "  what is lost of postgres-ro was called 2 times by alice, bob, last at 2026-11-20T09:30:00Z: rm",
      "  what is lost of github-ro was called once by incident-agent-01, last at 2026-11-20T09:00:00Z: resources/list",
      "  what is lost of costs was called once by carol, last at 2026-11-20T09:00:00Z: rm",
      "Of what is lost, 4 calls since 2026-10-21T10:00:00Z in 6 records.",
    ]);
    const json = await diff(["old.yaml", "new.yaml", "--audit", "audit.jsonl", "--since", "100d", "-o", "json"]);
    expect(await misfits("roles-diff", json.out)).toEqual([]);
    expect(
      (JSON.parse(json.out) as { uses: { lost: { calls: number }[] } }).uses.lost.map(({ calls }) => calls),
    ).toEqual([3, 1, 1]);
    expect((await diff(["old.yaml", "new.yaml", "--since", "1d"])).code).toBe(2);
    expect((await diff(["old.yaml", "new.yaml", "--audit", "nope.jsonl"])).code).toBe(3);
  });

  it("compares folders with their registries, and counts what the registry says otherwise", async () => {
    for (const [folder, access] of [
      ["a", "ro"],
      ["b", "rw"],
    ] as const) {
      await mkdir(join(project.cwd, folder));
      await put(`${folder}/roles.yaml`, roles("dev: [s]"));
      await put(
        `${folder}/backends.yaml`,
        `backends:\n  s: {service: s, environment: e, access: ${access}, owner: o, url: "http://s"}\n`,
      );
    }
    const { out } = await diff(["a", "b"]);
    expect(out.split("\n").slice(3, 9)).toEqual([
      "role dev",
      "  + s  as it was, WRITE, s in e, access ro -> rw  b/roles.yaml:2:9",
      "",
      "registry",
      "  s  access ro -> rw",
      "",
    ]);
    expect((await diff(["a", "b", "--backends", "a/backends.yaml"])).out).toContain("No difference.");
  });

  it.each([
    [["old.yaml", "broken.yaml"], "broken.yaml:2:1: "],
    [["nope.yaml", "new.yaml"], "nope.yaml does not exist"],
  ])("refuses %o: exit 3", async (argv, said) => {
    await put("broken.yaml", "roleMapping: [\n");
    const { code, out, err } = await diff(argv);
    expect([code, out, err.includes(said) ? said : err]).toEqual([3, "", said]);
  });

  it("prints JSON that fits its schema, and Markdown that nothing in a name can break out of", async () => {
    const store = new MemoryStore();
    store.plant(`old/${"1".repeat(64)}`, "old/alice");
    const { out } = await diff(["old.yaml", "new.yaml", "--keys", "-o", "json", "--fail-on", "any"], { store });
    expect(await misfits("roles-diff", out)).toEqual([]);
    await put("odd.yaml", roles('dev: [{backend: eks-ro, tools: {deny: ["`|<b>@all"]}}]'));
    const markdown = (await diff(["old.yaml", "odd.yaml", "-o", "markdown"])).out;
    expect(markdown).toContain(
      "| `-` | `eks-ro` | `` narrowed, eks in stage, refuses e.g. ` ``&#124;`` <b>@all, tools all but ` ``&#124;`<b>@all` |\n",
    );
  });
});

describe("roles diff --base", () => {
  it("compares the working tree with a commit, registry included", async () => {
    await put("roles.yaml", BEFORE);
    await commit();
    expect((await diff(["--base", "HEAD"])).out).toContain("No difference.");
    await put("roles.yaml", AFTER);
    const { code, out, err } = await diff(["--base", "HEAD", "--fail-on", "write-growth"]);
    expect([code, err]).toEqual([1, ""]);
    expect(out).toMatch(/^roles\.yaml at HEAD \([0-9a-f]{12}\) -> roles\.yaml\n/);
    expect(out).toContain("  + aws-rw  added, WRITE, PRODUCTION, aws in prod  roles.yaml:2:25\n");
  });

  it("takes a file that was not there for empty, and says so", async () => {
    await commit();
    await put("new.yaml", roles("dev: [eks-ro]"));
    const { out, err } = await diff(["--base", "HEAD", "new.yaml"]);
    expect(out).toContain("new role dev\n  + eks-ro  added, eks in stage  new.yaml:2:9\n");
    expect(err).toBe("There was no role file new.yaml at HEAD: everything in it is new.\n");
  });

  it.each([
    ["nope", 'the repository has no commit "nope"'],
    ["--help", 'the repository has no commit "--help"'],
    ["--output=/tmp/x", 'the repository has no commit "--output=/tmp/x"'],
    ["HEAD:roles.yaml", 'the repository has no commit "HEAD:roles.yaml"'],
    ["", 'the repository has no commit ""'],
  ])("knows no commit %o: exit 3", async (ref, said) => {
    await commit();
    const { code, out, err } = await diff([`--base=${ref}`]);
    expect([code, out, err.split("\n")[0]]).toEqual([3, "", `error: ${said}`]);
  });

  it("says what to do about a shallow clone", async () => {
    await commit();
    await git("commit", "--quiet", "--allow-empty", "--message", "y");
    await git("clone", "--quiet", "--depth", "1", `file://${project.cwd}`, "shallow");
    const { code, err } = await diff(["--base", "HEAD~1", "roles.yaml"], { cwd: join(project.cwd, "shallow") });
    expect([code, err.includes("fetch-depth: 0")]).toEqual([3, true]);
  });

  it("needs a repository, and a file that is one at the commit", async () => {
    const outside = await diff(["--base", "HEAD"]);
    expect([outside.code, outside.err.includes("is in no git repository")]).toEqual([3, true]);
    await rm(join(project.cwd, "roles.yaml"));
    await symlink("/etc/passwd", join(project.cwd, "roles.yaml"));
    await commit();
    await rm(join(project.cwd, "roles.yaml"));
    await put("roles.yaml", BEFORE);
    const { code, err } = await diff(["--base", "HEAD"]);
    expect([code, err.includes("roles.yaml is a folder or a symbolic link at")]).toEqual([3, true]);
  });

  it("is not led to another repository by one that a change brings along beside the role file", async () => {
    await mkdir(join(project.cwd, "policy"));
    for (const name of ["roles.yaml", "backends.yaml"])
      await copyFile(join(project.cwd, name), join(project.cwd, "policy", name));
    await put("policy/roles.yaml", BEFORE);
    await commit();
    await put("policy/roles.yaml", AFTER);
    await git("clone", "--quiet", "--bare", ".", "planted");
    for (const part of ["HEAD", "objects", "refs", "packed-refs"])
      await rename(join(project.cwd, "planted", part), join(project.cwd, "policy", part));
    await put("policy/config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n");
    const inPlanted = ["--git-dir=policy", "--work-tree=policy"];
    await git(...inPlanted, "add", "--force", "roles.yaml", "backends.yaml");
    await git(...inPlanted, "commit", "--quiet", "--message", "as if it had always been so");
    const { code, out } = await diff(["--base", "HEAD", "policy/roles.yaml", "--fail-on", "write-growth"]);
    expect([code, out.includes("+ aws-rw  added, WRITE, PRODUCTION")]).toEqual([1, true]);
  });

  it("compares with the file that was at the path, also where its folder has become a link to another", async () => {
    for (const [folder, content] of [
      ["policy", BEFORE],
      ["other", AFTER],
    ] as const) {
      await mkdir(join(project.cwd, folder));
      await put(`${folder}/roles.yaml`, content);
    }
    await commit();
    await rm(join(project.cwd, "policy"), { recursive: true });
    await symlink("other", join(project.cwd, "policy"));
    const { code } = await diff([
      "--base",
      "HEAD",
      "policy/roles.yaml",
      "--backends",
      "backends.yaml",
      "--fail-on",
      "write-growth",
    ]);
    expect(code).toBe(1);
  });

  it("runs nothing that the repository configures", async () => {
    await put("roles.yaml", BEFORE);
    await put(".gitattributes", "* filter=evil diff=evil\n");
    await commit();
    for (const name of [
      "filter.evil.smudge",
      "diff.evil.textconv",
      "core.fsmonitor",
      "core.pager",
      "core.sshCommand",
    ]) {
      await git("config", name, `touch ${join(project.cwd, "ran")}; cat`);
    }
    await put("roles.yaml", AFTER);
    expect((await diff(["--base", "HEAD"])).code).toBe(0);
    await expect(rm(join(project.cwd, "ran"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("lets roles check tell how roles grew, and which keys a removed role takes along", async () => {
    await put("roles.yaml", roles("dev: [eks-ro]\n  gone: [costs]"));
    await commit();
    await put("roles.yaml", roles("dev: [eks-ro, aws-ro, costs, cloudwatch, github-ro, argo-view, cloudflare-ro]"));
    const store = new MemoryStore();
    store.plant(`gone/${"1".repeat(64)}`, "gone/alice?exp=2027-01-01T00:00:00Z");
    const { code, out } = await project.run(["roles", "check", "--base", "HEAD", "--keys", "-o", "compact"], { store });
    expect([code, out.split("\n").filter((line) => /MC405|MC505/.test(line))]).toEqual([
      1,
      [
        'roles.yaml:1:1: error MC505 the role "gone" is gone, and 1 live key of it: k_111111111111 of alice',
        'roles.yaml:2:3: warning MC405 "dev" gains 6 grants at once: aws-ro, costs, cloudwatch, github-ro, argo-view, cloudflare-ro',
      ],
    ]);
  });
});
