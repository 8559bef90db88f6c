import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../../src/commands/cli.ts";
import { registerList, type ListOptions } from "../../../src/commands/roles/list.ts";
import { makeProject, type Project } from "../../support/run-cli.ts";
import { xmlProblem } from "../../support/well-formed-xml.ts";

const LEGEND = "ro reads, rw writes; * some tools only, ! production.\n";
let project: Project;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const put = (name: string, content: string): Promise<void> => writeFile(join(project.cwd, name), content);
const list = (argv: readonly string[] = [], options: Parameters<Project["run"]>[1] = {}) =>
  project.run(["roles", "list", ...argv], options);
const onTerminal = (columns: number, ...argv: readonly string[]) =>
  list(argv, { outIsTerminal: true, columns, env: { NO_COLOR: "1" } });

describe("argv", () => {
  it.each([
    [[], { output: "table" }],
    [
      ["--role", "a", "--role", "b", "--backend", "c", "--env", "prod", "--write", "-o", "svg"],
      { role: ["a", "b"], backend: ["c"], env: ["prod"], write: true, output: "svg" },
    ],
  ])("%o becomes %o", async (argv, expected) => {
    const seen: ListOptions[] = [];
    const roles = new Command();
    registerList(roles, { show: async () => undefined } as unknown as Cli, async (options) => {
      seen.push({ ...options });
      return {};
    });
    await roles.parseAsync(["list", ...argv], { from: "user" });
    expect(seen).toEqual([expected]);
  });
});

describe("roles list", () => {
  it("shows the examples as a matrix on a terminal", async () => {
    expect(await onTerminal(80, "--env", "stage", "--env", "prod", "--write")).toEqual({
      code: 0,
      out: `BACKEND          ENV    devops-full
eks-rw           stage  rw
aws-rw           prod   rw!
postgres-rw      stage  rw
cloudflare-edit  prod   rw!
argo-sync        prod   rw!
`,
      err: LEGEND,
    });
    const { out } = await onTerminal(80);
    expect(out.split("\n").slice(0, 3)).toEqual([
      "BACKEND          ENV     devops-full  dev-readonly",
      "eks-ro           stage   -            ro",
      "eks-ro-prod      prod    ro!          ro!",
    ]);
  });

  it("says what it left out of a narrow terminal", async () => {
    const roles = Array.from({ length: 9 }, (_, index) => `  team-${index}: [eks-ro]\n`).join("");
    await put("roles.yaml", `roleMapping:\n${roles}`);
    expect(await onTerminal(45)).toMatchObject({
      code: 0,
      err: `${LEGEND}Left out, for the terminal is too narrow: 7 roles (team-2, team-3, team-4, team-5, team-6 and others). Name some with --role, or use -o csv.\n`,
    });
  });

  it("tells who reaches a backend, with the tools", async () => {
    await put(
      "roles.yaml",
      "roleMapping:\n  dev: [{backend: eks-ro-prod, tools: {allow: ['eks_*'], deny: [x]}}]\n  ops: [costs]\n  qa: [eks-ro-prod]\n",
    );
    expect(await onTerminal(80, "--backend", "eks-ro-prod")).toEqual({
      code: 0,
      out: `ROLE  BACKEND      ENV   PRODUCTION  ACCESS  TOOLS
dev   eks-ro-prod  prod  yes         ro      eks_*; not x
qa    eks-ro-prod  prod  yes         ro      all
`,
      err: "",
    });
    expect(await list(["--backend", "eks-ro-prod", "-o", "name"])).toEqual({ code: 0, out: "dev\nqa\n", err: "" });
    expect(await list(["--backend", "eks-ro"])).toEqual({ code: 0, out: "", err: "No role reaches any of this.\n" });
  });

  it("prints a line for each grant off a terminal, and as CSV with a header", async () => {
    await put(
      "roles.yaml",
      "roleMapping:\n  dev: [costs, {backend: eks-rw, tools: {allow: []}}, {backend: aws-rw, tools: {deny: ['=x']}}]\n",
    );
    expect(await list()).toEqual({
      code: 0,
      out: "dev\tcosts\tshared\tno\tro\tall\ndev\teks-rw\tstage\tno\trw\tnone\ndev\taws-rw\tprod\tyes\trw\tall; not =x\n",
      err: "",
    });
    expect((await list(["-o", "csv"])).out).toBe(
      "ROLE,BACKEND,ENV,PRODUCTION,ACCESS,TOOLS\r\ndev,costs,shared,no,ro,all\r\ndev,eks-rw,stage,no,rw,none\r\ndev,aws-rw,prod,yes,rw,all; not =x\r\n",
    );
  });

  it("prints whole data as JSON", async () => {
    await put("roles.yaml", "roleMapping:\n  dev: [costs, {backend: eks-rw, tools: {deny: [x]}}]\n");
    const { out } = await list(["--write", "-o", "json"]);
    expect(JSON.parse(out)).toEqual({
      roles: [{ name: "dev", place: { file: "roles.yaml", line: 2, column: 3 } }],
      backends: [
        {
          name: "eks-rw",
          service: "eks",
          environment: "stage",
          access: "rw",
          is_production: false,
          place: { file: "backends.yaml", line: 29, column: 3 },
        },
      ],
      grants: [
        {
          role: "dev",
          backend: "eks-rw",
          access: "rw",
          environment: "stage",
          is_production: false,
          tools: { allow: null, deny: ["x"] },
          place: { file: "roles.yaml", line: 2, column: 16 },
        },
      ],
    });
  });

  it("draws, and says when Mermaid would draw only some", async () => {
    const svg = await list(["-o", "svg"]);
    expect([svg.code, svg.err, xmlProblem(svg.out.trimEnd())]).toEqual([0, "", null]);
    expect((await list(["-o", "dot"])).out.startsWith("digraph roles {\n")).toBe(true);
    expect(await list(["-o", "mermaid"])).toMatchObject({ code: 0, err: "" });
    const roles = Array.from({ length: 501 }, (_, index) => `  r${index}: [costs]\n`).join("");
    await put("roles.yaml", `roleMapping:\n${roles}`);
    expect((await list(["-o", "mermaid"])).err).toBe(
      "Mermaid draws 500 lines unless its maxEdges says more; these are 501.\n",
    );
  });

  it("draws no picture in which nobody would see anything: exit 3", async () => {
    const roles = Array.from({ length: 5_000 }, (_, index) => `  r${index}: [costs]\n`).join("");
    await put("roles.yaml", `roleMapping:\n${roles}`);
    for (const form of ["mermaid", "dot", "svg"]) {
      expect(await list(["-o", form])).toEqual({
        code: 3,
        out: "",
        err: "error: 5000 grants are more than a picture can show\n  Choose some with --role, --backend, --env or --write.\n",
      });
    }
    expect((await list(["-o", "csv"])).out.split("\r\n")).toHaveLength(5_002);
  });

  it("leaves out grants to what the registry lacks, and says so", async () => {
    await put("roles.yaml", "roleMapping:\n  dev: [costs, ghost]\n");
    expect(await list()).toEqual({
      code: 0,
      out: "dev\tcosts\tshared\tno\tro\tall\n",
      err: "Left out: 1 grant to backends that the registry lacks; see `mcpctl roles check`.\n",
    });
  });

  it.each([
    [["--role", "dev-readnly"], 'there is no role "dev-readnly" in roles.yaml\n  Did you mean dev-readonly?'],
    [["--backend", "eks-r0"], 'there is no backend "eks-r0" in backends.yaml\n  Did you mean eks-ro?'],
    [["--env", "production"], 'no backend of backends.yaml is in "production"\n  There are: stage, prod, shared, dev.'],
  ])("%o is an unknown name, and not an empty list: exit 3", async (argv, message) => {
    expect(await list(argv)).toEqual({ code: 3, out: "", err: `error: ${message}\n` });
  });

  it.each([
    ["roles.yaml", "roleMapping: [\n"],
    ["backends.yaml", "backends: {a: {}}\n"],
  ])("shows nothing of a %s that cannot be read: exit 3", async (name, content) => {
    await put(name, content);
    const { code, out } = await list();
    expect([code, out]).toEqual([3, ""]);
  });

  it("lets no tool's name steer a terminal or a spreadsheet", async () => {
    await put("roles.yaml", 'roleMapping:\n  dev: [{backend: costs, tools: {allow: ["=cmd()\\u001b[31m"]}}]\n');
    for (const argv of [[], ["-o", "csv"], ["-o", "json"], ["-o", "yaml"]]) {
      expect((await list(argv)).out).not.toContain("\u001b");
    }
    expect((await list(["-o", "csv"])).out).toContain(",'=cmd()\\u001b[31m");
  });
});
