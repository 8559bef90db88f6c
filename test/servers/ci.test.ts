import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runAction } from "../support/action-runner.ts";
import { copyCheckout } from "../support/checkout.ts";
import { GitProject } from "../support/git-project.ts";

/**
 * The folder of pre-commit, check-jsonschema, shellcheck and zizmor (test/requirements.txt). Without it they are not tried, which
 * is said; with MCPCTL_REQUIRE_SERVERS=1 that fails.
 */
function tools(): string | null {
  const named = process.env["MCPCTL_CI_TOOLS"];
  if (named !== undefined && named !== "") return named;
  if (process.env["MCPCTL_REQUIRE_SERVERS"] === "1") return "/no-tools";
  process.stderr.write("NOT TESTED with pre-commit and the linters of CI files: set MCPCTL_CI_TOOLS to their folder\n");
  return null;
}

const TOOLS = tools();
const INSTALLS_MS = 300_000;

function call(
  tool: string,
  args: readonly string[],
  cwd = ".",
  env: NodeJS.ProcessEnv = {},
): readonly [number | null, string] {
  const { status, stdout, stderr, error } = spawnSync(join(TOOLS ?? "", tool), args, {
    cwd,
    encoding: "utf8",
    env: { ...inherited(), ...env },
  });
  if (error !== undefined) throw error;
  return [status, status === 0 ? "" : `${stdout}${stderr}`];
}

/** All of this process's environment, with whatever reaching a registry takes here, but for what a runner would set. */
function inherited(): Record<string, string> {
  const named = Object.entries(process.env).filter(([name]) => !/^(GITHUB|RUNNER|GIT|PRE_COMMIT)_/.test(name));
  return Object.fromEntries(named) as Record<string, string>;
}

describe.skipIf(TOOLS === null)("the linters of CI files", () => {
  it.each([
    ["check-jsonschema", ["--builtin-schema", "vendor.github-actions", "action.yml"]],
    ["check-jsonschema", ["--builtin-schema", "vendor.github-workflows", "examples/ci/github.yml"]],
    [
      "check-jsonschema",
      ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", "examples/ci/gitlab-ci.yml"],
    ],
    ["zizmor", ["--offline", "--no-config", "action.yml", "examples/ci/github.yml"]],
    ["shellcheck", ["--external-sources", "scripts/action.sh", "scripts/pre-commit.sh", "scripts/checkout.sh"]],
    ["pre-commit", ["validate-manifest", ".pre-commit-hooks.yaml"]],
  ])("%s has nothing against %j", (tool, args) => {
    expect(call(tool, args)).toEqual([0, ""]);
  });

  it("would tell an expression in a script", () => {
    const project = new GitProject();
    const file = join(project.temp, "action.yml");
    writeFileSync(
      file,
      "name: a\ndescription: b\ninputs: {x: {description: x}}\nruns: {using: composite, steps: [{shell: bash, run: 'echo ${{ inputs.x }}'}]}\n",
    );
    const [code, text] = call("zizmor", ["--offline", "--no-config", file]);
    project.remove();
    expect([code === 0, text.includes("template-injection")]).toEqual([false, true]);
  });
});

describe.skipIf(TOOLS === null)("a checkout of the repository", () => {
  let project: GitProject;
  let checkout: string;
  let env: Record<string, string>;

  beforeEach(() => {
    project = new GitProject();
    checkout = join(project.temp, "checkout");
    copyCheckout(checkout);
    // The Node that runs this test, before the machine's own.
    const bin = join(project.temp, "bin");
    mkdirSync(bin);
    symlinkSync(process.execPath, join(bin, "node"));
    env = { ...inherited(), PATH: `${bin}:${process.env["PATH"]}` };
  });

  afterEach(() => project.remove());

  const breakRoles = (): void => project.edit("roles.yaml", (text) => text.replace("    - eks-ro\n", "    - eks-rw\n"));

  it("builds itself as an action, and checks", { timeout: INSTALLS_MS }, () => {
    const run = (): readonly unknown[] =>
      runAction({ action: checkout, workspace: project.folder, temp: project.temp, env }).steps.map(({ code }) => code);
    expect(run()).toEqual([0, 0, null, null]);
    breakRoles();
    expect(run()).toEqual([0, 1, null, null]);
  });

  it("builds itself as a pre-commit hook, and refuses a commit that breaks a rule", { timeout: INSTALLS_MS }, () => {
    project.git("-C", checkout, "init", "--quiet");
    project.git("-C", checkout, "add", "--all");
    project.git("-C", checkout, "commit", "--quiet", "--message", "a release");
    const rev = project.git("-C", checkout, "rev-parse", "HEAD");
    writeFileSync(
      join(project.folder, ".pre-commit-config.yaml"),
      `repos: [{repo: "${checkout}", rev: ${rev}, hooks: [{id: mcpctl-roles-check, args: [-o, compact]}]}]\n`,
    );
    project.git("add", "--all");
    const home = { ...env, PRE_COMMIT_HOME: join(project.temp, "pre-commit") };
    const run = (...args: readonly string[]): readonly [number | null, string] =>
      call("pre-commit", ["run", "--color", "never", ...args], project.folder, home);
    expect(run("--all-files")).toEqual([0, ""]);
    breakRoles();
    project.git("add", "--all");
    const [code, text] = run();
    expect(code).toBe(1);
    expect(text).toContain("roles.yaml:17:7: error MC301 ");
    const [kept = ""] = readdirSync(home.PRE_COMMIT_HOME).filter((name) => name.startsWith("repo"));
    expect(existsSync(join(home.PRE_COMMIT_HOME, kept, "node_modules"))).toBe(false);
  });
});
