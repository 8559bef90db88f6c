import { execFileSync } from "node:child_process";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Project } from "../../support/run-cli.ts";
import { editFile, makeSampleProject } from "../../support/sample-project.ts";
import { join as documents } from "../../support/rbac-facts.ts";

let project: Project;
beforeEach(async () => {
  project = await makeSampleProject();
});
afterEach(() => project.remove());

const at = (name: string): string => join(project.cwd, name);
const put = async (name: string, content: string | Uint8Array): Promise<void> => {
  await mkdir(dirname(at(name)), { recursive: true });
  await writeFile(at(name), content);
};
const edit = (name: string, from: string | RegExp, to: string): Promise<void> =>
  editFile(join(project.cwd, name), from, to);
/** The example says no to it, for want of a rule. */
const DELETE = ["can", "dev-readonly", "eks-ro", "eks_delete_pod"];
const ALL = [DELETE, ["can", "--matrix"], ["verify"], ["roles", "test", "policy-layers-test.yaml"]];
const codeOf = async (argv: readonly string[]): Promise<number> => (await project.run(argv)).code;

const bomb = Array.from(
  { length: 12 },
  (_, level) => `a${level}: &a${level} [${`${level === 0 ? "x" : `*a${level - 1}`}, `.repeat(10)}]\n`,
).join("");
const LOOKS_AT_ITSELF = "aggregationRule: {clusterRoleSelectors: [{matchLabels: {of: b}}]}";
const R = "apiVersion: rbac.authorization.k8s.io/v1";
const agent = (name: string): string =>
  `{kind: ClusterRoleBinding, ${R}, metadata: {name: of-${name}}, roleRef: {kind: ClusterRole, name: ${name}}, ` +
  "subjects: [{kind: ServiceAccount, name: mcp-eks-ro, namespace: mcp-servers}]}";

describe("manifests that cannot be read", () => {
  it.each<[string, string | Uint8Array, string]>([
    ["several documents of which one is broken", "kind: A\n---\nkind: [\n---\nkind: B\n", "z.yaml:4:1: Flow sequence"],
    ["JSON that is cut off", '{"kind": "List", "items": [{"kind": "Ro', "z.yaml:1:40: "],
    ["two JSON documents", '{"kind": "A"}\n{"kind": "B"}\n', "z.yaml:2:1: "],
    ["a name twice", "kind: A\nkind: B\n", 'z.yaml:2:1: the name "kind" stands twice'],
    ["an alias bomb", bomb, "z.yaml:1:1: nested too deeply, or with too many aliases"],
    ["an alias in a circle", "a: &a {b: *a}\n", "z.yaml:1:11: this alias repeats what it stands in"],
    ["a merge of what is no object", "<<: [7]\n", "z.yaml:1:1: it merges what is no object"],
    ["a set for an object", "matchLabels: !!set {a}\n", "z.yaml:1:20: !!set is nothing that JSON has"],
    ["a function", 'kind: !!js/function "x"\n', "z.yaml:1:21: !!js/function is nothing that JSON has"],
    ["great depth", "[".repeat(100_000), "z.yaml:1:"],
    ["great depth in JSON", `${"[".repeat(9_999)}${"]".repeat(9_999)}`, "z.yaml:1:1: nested deeper than 128 levels"],
    ["UTF-16", Buffer.from("\ufeffkind: A\n", "utf16le"), "z.yaml:1:1: the file is not UTF-8"],
    ["too much YAML", `a: [${"1,".repeat(1_000_001)}1]`, "z.yaml:1:1: this is no JSON, and too much YAML"],
  ])("are an error wherever they count: %s", async (_what, content, says) => {
    await put("manifests/z.yaml", content);
    for (const argv of ALL) {
      const { code, out, err } = await project.run(argv);
      expect([code, out, err.split("\n")]).toEqual([
        3,
        "",
        [expect.stringContaining(`error: manifests/${says}`), expect.stringMatching(/^ {2}Mend the file, or name/), ""],
      ]);
    }
    // Who asks for the gateway alone does not need them.
    expect(await codeOf([...DELETE, "--layer", "gateway"])).toBe(0);
  });

  it.each<[string, () => Promise<unknown>, string, string]>([
    ["a pipe", async () => execFileSync("mkfifo", [at("manifests/z.yaml")]), "is not a regular file", "Name a file;"],
    ["a link to a device", () => symlink("/dev/zero", at("manifests/z.yaml")), "leads out of its folder", "Name its"],
    ["a link to itself", () => symlink("z.yaml", at("manifests/z.yaml")), "leads nowhere", "Mend the link."],
    ["a path with a NUL", () => edit("mcpctl.yaml", "[manifests/]", '["a\\0b"]'), "that no file can have", "Check the"],
    [
      "a kustomization that lists such a path",
      () => put("manifests/kustomization.yaml", 'resources: ["a\\0b"]\n'),
      "that no file can have",
      "Check the",
    ],
    [
      "a kustomization that lists itself",
      () => put("manifests/kustomization.yaml", "resources: &a [*a]\n"),
      "this alias repeats what it stands in",
      "Mend the file",
    ],
  ])("are an error as a file of another kind, and none waits for it: %s", async (_what, make, says, hint) => {
    await make();
    for (const argv of ALL) {
      const { code, out, err } = await project.run(argv);
      expect([code, out, err.includes(says), err.includes(`\n  ${hint}`), err.includes("\0")]).toEqual([
        3,
        "",
        true,
        true,
        false,
      ]);
    }
  });

  it("are not what a link back to the folder shows twice, nor a folder that is named like a file", async () => {
    await symlink(".", at("manifests/again"));
    await put("manifests/x.yaml/y.yaml", "kind: A\n");
    expect(await codeOf(DELETE)).toBe(1);
  });
});

describe("manifests on which nobody can rely", () => {
  it.each([
    ["no object", "hello\n"],
    ["items that are none", "{kind: List, apiVersion: v1, items: [null, 7, []]}\n"],
    ["a kind that is misspelt", `{kind: RoleBindng, ${R}, metadata: {name: x, namespace: stage}}\n`],
    ["a kind that is a number", `{kind: 7, ${R}}\n`],
    ["no version", "{kind: RoleBinding, metadata: {name: x, namespace: stage}}\n"],
    ["a name that is a number", `{kind: RoleBinding, ${R}, metadata: {name: 010, namespace: stage}}\n`],
    ["a list that is cut off", "{kind: List, apiVersion: v1}\n"],
    [
      "a snapshot by a newer version",
      "{kind: List, apiVersion: v1, items: [], metadata: {mcpctl: {version: 2, isComplete: {RoleBinding: false}}}}\n",
    ],
    ["lists in lists in lists", `${"{kind: List, apiVersion: v1, items: [".repeat(12)}${"]}".repeat(12)}\n`],
    [
      "roles that aggregate each other",
      documents(
        `{kind: ClusterRole, ${R}, metadata: {name: a, labels: {of: b}}, ${LOOKS_AT_ITSELF}}`,
        `{kind: ClusterRole, ${R}, metadata: {name: b, labels: {of: b}}, ${LOOKS_AT_ITSELF}}`,
        agent("a"),
      ),
    ],
  ])("make a no unknown, and say what must be mended: %s", async (_what, content) => {
    await put("manifests/z.yaml", content);
    const { code, out } = await project.run(DELETE);
    expect([code, out]).toEqual([
      7,
      expect.stringMatching(/missing: (?:what cannot be relied on at manifests\/z\.yaml:1:|ClusterRole a aggregates)/),
    ]);
    expect(await codeOf(["verify"])).toBe(7);
    expect(await codeOf(["can", "dev-readonly", "eks-ro", "eks_get_pods"])).toBe(0);
  });

  it.each([
    ["nothing", ""],
    ["comments alone", "# a\n---\n# b\n"],
    ["a byte order mark", `\ufeff{kind: A}\n`],
    ["lines that end in CRLF", "kind: A\r\n---\r\nkind: B\r\n"],
    ["kinds that nobody knows", "{kind: Role, apiVersion: example.org/v1, rules: 7}\n"],
    ["names that JavaScript has", "{kind: constructor, apiVersion: __proto__, __proto__: {kind: Role}}\n"],
    ["a list in a list", "{kind: List, apiVersion: v1, items: [{kind: List, apiVersion: v1, items: [{kind: A}]}]}\n"],
    [
      "a role that aggregates itself",
      documents(`{kind: ClusterRole, ${R}, metadata: {name: a, labels: {of: b}}, ${LOOKS_AT_ITSELF}}`, agent("a")),
    ],
    ["a date for a text", `{kind: ClusterRole, ${R}, metadata: {name: a, labels: {since: 2026-01-01}}}\n`],
  ])("are not those that are odd and say nothing of it: %s", async (_what, content) => {
    await put("manifests/z.yaml", content);
    expect(await codeOf(DELETE)).toBe(1);
  });

  it("are not a list of 30 MB, nor thousands of files", async () => {
    const item = { kind: "ConfigMap", apiVersion: "v1", metadata: { name: "x" }, data: { x: "x".repeat(1_000) } };
    await put("manifests/z.json", JSON.stringify({ kind: "List", items: Array.from({ length: 28_000 }, () => item) }));
    await mkdir(at("manifests/many"));
    for (let index = 0; index < 2_000; index += 1) await put(`manifests/many/${index}.yaml`, "kind: A\n");
    expect(await codeOf(DELETE)).toBe(1);
  });
});

describe("policies that are odd", () => {
  const DESCRIBE = ["can", "dev-readonly", "aws-ro", "aws_describe_instances"];
  const policyOf = async (change: (policy: { Statement: object[] }) => unknown): Promise<void> => {
    const account = JSON.parse(await readFile(at("iam/account.json"), "utf8")) as {
      RoleDetailList: { RolePolicyList: { PolicyDocument: unknown }[] }[];
    };
    const [look] = account.RoleDetailList[0]?.RolePolicyList ?? [];
    expect(look?.PolicyDocument).toMatchObject({ Statement: [{ Sid: "ReadEc2" }] });
    Object.assign(look as object, { PolicyDocument: change((look as { PolicyDocument: never }).PolicyDocument) });
    await put("iam/account.json", JSON.stringify(account));
  };
  const changed = (members: object) =>
    policyOf((policy) => ({ ...policy, Statement: [{ ...policy.Statement[0], ...members }] }));
  const onInstance = (variable: string): object => ({ Action: "ec2:*", Resource: `arn:aws:ec2:*:*:*/${variable}` });

  it.each<[string, object]>([
    ["an operator that nobody knows", { Condition: { StringWiggles: { "aws:x": "y" } } }],
    ["an operator that JavaScript has", { Condition: { constructor: { "aws:x": "y" } } }],
    ["a condition that is none", { Condition: "x" }],
    ["an element that nobody knows", { Conditions: {} }],
    ["an effect in lower case", { Effect: "allow" }],
    ["a pattern that makes others try for ever", { Resource: `arn:aws:ec2:*:*:*/${"*a".repeat(800)}b` }],
    ["a pattern without end", { Action: `ec2:${"*a".repeat(9_000)}` }],
    ["the variable of a user", onInstance("${aws:username}")],
    ["the variable of a tag", onInstance("${aws:PrincipalTag/x}")],
    ["a variable that nobody knows", onInstance("${nobody:knows}")],
    ["a variable without an end", onInstance("${")],
    ["the variable of a star", onInstance("${*}")],
  ])("make a yes unknown: %s", async (_what, members) => {
    expect(await codeOf(DESCRIBE)).toBe(0);
    await changed(members);
    expect(await codeOf(DESCRIBE)).toBe(7);
  });

  it.each<[string, number, (json: string) => string]>([
    ["URL-encoded, as the API sends it", 0, encodeURIComponent],
    ["with a name twice", 7, (json) => json.replace('"Effect":', '"Effect":"Deny","Effect":')],
    ["URL-encoded twice", 7, (json) => encodeURIComponent(encodeURIComponent(json))],
    ["URL-encoded wrongly", 7, (json) => `${encodeURIComponent(json)}%zz`],
    ["cut off", 7, (json) => json.slice(0, -1)],
  ])("are read as a text %s: exit %i", async (_what, code, textOf) => {
    await policyOf((policy) => textOf(JSON.stringify(policy)));
    expect(await codeOf(DESCRIBE)).toBe(code);
  });

  it.each([
    ["a date for a condition", "2026-01-01", 7],
    ["a set for a condition", "!!set {StringEquals}", 3],
    ["pairs for a condition", "!!omap [StringEquals: {a: b}]", 3],
  ])("are no yes in YAML with %s", async (_what, condition, code) => {
    await changed({ Condition: "here" });
    const json = await readFile(at("iam/account.json"), "utf8");
    await rm(at("iam/account.json"));
    await put("iam/account.yaml", json.replace('"here"', condition));
    expect(await codeOf(DESCRIBE)).toBe(code);
  });

  it("end where the modules of a plan would go in a circle", async () => {
    await put("iam/plan.yaml", "format_version: '1'\nplanned_values: {root_module: &m {child_modules: [*m]}}\n");
    expect(await codeOf(DESCRIBE)).toBe(3);
  });

  it("make a no unknown beside a snapshot by a newer version", async () => {
    const TERMINATE = ["can", "dev-readonly", "aws-ro", "aws_terminate_instance"];
    expect(await codeOf(TERMINATE)).toBe(1);
    await put("iam/new.json", JSON.stringify({ RoleDetailList: [], mcpctl: { version: 2, isComplete: false } }));
    expect(await codeOf(TERMINATE)).toBe(7);
  });
});
