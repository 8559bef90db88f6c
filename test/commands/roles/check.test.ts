import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../../src/commands/cli.ts";
import { type CheckOptions, registerCheck } from "../../../src/commands/roles/check.ts";
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
