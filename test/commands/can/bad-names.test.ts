import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Project } from "../../support/run-cli.ts";
import { editFile, makeSampleProject } from "../../support/sample-project.ts";
import { join as documents, role, rule } from "../../support/rbac-facts.ts";

let project: Project;
beforeEach(async () => {
  project = await makeSampleProject();
});
afterEach(() => project.remove());

const at = (name: string): string => join(project.cwd, name);
const put = (name: string, content: string): Promise<void> => writeFile(at(name), content);
const edit = (name: string, from: string | RegExp, to: string): Promise<void> =>
  editFile(join(project.cwd, name), from, to);
const codeOf = async (argv: readonly string[]): Promise<number> => (await project.run(argv)).code;
const DELETE = ["can", "dev-readonly", "eks-ro", "eks_delete_pod"];
const R = "apiVersion: rbac.authorization.k8s.io/v1";

/** What steers a terminal: a title, a colour, a new line, a right-to-left override, C1. */
const STEERING = "\u001b]0;x\u0007\u001b[31m\u0000\n\u202e\u2028\u009b";
/** Any of that; lines end, and columns are kept apart. */
const RAW = /(?![\n\t]|\r\n)[\u0000-\u001f\u007f-\u009f\u2028\u202e]/;

it("lets no name among the facts steer a terminal, whatever the form of the output", async () => {
  const name = JSON.stringify(`x${STEERING}`);
  const bound = `{kind: ClusterRoleBinding, ${R}, metadata: {name: ${name}}, roleRef: {kind: ClusterRole, name: ${name}}, `;
  await put(
    `manifests/z${STEERING.replace("\0", "")}.yaml`,
    documents(
      role(rule("*", "*", "*"), name),
      `${bound}subjects: [{kind: ServiceAccount, name: mcp-eks-ro, namespace: mcp-servers}]}`,
      `{kind: Role, apiVersion: ${JSON.stringify(`rbac.authorization.k8s.io/${STEERING}`)}, metadata: {name: ${name}}}`,
      `{kind: ${name}, ${R}, metadata: {name: ${name}, namespace: ${name}}}`,
    ),
  );
  await edit("iam/account.json", '"ReadEc2"', JSON.stringify(STEERING));
  await edit("iam/account.json", /"look"/g, name);
  await edit("backends.yaml", "eks_get_events", JSON.stringify(`x\u001b\u202e`));
  const asked = [
    DELETE,
    ["can", "--matrix"],
    ["can", "--who", "aws_describe_instances"],
    ["verify"],
    ["roles", "test", "policy-layers-test.yaml"],
  ];
  const forms = [
    ["text", "table", "json", "yaml", "csv"],
    ["text", "table", "json", "yaml", "csv"],
    ["text", "table", "json", "yaml", "csv"],
    ["pretty", "compact", "json", "yaml", "github", "sarif", "junit", "markdown"],
    ["text", "json", "yaml", "junit"],
  ];
  for (const [index, argv] of asked.entries())
    for (const form of forms[index] ?? []) {
      const { code, out, err } = await project.run([...argv, "-o", form]);
      const raw = RAW.exec(out + err);
      expect([...argv, form, code < 2 || code === 7, raw]).toEqual([...argv, form, true, null]);
    }
});

describe("an odd --arg", () => {
  beforeEach(() =>
    edit(
      "manifests/rbac.yaml",
      "kind: ClusterRoleBinding\nmetadata: { name: mcp-viewers }",
      "kind: RoleBinding\nmetadata: { name: mcp-viewers, namespace: stage }",
    ),
  );

  it.each<[string, string, number]>([
    ["what is meant", "namespace=stage", 0],
    ["another name", "name=stage", 7],
    ["a capital letter", "Namespace=stage", 7],
    ["a name in braces", "{namespace}=stage", 7],
    ["a name that JavaScript has", "__proto__=stage", 7],
    ["an empty value", "namespace=", 1],
    ["a second mark", "namespace==stage", 1],
    ["a new line", "namespace=stage\n", 1],
    ["a NUL", "namespace=stage\0", 1],
    ["what steers a terminal", `namespace=${STEERING}`, 1],
    ["a path", "namespace=stage/../stage", 7],
    ["a star", "namespace=*", 1],
    ["braces", "namespace={}", 1],
    ["the place of an argument", "namespace={namespace}", 1],
    ["a megabyte", `namespace=${"x".repeat(1_000_000)}`, 1],
    ["no value", "namespace", 2],
    ["no name", "=stage", 2],
    ["nothing", "", 2],
  ])("is taken as it stands, or not at all: %s", async (_what, arg, code) => {
    const {
      code: given,
      out,
      err,
    } = await project.run(["can", "dev-readonly", "eks-ro", "eks_get_pods", "--arg", arg]);
    expect([given, RAW.exec(out + err)]).toEqual([code, null]);
  });

  it.each<[string, unknown, "allow" | "deny", number]>([
    ["what is meant", { namespace: "stage" }, "allow", 0],
    ["the place of an argument", { namespace: "{namespace}" }, "deny", 0],
    ["an empty value", { namespace: "" }, "deny", 0],
    ["nothing is no yes", {}, "allow", 1],
    ["nothing is no no", {}, "deny", 1],
    ["another name", { name: "stage" }, "allow", 3],
    ["a number", { namespace: 7 }, "deny", 3],
    ["no value", { namespace: null }, "deny", 3],
    ["a list", ["stage"], "deny", 3],
    ["no name", { "": "stage" }, "deny", 3],
    ["a long value", { namespace: "x".repeat(2_049) }, "deny", 3],
  ])("means the same in a test file: %s", async (_what, args, expected, code) => {
    const call = { role: "dev-readonly", backend: "eks-ro", tool: "eks_get_pods", layer: "all" };
    await put("t.yaml", JSON.stringify({ tests: [{ ...call, args, expect: expected }] }));
    expect(await codeOf(["roles", "test", "t.yaml"])).toBe(code);
  });
});
