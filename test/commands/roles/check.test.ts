import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../../src/commands/cli.ts";
import { type CheckOptions, registerCheck } from "../../../src/commands/roles/check.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { makeProject, type Project } from "../../support/run-cli.ts";

let project: Project;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const put = (name: string, content: string): Promise<void> => writeFile(join(project.cwd, name), content);
const check = (argv: readonly string[] = [], options: Parameters<Project["run"]>[1] = {}) =>
  project.run(["roles", "check", ...argv], options);

describe("argv", () => {
  it.each([
    [[], { files: [], failOn: "error", ignores: true }],
    [
      ["r.yaml", "-", "--backends", "b.yaml", "-o", "json", "--rule", "MC304=skip", "--rule", "MC401=error"],
      {
        files: ["r.yaml", "-"],
        backends: "b.yaml",
        failOn: "error",
        ignores: true,
        rule: [
          { code: "MC304", level: "skip" },
          { code: "MC401", level: "error" },
        ],
      },
    ],
    [
      ["--keys", "--fix", "--dry-run", "--no-ignores", "--fail-on", "info", "--explain", "MC001"],
      { files: [], keys: true, fix: true, dryRun: true, ignores: false, failOn: "info", explain: "MC001" },
    ],
  ])("%o becomes %o", async (argv, expected) => {
    const seen: CheckOptions[] = [];
    const roles = new Command();
    registerCheck(roles, { show: async () => undefined } as unknown as Cli, async (options) => {
      seen.push({ ...options });
      return {};
    });
    await roles.parseAsync(["check", ...argv], { from: "user" });
    expect(seen).toEqual([expected]);
  });

  it.each([
    ["--rule", "MC999=skip", "It must be a rule and a level, like MC304=skip."],
    ["--rule", "MC304=off", "It must be a rule and a level, like MC304=skip."],
    ["--rule", "MC002=skip", "MC002 always holds: no gateway takes such a file."],
    ["--fail-on", "none", "Allowed choices are error, warning, info."],
    ["-o", "table", "Allowed choices are pretty, compact, json, yaml, github, sarif, junit, markdown."],
  ])("refuses %s %s: exit 2", async (flag, value, said) => {
    const { code, out, err } = await check([flag, value]);
    expect([code, out, err.includes(said)]).toEqual([2, "", true]);
  });

  it("refuses --dry-run without --fix: exit 2", async () => {
    expect(await check(["--dry-run"])).toEqual({
      code: 2,
      out: "",
      err: "error: --dry-run shows what --fix would write\n  Add --fix.\n",
    });
  });
});

/** What the summary says of rules that were not run, with one that was switched off. */
const skipped = (off: string): string =>
  `10 rules skipped (MC201, MC406 not configured; ${[`${off} off`, "MC403, MC501-MC505 no keys read (--keys)"].toSorted().join("; ")}; MC405 no base named (--base)).`;

describe("roles check", () => {
  it("says of a clean file what it checked, and writes nothing", async () => {
    expect(await check(["--rule", "MC304=skip"])).toEqual({
      code: 0,
      out: `2 files checked: nothing found, 5 suppressed, ${skipped("MC304")}
`,
      err: "",
    });
    expect((await readdir(project.cwd)).toSorted()).toEqual(["backends.yaml", "roles.yaml"]);
  });

  it("finds a grant that grants nothing, with line, column, excerpt and the nearest: exit 1", async () => {
    await put("roles.yaml", "roleMapping:\n  dev:\n    - eks-ro\n    - eks-r0 # typo\n");
    expect(await check(["--rule", "MC404=skip"])).toEqual({
      code: 1,
      out: `roles.yaml:4:7 error MC003 the registry has no backend "eks-r0", so this grants nothing
  4 |     - eks-r0 # typo
    |       ^~~~~~
  Did you mean eks-ro?

2 files checked: 1 error, ${skipped("MC404")}
`,
      err: "",
    });
  });

  it("exits with 0 when there is nothing but warnings", async () => {
    await put("roles.yaml", "roleMapping:\n  dev: []\n");
    const { code, out } = await check();
    expect([code, out.split("\n")[0]]).toEqual([0, 'roles.yaml:2:3 warning MC005 the role "dev" is granted nothing']);
  });

  it("tells a backend that stands twice in a role: exit 1", async () => {
    await put("roles.yaml", "roleMapping:\n  dev: [eks-ro, eks-ro]\n");
    const { code, out } = await check();
    expect([code, out.split("\n")[0]]).toEqual([
      1,
      'roles.yaml:2:17 error MC004 dev is granted "eks-ro" here and in line 2',
    ]);
  });

  it.each([
    ["CRLF", "roleMapping:\r\n  dev:\r\n    - nope\r\n", "3:7"],
    ["a byte order mark", "\ufeffroleMapping: {dev: [nope]}\n", "1:21"],
    [
      "a ConfigMap",
      "kind: ConfigMap\ndata:\n  roles.yaml: |\n    # roles\n    roleMapping:\n      dev:\n        - nope\n",
      "7:11",
    ],
    ["Helm values", "replicas: 2\ngateway:\n  roleMapping:\n    dev:\n      - nope\n", "5:9"],
    ["the second of two documents", "roleMapping:\n  ops: [eks-ro]\n---\nroleMapping:\n  dev: [nope]\n", "5:9"],
  ])("tells places through %s", async (_what, content, place) => {
    await put("roles.yaml", content);
    const { code, out } = await check();
    expect([code, out.split(" ")[0]]).toEqual([1, `roles.yaml:${place}`]);
  });

  it.each([
    ["YAML that cannot be read", "roleMapping: {\n"],
    ["a misfit of the schema", "roleMapping:\n  dev: eks-ro\n"],
    ["a role twice", "roleMapping:\n  dev: []\n  dev: []\n"],
    ["a file without anything", ""],
    ["a file without a role", "roleMapping: {}\n"],
    ["a file of another kind", "backends: {}\n"],
  ])("exits with 3 for %s", async (_what, content) => {
    await put("roles.yaml", content);
    const { code, out, err } = await check();
    expect({ code, told: /^roles\.yaml:\d+:\d+ error MC\d{3} /.test(out), err }).toEqual({
      code: 3,
      told: true,
      err: "",
    });
  });

  it("calls a file without a role nothing checked", async () => {
    await put("roles.yaml", "# to come\nroleMapping: {}\n");
    expect((await check(["--rule", "MC404=skip"])).out)
      .toBe(`roles.yaml:1:1 error MC006 the file holds no role, so nothing was checked
  1 | # to come
    | ^
  Add a role, or name another file.

2 files checked: 1 error, ${skipped("MC404")}
`);
  });

  it("tells what is wrong with the registry as well, and first by its name", async () => {
    await put("backends.yaml", "backends:\n  a: {service: s}\n");
    const { code, out } = await check();
    expect([code, out.split("\n")[0]]).toEqual([3, 'backends.yaml:2:6 error MC002 "a" lacks the field "environment"']);
  });

  it.each([
    [["no.yaml"], "the role file", "no.yaml"],
    [["--backends", "no.yaml"], "the backend registry", "no.yaml"],
  ])("exits with 3 when a file of %o is not there", async (argv, what, name) => {
    const { code, out, err } = await check(argv);
    expect({ code, out, told: err.startsWith(`error: ${what} `) && err.includes(`${name} does not exist`) }).toEqual({
      code: 3,
      out: "",
      told: true,
    });
  });

  it("takes the files it is given, and those of the configuration relative to it", async () => {
    await put("r.yaml", "roleMapping:\n  qa: [b]\n");
    await put("b.yaml", "backends:\n  b: {service: s, environment: e, access: ro, owner: o, url: 'http://b'}\n");
    const files = async (argv: readonly string[]): Promise<unknown> =>
      (JSON.parse((await check([...argv, "-o", "json"])).out) as { files: unknown }).files;
    const expected = [
      { file: "r.yaml", contents: "1 role, 1 grant" },
      { file: "b.yaml", contents: "1 backend" },
    ];
    expect(await files(["r.yaml", "--backends", "b.yaml"])).toEqual(expected);
    await put("mcpctl.yaml", "policy: {roles: r.yaml, backends: b.yaml}\n");
    await rm(join(project.cwd, "roles.yaml"));
    expect(await files([])).toEqual(expected);
  });

  it("paints on a terminal, and nowhere else", async () => {
    await put("roles.yaml", "roleMapping:\n  dev: [nope]\n");
    expect((await check([], { outIsTerminal: true })).out).toContain("\u001b[31merror\u001b[39m");
    expect((await check([], { outIsTerminal: true, env: { NO_COLOR: "1" } })).out).not.toContain("\u001b");
    expect((await check()).out).not.toContain("\u001b");
  });
});

/** The codes of what was found, one after another, and the exit code. */
async function found(argv: readonly string[] = [], options: Parameters<Project["run"]>[1] = {}) {
  const { code, out } = await check([...argv, "-o", "json"], options);
  return { code, codes: (JSON.parse(out) as { findings: { code: string }[] }).findings.map((finding) => finding.code) };
}

describe("roles check and its rules", () => {
  it("heeds the levels of the configuration, and of the command line before them", async () => {
    await put("roles.yaml", "roleMapping:\n  dev-readonly: [eks-rw]\n");
    await put("mcpctl.yaml", "policy: { rules: { MC404: skip, MC301: warning } }\n");
    expect(await found()).toEqual({ code: 0, codes: ["MC301"] });
    expect(await found(["--fail-on", "warning"])).toEqual({ code: 1, codes: ["MC301"] });
    expect(await found(["--rule", "MC301=error"])).toEqual({ code: 1, codes: ["MC301"] });
    expect(await found(["--rule", "MC301=skip", "--fail-on", "info"])).toEqual({ code: 0, codes: [] });
  });

  it.each([
    ["MC999: skip", "there is no rule MC999 to configure"],
    ["MC002: skip", "the rule MC002 cannot be configured: no gateway takes such a file"],
    ["MC304: { grants: 1 }", 'the rule MC304 has no option "grants"'],
    ["MC304: never", 'mcpctl.yaml:1:27: "MC304" must be one of error, warning, info, skip'],
    ["MC304: { level: 1 }", 'mcpctl.yaml:1:36: "level" must be one of error, warning, info, skip'],
    ["nonsense: skip", 'mcpctl.yaml:1:20: "nonsense" in "rules" is not a valid name'],
  ])("refuses the configuration %s: exit 3", async (rules, said) => {
    await put("mcpctl.yaml", `policy: { rules: { ${rules} } }\n`);
    const { code, out, err } = await check();
    expect([code, out, err.includes(said) ? said : err]).toEqual([3, "", said]);
  });

  it("judges every file, and what they say together", async () => {
    await put("one.yaml", "roleMapping:\n  dev: [eks-ro]\n");
    await put("two.yaml", "roleMapping:\n  ops: [eks-r0]\n");
    await put("b.yaml", "backends:\n  eks-ro: {service: s, environment: e, access: ro, owner: o, url: 'http://b'}\n");
    expect(await found(["one.yaml", "--backends", "b.yaml"])).toEqual({ code: 0, codes: [] });
    expect(await found(["one.yaml", "two.yaml", "one.yaml", "--backends", "b.yaml"])).toEqual({
      code: 1,
      codes: ["MC003"],
    });
    await put("two.yaml", "roleMapping: [\n");
    expect(await found(["one.yaml", "two.yaml", "--backends", "b.yaml"])).toEqual({ code: 3, codes: ["MC001"] });
  });

  it("reads standard input, and mends it nowhere", async () => {
    const stdin = "roleMapping:\n  dev: [nope]\n";
    const { code, out } = await check(["-", "-o", "compact", "--rule", "MC404=skip"], { stdin });
    expect([code, out.split("\n")[0]]).toEqual([
      1,
      'stdin:2:9: error MC003 the registry has no backend "nope", so this grants nothing',
    ]);
    expect(await check(["-", "--fix"], { stdin: "roleMapping:\n  on: [eks-ro]\n" })).toEqual({
      code: 2,
      out: "",
      err: "error: standard input cannot be mended where it lies\n  Name a file.\n",
    });
  });

  it("does not look into the home of whoever checks", async () => {
    await mkdir(join(project.cwd, "home/.config/mcpctl"), { recursive: true });
    await put("home/.config/mcpctl/config.yaml", "policy: { rules: { MC304: error } }\nbroken: yes\n");
    expect((await found([], { home: join(project.cwd, "home") })).code).toBe(0);
    const { code, err } = await project.run(["can", "dev-readonly", "eks-ro"], { home: join(project.cwd, "home") });
    expect([code, err.includes("config.yaml")]).toEqual([3, true]);
  });

  it("judges the live keys of the store when it is asked to, and opens no store otherwise", async () => {
    const store = new MemoryStore();
    store.plant(`gone/${"1".repeat(64)}`, "gone/alice?exp=2027-01-01T00:00:00Z");
    store.plant(`dev-readonly/${"2".repeat(64)}`, "dev-readonly/bob");
    store.plant(`old/${"3".repeat(64)}`, "old/bob?exp=2026-01-01T00:00:00Z");
    expect(await found([], { store })).toEqual({ code: 0, codes: ["MC304"] });
    expect(store.asked).toEqual([]);
    expect(await found(["--keys"], { store })).toEqual({
      code: 1,
      codes: ["MC501", "MC403", "MC304", "MC502"],
    });
  });

  it.each([
    ["github", /^::error file=roles.yaml,line=2,/],
    ["junit", /^<\?xml version="1.0"/],
    ["sarif", /"partialFingerprints"/],
    ["markdown", /MC003/],
    ["compact", /^roles.yaml:2:9: error MC003/],
    ["yaml", /^files:\n/],
  ])("prints -o %s", async (form, expected) => {
    await put("roles.yaml", "roleMapping:\n  dev: [nope]\n");
    const { code, out, err } = await check(["-o", form]);
    expect({ code, out, err }).toEqual({ code: 1, out: expect.stringMatching(expected) as string, err: "" });
  });

  it("explains a rule, and knows no other", async () => {
    const page = await readFile("docs/rules/MC303.md", "utf8");
    expect(await check(["--explain", "MC303"])).toEqual({ code: 0, out: page, err: "" });
    expect(await check(["--explain", "mc33"])).toEqual({
      code: 3,
      out: "",
      err: 'error: there is no rule "mc33"\n  Did you mean MC303?\n',
    });
  });
});

describe("roles check --fix", () => {
  const BEFORE = "roleMapping:\n  dev: # who\n    - eks-ro\n    - eks-ro\n  on: [costs]\n";
  const AFTER = 'roleMapping:\n  dev: # who\n    - eks-ro\n  "on": [costs]\n';
  const quiet = ["--rule", "MC404=skip"];

  it("writes what it mends, keeps the mode, and reports what is left", async () => {
    await put("roles.yaml", BEFORE);
    await chmod(join(project.cwd, "roles.yaml"), 0o640);
    const { code, out, err } = await check(["--fix", ...quiet]);
    expect([code, out.split(",")[0], err]).toEqual([0, "2 files checked: nothing found", "Mended roles.yaml.\n"]);
    expect(await readFile(join(project.cwd, "roles.yaml"), "utf8")).toBe(AFTER);
    expect((await stat(join(project.cwd, "roles.yaml"))).mode & 0o777).toBe(0o640);
    expect((await check(["--fix", ...quiet])).err).toBe("There was nothing to mend.\n");
  });

  it("follows a symbolic link to the file, and leaves the link", async () => {
    await put("real.yaml", BEFORE);
    await rm(join(project.cwd, "roles.yaml"));
    await symlink("real.yaml", join(project.cwd, "roles.yaml"));
    expect((await check(["--fix", ...quiet])).code).toBe(0);
    expect(await readFile(join(project.cwd, "real.yaml"), "utf8")).toBe(AFTER);
  });

  it("shows the patch with --dry-run and writes nothing; the exit code is that of the file as it is", async () => {
    await put("roles.yaml", BEFORE);
    expect(await check(["--fix", "--dry-run"])).toEqual({
      code: 3,
      out: `--- a/roles.yaml
+++ b/roles.yaml
@@ -1,5 +1,4 @@
 roleMapping:
   dev: # who
     - eks-ro
-    - eks-ro
-  on: [costs]
+  "on": [costs]
`,
      err: "",
    });
    expect(await readFile(join(project.cwd, "roles.yaml"), "utf8")).toBe(BEFORE);
  });
});
