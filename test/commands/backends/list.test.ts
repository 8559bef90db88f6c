import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, type Project } from "../../support/run-cli.ts";

let project: Project;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const list = (...argv: readonly string[]) => project.run(["backends", "list", ...argv]);

describe("backends list", () => {
  it("shows the backends that are asked for", async () => {
    expect(await list("--service", "eks", "--service", "costs", "--access", "ro")).toEqual({
      code: 0,
      out: `eks-ro\teks\tstage\tro\tplatform\t4: 4 exact\tmcp-servers/mcp-eks-ro
eks-ro-prod\teks\tprod\tro\tplatform\tnone known\tmcp-servers/mcp-eks-ro-prod
`,
      err: "",
    });
    expect(await list("--environment", "dev", "-o", "name")).toEqual({ code: 0, out: "prometheus-dev\n", err: "" });
    expect(await list("--environment", "dev", "-o", "csv")).toEqual({
      code: 0,
      out:
        "BACKEND,SERVICE,ENV,ACCESS,OWNER,TOOLS,SERVICEACCOUNT\r\n" +
        "prometheus-dev,prometheus,dev,ro,observability,none known,mcp-servers/mcp-prometheus-dev\r\n",
      err: "",
    });
    expect(await list("--service", "none")).toEqual({
      code: 0,
      out: "",
      err: "No backend of backends.yaml is so.\n",
    });
  });

  it("counts of how many tools it is known what they need", async () => {
    const declared = (more: string): string => `declared: { digest: "0123456789ab"${more} }`;
    await writeFile(
      join(project.cwd, "backends.yaml"),
      `backends:
  a:
    service: s
    environment: e
    access: ro
    owner: o
    url: http://a
    iamRole: arn:aws:iam::111122223333:role/a
    tools:
      exact: { aws: [], ${declared(", bounds: { kubernetes: [] }")} }
      at_most: { ${declared(", bounds: { unbounded: why }")} }
      hinted: { ${declared(", readOnly: true")} }
      named: {}
`,
    );
    expect(JSON.parse((await list("-o", "json")).out)).toEqual([
      {
        name: "a",
        service: "s",
        environment: "e",
        access: "ro",
        owner: "o",
        url: "http://a",
        path: "mcp",
        service_account: null,
        iam_role: "arn:aws:iam::111122223333:role/a",
        tools: { known: 4, exact: 1, declared: 1, unknown: 2 },
        place: { file: "backends.yaml", line: 2, column: 3 },
      },
    ]);
    expect((await list()).out).toBe("a\ts\te\tro\to\t4: 1 exact, 1 at most, 2 unknown\t\n");
  });

  it("tells of a registry that cannot be used", async () => {
    await writeFile(join(project.cwd, "backends.yaml"), "backends: [\n");
    expect(await list()).toMatchObject({ code: 3, out: "" });
  });
});
