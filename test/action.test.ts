import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Context } from "./support/action-expressions.ts";
import { type ActionOptions, type ActionResult, runAction } from "./support/action-runner.ts";
import { GitProject } from "./support/git-project.ts";
import { commandsIn } from "./support/workflow-commands.ts";

let project: GitProject;
let base: string;

beforeEach(() => {
  project = new GitProject();
  base = project.git("rev-parse", "HEAD");
});

afterEach(() => project.remove());

const pullRequest = (): Context => ({ event: { pull_request: { base: { sha: base } } } });

function run(options: Partial<ActionOptions> = {}): ActionResult {
  return runAction({ action: resolve("."), workspace: project.folder, temp: project.temp, ...options });
}

const outcomes = ({ steps }: ActionResult): readonly unknown[] => steps.map(({ outcome, code }) => [outcome, code]);

describe("the action, as a runner would run it, judges", () => {
  it("a sound change, and passes", () => {
    const result = run();
    expect(outcomes(result)).toEqual([
      ["success", 0],
      ["success", 0],
      ["skipped", null],
      ["skipped", null],
    ]);
    expect(commandsIn(result.steps[1]?.out ?? "").filter(({ name }) => name === "error")).toEqual([]);
    expect(result.outputs).toEqual({ diff: "", "diff-file": "" });
  });

  it("a change that lets a read-only role write, and fails with the place", () => {
    project.edit("roles.yaml", (text) => text.replace("    - eks-ro\n", "    - eks-rw\n"));
    const check = run().steps[1];
    expect([check?.outcome, check?.code, check?.err]).toEqual(["failure", 1, ""]);
    expect(commandsIn(check?.out ?? "").find(({ name }) => name === "error")?.properties).toMatchObject({
      file: "roles.yaml",
      line: "17",
      title: "MC301 read-only-role-writes",
    });
  });

  it("files that it is told, and writes SARIF", () => {
    project.edit("roles.yaml", (text) => text.replace("    - eks-ro\n", "    - eks-rw\n"));
    project.git("mv", "roles.yaml", "the roles.yaml");
    project.git("mv", "--", "backends.yaml", "-registry.yaml");
    const inputs = { roles: "\nthe roles.yaml\r\n\n", backends: "-registry.yaml", sarif: "out.sarif" };
    const check = run({ inputs }).steps[1];
    expect([check?.code, check?.err]).toEqual([1, ""]);
    expect(commandsIn(check?.out ?? "").map(({ properties }) => properties["file"])).toContain("the roles.yaml");
    const log = JSON.parse(readFileSync(join(project.folder, "out.sarif"), "utf8")) as {
      runs: [{ results: { ruleId: string; locations: [{ physicalLocation: { artifactLocation: object } }] }[] }];
    };
    const found = log.runs[0].results.find(({ ruleId }) => ruleId === "MC301");
    expect(found?.locations[0].physicalLocation.artifactLocation).toEqual({
      uri: "the%20roles.yaml",
      uriBaseId: "%SRCROOT%",
    });
  });

  it("a file that is not there, and fails with what is wrong", () => {
    const check = run({ inputs: { roles: "nowhere/##[error]x.yaml" } }).steps[1];
    expect([check?.outcome, check?.code]).toEqual(["failure", 3]);
    expect(check?.err).toMatch(/^mcpctl: error: .*nowhere\/# #\[error\]x\.yaml/);
    expect(commandsIn(`${check?.out}\n${check?.err}`)).toEqual([]);
  });

  it.each([
    ["allow", "success", 0],
    ["deny", "failure", 1],
  ])("tests that expect what is so to be %s, and ends as they do", (expected, outcome, code) => {
    const test = `tests: [{ role: dev-readonly, backend: eks-ro, expect: ${expected} }]\n`;
    writeFileSync(join(project.folder, "policy-test.yaml"), test);
    const step = run({ inputs: { tests: "policy-test.yaml" } }).steps[2];
    expect([step?.outcome, step?.code]).toEqual([outcome, code]);
  });

  it("what a pull request changes, and tells it without failing unless it is told to", () => {
    project.edit("roles.yaml", (text) => text.replace("    - eks-ro\n", "    - eks-ro\n    - github-rw\n"));
    project.commit("grow");
    const result = run({ github: pullRequest() });
    const { summary = "", code, err } = result.steps[3] ?? {};
    expect([code, err]).toEqual([0, ""]);
    expect(summary).toContain("| `+` | `github-rw` |");
    expect(result.outputs["diff"]).toBe(summary.trimEnd());
    expect(readFileSync(result.outputs["diff-file"] as string, "utf8")).toBe(summary);
    expect(run({ github: pullRequest(), inputs: { "fail-on": "write-growth" } }).steps[3]).toMatchObject({
      outcome: "failure",
      code: 1,
      summary: expect.stringContaining("Fails on write-growth.") as string,
    });
  });

  it("a registry that turns a backend to write access, also one that it is told", () => {
    project.edit("backends.yaml", (text) => text.replace(/(eks-ro:[^]*?access: )ro/, "$1rw"));
    project.commit("turn");
    for (const backends of ["", "backends.yaml"]) {
      const step = run({ github: pullRequest(), inputs: { backends, "fail-on": "write-growth" } }).steps[3];
      expect([step?.code, step?.summary.includes("`eks-ro`")]).toEqual([1, true]);
    }
  });

  it("nothing to compare with, and says that the checkout lacks it", () => {
    const step = run({ inputs: { base: "0".repeat(40) } }).steps[3];
    expect([step?.code, step?.out, step?.summary]).toEqual([3, "", ""]);
    expect(step?.err).toMatch(/^the base could not be fetched: .*fetch-depth: 0\nmcpctl: error: .*0{40}/);
  });

  it("without a Node that is new enough, and says what to do", () => {
    const bin = join(project.temp, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "node"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const result = run({ env: { PATH: `${bin}:/usr/bin:/bin` } });
    expect(result.steps.map(({ outcome }) => outcome)).toEqual(["failure", "skipped", "skipped", "skipped"]);
    expect(result.steps[0]?.err).toBe(
      "mcpctl needs Node 22.19 or newer: install one, or let actions/setup-node run before this\n",
    );
  });
});

/** Where a program that prints its arguments stands for mcpctl: which command lines do the steps make, and what of its output? */
describe("the action, around a program in mcpctl's place,", () => {
  let action: string;

  const PROGRAM = `
    const [, verb, ...args] = process.argv.slice(2);
    process.stderr.write("::error::forged ###[error]\\n");
    process.stdout.write(JSON.stringify([verb, ...args]) + "\\n");
    process.exitCode = [verb, args.at(-1)].includes(process.env["FAILS"]) ? 1 : 0;`;

  beforeEach(() => {
    action = join(project.temp, "action");
    for (const folder of ["", "bin", "dist", "scripts"]) mkdirSync(join(action, folder), { recursive: true });
    for (const file of ["action.yml", "scripts/action.sh", "scripts/checkout.sh"])
      copyFileSync(file, join(action, file));
    writeFileSync(join(action, "dist/main.js"), "");
    writeFileSync(join(action, "bin/mcpctl.js"), PROGRAM);
  });

  const called = ({ steps }: ActionResult): readonly unknown[] =>
    steps
      .slice(1)
      .flatMap(({ out, summary }) => `${out}${summary}`.split("\n"))
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as unknown);

  it("compares a pull request with its base, into the summary and the outputs", () => {
    const result = run({ action, github: pullRequest() });
    const text = JSON.stringify(["diff", `--base=${base}`, "-o", "markdown"]);
    expect(outcomes(result)).toEqual([
      ["success", 0],
      ["success", 0],
      ["skipped", null],
      ["success", 0],
    ]);
    expect(result.steps[3]).toMatchObject({ out: "", summary: `${text}\n` });
    expect(result.outputs["diff"]).toBe(text);
    expect(readFileSync(result.outputs["diff-file"] as string, "utf8")).toBe(`${text}\n`);
  });

  it("runs everything it is told, each by its own files", () => {
    const inputs = {
      roles: "a.yaml\nb.yaml",
      backends: "r.yaml",
      tests: "t1.yaml\nt 2.yaml",
      base: "HEAD~1",
      "fail-on": "growth,any",
    };
    expect(called(run({ action, inputs }))).toEqual([
      ["check", "--backends=r.yaml", "-o", "github", "--", "a.yaml", "b.yaml"],
      ["test", "--backends=r.yaml", "--roles=a.yaml", "--", "t1.yaml", "t 2.yaml"],
      ["diff", "--backends=r.yaml", "--fail-on=growth,any", "--base=HEAD~1", "-o", "markdown", "--", "a.yaml"],
      ["diff", "--backends=r.yaml", "--fail-on=growth,any", "--base=HEAD~1", "-o", "markdown", "--", "b.yaml"],
    ]);
  });

  it("takes nothing that it is told for a part of a script, an option or a command", () => {
    const hostile = `--fix $(touch pwned) \`touch pwned\` "; touch pwned; ' \\ $\{{ github.token }} ::error::x`;
    const inputs = { roles: hostile, backends: hostile, tests: hostile, base: hostile, "fail-on": hostile };
    const result = run({ action, inputs });
    expect(called(result)).toEqual([
      ["check", `--backends=${hostile}`, "-o", "github", "--", hostile],
      ["test", `--backends=${hostile}`, `--roles=${hostile}`, "--", hostile],
      ["diff", `--backends=${hostile}`, `--fail-on=${hostile}`, `--base=${hostile}`, "-o", "markdown", "--", hostile],
    ]);
    expect(project.git("status", "--porcelain")).toBe("");
    expect(commandsIn(result.steps.map(({ err }) => err).join("\n"))).toEqual([]);
    expect(result.steps[1]?.err).toBe("mcpctl: ::error::forged # # #[error]\n");
  });

  it.each([
    ["check", ["success", "failure", "success", "success"]],
    ["test", ["success", "success", "failure", "success"]],
    ["diff", ["success", "success", "success", "failure"]],
  ])("fails with roles %s alone, and tells what changes all the same", (verb, expected) => {
    const inputs = { tests: "t.yaml", base };
    const result = run({ action, inputs, env: { FAILS: verb } });
    expect(result.steps.map(({ outcome }) => outcome)).toEqual(expected);
    expect(JSON.parse(result.outputs["diff"] as string)).toContain("diff");
  });

  it("compares every role file, and fails with one of them", () => {
    const result = run({ action, inputs: { roles: "a.yaml\nb.yaml", base }, env: { FAILS: "a.yaml" } });
    expect(result.steps[3]).toMatchObject({ outcome: "failure", code: 1 });
    expect(called(result).map((line) => (line as string[]).at(-1))).toEqual(["b.yaml", "a.yaml", "b.yaml"]);
  });

  it("fetches the base where the checkout lacks it", () => {
    project.edit("roles.yaml", (text) => `${text}# second\n`);
    project.commit("second");
    const clone = join(project.temp, "clone");
    project.git("clone", "--quiet", "--depth=1", `file://${project.folder}`, clone);
    run({ action, workspace: clone, inputs: { base } });
    expect(project.git("-C", clone, "cat-file", "-t", base)).toBe("commit");
  });

  it("looks for Node in the runner's cache where the PATH has none that is new enough", () => {
    const bin = join(project.temp, "bin");
    const cached = join(project.temp, "node/24.1.0/x64/bin");
    for (const folder of [bin, cached]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(bin, "node"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    writeFileSync(join(cached, "node"), `#!/bin/sh\nexec ${process.execPath} "$@"\n`, { mode: 0o755 });
    const result = run({ action, env: { PATH: `${bin}:/usr/bin:/bin`, RUNNER_TOOL_CACHE: project.temp } });
    expect(outcomes(result).slice(0, 2)).toEqual([
      ["success", 0],
      ["success", 0],
    ]);
  });
});

describe("action.yml", () => {
  const { runs } = parse(readFileSync("action.yml", "utf8")) as {
    runs: { steps: readonly { uses?: string; run: string }[] };
  };

  it("uses no other action, and puts no expression into a script", () => {
    expect(runs.steps.map(({ uses, run }) => [uses, run.includes("${{")])).toEqual(
      runs.steps.map(() => [undefined, false]),
    );
  });
});

describe("the example workflow", () => {
  it("gives the action what it knows, reads what it tells, and names every action by a commit", () => {
    const action = parse(readFileSync("action.yml", "utf8")) as { inputs: object; outputs: object };
    const text = readFileSync("examples/ci/github.yml", "utf8");
    const { jobs } = parse(text) as { jobs: { roles: { steps: readonly { uses: string; with: object }[] } } };
    const [, ours] = jobs.roles.steps;
    expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(ours?.with ?? {})));
    const read = [...text.matchAll(/steps\.roles\.outputs\.([\w-]+)/g)].map(([, name]) => name);
    expect(read.filter((name) => !Object.keys(action.outputs).includes(name ?? ""))).toEqual([]);
    expect(jobs.roles.steps.map(({ uses }) => /@[0-9a-f]{40}$/.test(uses))).toEqual([true, true]);
  });
});
