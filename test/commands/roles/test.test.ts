import { copyFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../../src/commands/cli.ts";
import { registerTest, type TestOptions } from "../../../src/commands/roles/test.ts";
import { makeProject, NOW, type Project } from "../../support/run-cli.ts";
import { xmlProblem } from "../../support/well-formed-xml.ts";

let project: Project;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const put = (name: string, content: string | Uint8Array): Promise<void> => writeFile(join(project.cwd, name), content);
const test = (argv: readonly string[] = [], options: Parameters<Project["run"]>[1] = {}) =>
  project.run(["roles", "test", "t.yaml", ...argv], options);

const ROLES = `roleMapping:
  dev:
    - {backend: eks-ro, tools: {allow: ["eks_*"], deny: [eks_delete_pod]}}
    - costs
`;
const PASSES = "tests:\n  - {role: dev, backend: eks-ro, tool: eks_get_pods, expect: allow}\n";

describe("argv", () => {
  it.each([
    [["a.yaml"], { files: ["a.yaml"], output: "text" }],
    [
      ["a", "b", "--roles", "r", "--backends", "k", "--threshold", "99.5", "--mutate", "--verbose", "-o", "junit"],
      { files: ["a", "b"], roles: "r", backends: "k", threshold: 99.5, mutate: true, verbose: true, output: "junit" },
    ],
  ])("%o becomes %o", async (argv, expected) => {
    const seen: unknown[] = [];
    const show = async (_result: unknown, output: unknown): Promise<void> => void seen.push({ output });
    const roles = new Command();
    registerTest(roles, { show } as unknown as Cli, async (options: TestOptions) => {
      seen.push(options);
      return {};
    });
    await roles.parseAsync(["test", ...argv], { from: "user" });
    expect(Object.assign({}, ...seen)).toEqual(expected);
  });

  it.each(["-1", "100.1", "1e1", "", "50%", "NaN"])("refuses a threshold of %o: exit 2", async (percent) => {
    await put("t.yaml", PASSES);
    expect((await test([`--threshold=${percent}`])).code).toBe(2);
  });
});

describe("roles test", () => {
  it("passes on the examples, speaks about every grant and notices every dangerous change: exit 0", async () => {
    await copyFile("examples/policy-test.yaml", join(project.cwd, "t.yaml"));
    expect(await test(["--mutate", "--threshold", "100"])).toEqual({
      code: 0,
      out: "3 tests passed, 0 failed (58 calls). Coverage 100 %: 22 of 22 grants and tool patterns, at least 100 %. 6 changes tried, 0 unnoticed. 0 ms.\n",
      err: "",
    });
    expect((await readdir(project.cwd)).toSorted()).toEqual(["backends.yaml", "roles.yaml", "t.yaml"]);
  });

  it("tells of each failure where it is expected and which line decided, and passes only when asked: exit 1", async () => {
    await put("roles.yaml", ROLES);
    const failing =
      "  - name: dev reaches no cluster\n    matrix: {roles: [dev], backends: [eks-ro, eks-rw], allow: {dev: [eks-rw]}}\n";
    await put("t.yaml", PASSES + failing);
    const rest = `FAIL  t.yaml:3:5 dev reaches no cluster (2 of 2 calls)
  t.yaml:3:5: dev -> eks-ro: expected deny, got allow
    roles.yaml:3:7: role dev lists eks-ro
  t.yaml:4:70: dev -> eks-rw: expected allow, got deny (backend_not_granted)
    roles.yaml:2:3: role dev does not list eks-rw

No test speaks about:
  roles.yaml:3:7: dev -> eks-ro, tools deny eks_delete_pod
  roles.yaml:4:7: dev -> costs

1 test passed, 1 failed (3 calls). Coverage 50 %: 2 of 4 grants and tool patterns. 0 ms.
`;
    expect(await test()).toEqual({ code: 1, out: rest, err: "" });
    expect(await test(["--verbose", "--mutate"])).toEqual({
      code: 1,
      out: `ok    t.yaml:2:5 dev -> eks-ro, tool eks_get_pods: allow\n${rest}`,
      err: "No change was tried, for not all tests pass.\n",
    });
  });

  it.each([
    ["50", 0, "at least 50 %"],
    ["50.1", 1, "below 50.1 %"],
  ])("with --threshold %s ends with exit code %i", async (threshold, code, told) => {
    await put("roles.yaml", ROLES);
    await put("t.yaml", PASSES);
    const result = await test(["--threshold", threshold]);
    expect([result.code, result.out.includes(`Coverage 50 %: 2 of 4 grants and tool patterns, ${told}.`)]).toEqual([
      code,
      true,
    ]);
  });

  it("names the changes that no test noticed, with the case that would: exit 1", async () => {
    await put("roles.yaml", ROLES);
    const others = ["cloudflare-edit", "argo-sync", "postgres-rw", "github-rw", "eks-rw"];
    const denied = others.map((name) => `  - {role: dev, backend: ${name}, expect: deny}\n`);
    await put("t.yaml", PASSES + denied.join(""));
    const { code, out } = await test(["--mutate"]);
    expect([code, out.slice(out.indexOf("SURVIVED"))]).toEqual([
      1,
      `SURVIVED  No test noticed these changes; the case below each would:
  roles.yaml:2:3: dev -> aws-rw (prod, rw) granted
    - { role: "dev", backend: "aws-rw", expect: deny }
  roles.yaml:3:7: dev -> eks-ro (stage, ro) granted whole, not only some tools
    - { role: "dev", backend: "eks-ro", tool: "eks_delete_pod", expect: deny }
  roles.yaml:3:7: dev -> eks-ro (stage, ro) no longer denied eks_delete_pod
    - { role: "dev", backend: "eks-ro", tool: "eks_delete_pod", expect: deny }

6 tests passed, 0 failed (6 calls). Coverage 50 %: 2 of 4 grants and tool patterns. 8 changes tried, 3 unnoticed. 0 ms.
`,
    ]);
  });

  it("lists at most 20 of anything, and recommends a matrix", async () => {
    const roles = Array.from({ length: 30 }, (_, index) => `  r${index}: [costs]\n`).join("");
    await put("roles.yaml", `roleMapping:\n${roles}`);
    await put("t.yaml", "tests: [{role: r0, backend: costs, expect: allow}]\n");
    const { out } = await test(["--mutate"]);
    expect(out.split("\n").filter((line) => line.includes("more") || line.includes("matrix"))).toEqual([
      "  and 9 more",
      "  and 160 more",
      "  A matrix of all roles and backends notices all that is granted.",
    ]);
  });

  it("tells of everything that makes a file unusable, and runs nothing: exit 3", async () => {
    await put("t.yaml", "tests:\n  - {role: dev-redonly, backend: eks-ro, expect: allow}\n");
    expect(await test(["--mutate"])).toMatchObject({
      code: 3,
      out: `t.yaml:2:12 error MC002 there is no role "dev-redonly" in roles.yaml
  2 |   - {role: dev-redonly, backend: eks-ro, expect: allow}
    |            ^~~~~~~~~~~
  Did you mean dev-readonly?
`,
    });
  });

  it.each([
    ["an empty file", ""],
    ["no test", "tests: []\n"],
    ["a list without an end", "tests: [\n"],
    ["no UTF-8", Uint8Array.of(0xff)],
    [
      "a billion laughs",
      `a: &a [x, x]\n${"bcdefghijklmnopqrstuvwxyz".replace(/./g, (c, at: number) => `${c}: &${c} [*${"abcdefghijklmnopqrstuvwxy"[at]}, *${"abcdefghijklmnopqrstuvwxy"[at]}]\n`)}tests: *z\n`,
    ],
    ["depth without end", `tests: ${"[".repeat(100_000)}`],
  ])("is not green with %s: exit 3", async (_what, content) => {
    await put("t.yaml", content);
    const { code, out } = await test();
    expect([code, out.startsWith("t.yaml:1:") || out.includes(" error MC")]).toEqual([3, true]);
  });

  it.each([
    ["no such test file", ["roles", "test", "nope.yaml"], "the test file"],
    ["a folder", ["roles", "test", "."], "is a folder"],
    ["a role file with an error", ["roles", "test", "t.yaml", "--roles", "t.yaml"], "t.yaml:1:1"],
    ["no such registry", ["roles", "test", "t.yaml", "--backends", "nope.yaml"], "the backend registry"],
  ])("refuses %s: exit 3", async (_what, argv, told) => {
    await put("t.yaml", PASSES.replace("dev", "dev-readonly"));
    const { code, out, err } = await project.run(argv);
    expect([code, out, err.includes(told)]).toEqual([3, "", true]);
  });

  it("reads one file once, and the role file and registry that are named", async () => {
    await put("r.yaml", ROLES);
    await put("t.yaml", PASSES);
    const { code, out } = await test([join(project.cwd, "t.yaml"), "--roles", "r.yaml", "--backends", "backends.yaml"]);
    expect([code, out.includes("1 test passed, 0 failed (1 call).")]).toEqual([0, true]);
  });

  it("ends at Ctrl-C: exit 130", async () => {
    const names = Array.from({ length: 150 }, (_, index) => `r${index}`);
    await put("roles.yaml", `roleMapping:\n${names.map((name) => `  ${name}: [costs]\n`).join("")}`);
    const one = "  - matrix: {roles: all, backends: all, allow: {}}\n";
    await put("t.yaml", `tests:\n${one.repeat(10)}`);
    const signal = AbortSignal.abort();
    expect(await test([], { signal })).toEqual({
      code: 130,
      out: "",
      err: "error: interrupted; nothing was changed\n",
    });
    expect((await test()).code).toBe(1);
  });
});

describe("forms", () => {
  const HOSTILE = 'x"<&>\u001b[31m\u202e]]>';

  it("prints whole data as JSON", async () => {
    await put("roles.yaml", ROLES);
    await put("t.yaml", PASSES);
    let now = NOW;
    const { out } = await test(["-o", "json"], { now: () => (now += 7) });
    expect(JSON.parse(out)).toEqual({
      files: ["t.yaml"],
      problems: [],
      passed: 1,
      failed: 0,
      tests: [
        {
          name: "dev -> eks-ro, tool eks_get_pods: allow",
          place: { file: "t.yaml", line: 2, column: 5 },
          judged_calls: 1,
          failed_calls: 0,
          failures: [],
        },
      ],
      coverage: {
        grants: 4,
        covered: 2,
        percent: 50,
        threshold: null,
        gaps: [
          {
            role: "dev",
            backend: "eks-ro",
            pattern: { list: "deny", text: "eks_delete_pod" },
            place: { file: "roles.yaml", line: 3, column: 7 },
          },
          { role: "dev", backend: "costs", pattern: null, place: { file: "roles.yaml", line: 4, column: 7 } },
        ],
      },
      mutation: null,
      duration_ms: 7,
    });
  });

  it("prints JUnit XML with a suite for each file, for coverage and for changes", async () => {
    await put("roles.yaml", "roleMapping:\n  dev: [eks-rw, aws-rw, argo-sync, github-rw, postgres-rw]\n");
    await put("t.yaml", "tests:\n  - {role: dev, backend: eks-rw, expect: allow}\n");
    const { code, out } = await test(["-o", "junit", "--threshold", "50", "--mutate"]);
    expect(code).toBe(1);
    expect(out).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="roles test" tests="3" failures="2" errors="0" skipped="0">
  <testsuite name="t.yaml" tests="1" failures="0" errors="0" skipped="0">
    <testcase classname="t.yaml" name="dev -&gt; eks-rw: allow (line 2)"/>
  </testsuite>
  <testsuite name="roles test: coverage" tests="1" failures="1" errors="0" skipped="0">
    <testcase classname="roles test: coverage" name="at least 50 % of the grants are spoken about"><failure message="tests speak about 1 of 5">roles.yaml:2:17: dev -&gt; aws-rw
roles.yaml:2:25: dev -&gt; argo-sync
roles.yaml:2:36: dev -&gt; github-rw
roles.yaml:2:47: dev -&gt; postgres-rw</failure></testcase>
  </testsuite>
  <testsuite name="roles test: dangerous changes" tests="1" failures="1" errors="0" skipped="0">
    <testcase classname="roles test: dangerous changes" name="roles.yaml:2:3: dev -&gt; cloudflare-edit (prod, rw) granted"><failure message="no test noticed it">- { role: &quot;dev&quot;, backend: &quot;cloudflare-edit&quot;, expect: deny }</failure></testcase>
  </testsuite>
</testsuites>
`);
    expect(xmlProblem(out)).toBeNull();
  });

  it.each([
    ["a name", `tests:\n  - {name: ${JSON.stringify(HOSTILE)}, role: dev, backend: costs, expect: deny}\n`, 1],
    ["a tool", `tests:\n  - {role: dev, backend: costs, tool: ${JSON.stringify(HOSTILE)}, expect: deny}\n`, 1],
    ["a layer", `tests:\n  - {role: dev, backend: costs, layer: ${JSON.stringify(HOSTILE)}, expect: deny}\n`, 3],
  ])("keeps controls and markup in %s from terminals and XML", async (_what, content, exit) => {
    await put("roles.yaml", ROLES);
    await put("t.yaml", content);
    for (const form of ["text", "json", "yaml", "junit"]) {
      const { code, out } = await test(["-o", form]);
      expect([form, code, /[\u001b\u202e]/.test(out)]).toEqual([form, exit, false]);
      const problems = form === "junit" ? [xmlProblem(out), out.includes("]]>")] : [null, false];
      expect(problems).toEqual([null, false]);
    }
  });
});
