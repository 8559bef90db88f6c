import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mintedKeys, type Project } from "../../support/run-cli.ts";
import { editFile, makeSampleProject } from "../../support/sample-project.ts";

let project: Project;
beforeEach(async () => {
  project = await makeSampleProject();
});
afterEach(() => project.remove());

const can = (...argv: readonly string[]) => project.run(["can", ...argv]);
const edit = (name: string, from: string | RegExp, to: string): Promise<void> =>
  editFile(join(project.cwd, name), from, to);
const answers = async (...argv: readonly string[]): Promise<readonly unknown[]> => {
  const { code, out } = await can(...argv, "-o", "json");
  const data = JSON.parse(out) as { answer: string; stopped_by: string | null; layers: { answer: string }[] };
  return [code, data.answer, data.stopped_by, ...data.layers.map(({ answer }) => answer)];
};
const incomplete = (): Promise<void> => edit("mcpctl.yaml", /complete: true.*/, "complete: false");

describe("can, through three layers", () => {
  it("tells the flow of a call that passes all", async () => {
    expect((await can("dev-readonly", "eks-ro", "eks_get_pods")).out)
      .toBe(`yes  dev-readonly -> eks-ro, tool eks_get_pods
  gateway: yes. The key's role is granted this backend, and nothing forbids the call.
           roles.yaml:17:7: role dev-readonly lists eks-ro
  kubernetes: yes, as ServiceAccount mcp-servers/mcp-eks-ro
              yes     list pods in namespace {namespace}
                      manifests/rbac.yaml:47:5: ClusterRoleBinding mcp-viewers binds ClusterRole mcp-viewer, rule 1: get, list, watch pods, pods/log, events, nodes, services
  aws: yes: the tool needs nothing of AWS
  not asked: admission policies and webhook authorizers
`);
  });

  it.each([
    ["eks-ro", "eks_get_pods", [0, "yes", null, "yes", "yes", "yes"]],
    ["eks-ro", "eks_delete_pod", [1, "no", "kubernetes", "yes", "no", "yes"]],
    ["aws-ro", "aws_terminate_instance", [1, "no", "aws", "yes", "yes", "no"]],
    ["aws-ro", "aws_describe_instances", [0, "yes", null, "yes", "yes", "yes"]],
    ["eks-ro", "nothing_of_that_name", [7, "unknown", null, "yes", "unknown", "unknown"]],
  ])("answers of %s %s as the design does", async (backend, tool, expected) => {
    expect(await answers("dev-readonly", backend, tool)).toEqual(expected);
  });

  it("names the layers that would have said no as well", async () => {
    const { out } = await can("devops-full", "eks-ro", "eks_delete_pod");
    expect(out.split("\n")[0]).toBe(
      "no  devops-full -> eks-ro, tool eks_delete_pod: the gateway stops it, and Kubernetes RBAC would have",
    );
  });

  it("asks one layer alone", async () => {
    expect(await answers("devops-full", "eks-ro", "eks_get_pods", "--layer", "kubernetes")).toEqual([
      0,
      "yes",
      null,
      "yes",
    ]);
    expect(await answers("dev-readonly", "aws-ro", "aws_terminate_instance", "--layer", "aws")).toEqual([
      1,
      "no",
      "aws",
      "no",
    ]);
  });

  it("says no for want of a rule only where the facts are complete", async () => {
    await incomplete();
    expect(await answers("dev-readonly", "eks-ro", "eks_delete_pod")).toEqual([
      7,
      "unknown",
      null,
      "yes",
      "unknown",
      "yes",
    ]);
    expect(await answers("dev-readonly", "aws-ro", "aws_terminate_instance")).toEqual([
      7,
      "unknown",
      null,
      "yes",
      "yes",
      "unknown",
    ]);
    expect(await answers("dev-readonly", "eks-ro", "eks_get_pods")).toEqual([0, "yes", null, "yes", "yes", "yes"]);
  });

  it("takes no empty folder for all there is of a cluster", async () => {
    await edit("mcpctl.yaml", "manifests: [manifests/]", "manifests: [empty/]");
    await mkdir(join(project.cwd, "empty"));
    const expected = [7, "unknown", null, "yes", "unknown", "yes"];
    expect(await answers("dev-readonly", "eks-ro", "eks_delete_pod")).toEqual(expected);
  });

  it("says no to a pod that cannot become its role, whatever the role may do", async () => {
    await edit("iam/account.json", "mcp-servers:mcp-aws-ro", "mcp-servers:other");
    expect(await answers("dev-readonly", "aws-ro", "aws_describe_instances")).toEqual([
      1,
      "no",
      "aws",
      "yes",
      "yes",
      "no",
    ]);
  });

  it("does not know what arguments decide until they are told", async () => {
    await edit(
      "manifests/rbac.yaml",
      "name: mcp-restarters, namespace: stage",
      "name: mcp-restarters, namespace: stage",
    );
    await edit(
      "manifests/rbac.yaml",
      "mcp-restarter }\nsubjects:\n  - { kind: ServiceAccount, name: mcp-eks-rw",
      "mcp-restarter }\nsubjects:\n  - { kind: ServiceAccount, name: mcp-eks-ro",
    );
    const tool = ["dev-readonly", "eks-ro", "eks_delete_pod"];
    expect((await answers(...tool))[0]).toBe(7);
    expect((await can(...tool)).out).toContain("missing: the argument namespace decides (--arg namespace=VALUE)");
    expect((await answers(...tool, "--arg", "namespace=stage"))[0]).toBe(0);
    expect((await answers(...tool, "--arg", "namespace=prod"))[0]).toBe(1);
    expect((await can(...tool, "--arg", "namespce=stage")).err).toContain("Did you mean namespace?");
  });

  it("starts from a key, and says why a gateway refuses it", async () => {
    const [key] = mintedKeys(1);
    await project.run(["keys", "create", "--role", "dev-readonly", "--user", "alice", "-o", "token"]);
    const id = key?.id ?? "";
    expect((await can("--key", id, "eks-ro", "eks_get_pods")).out).toContain(
      `yes  ${id} (alice, role dev-readonly) -> eks-ro`,
    );
    await project.run(["keys", "revoke", id, "--yes"]);
    const { code, out } = await can("--key", id, "eks-ro", "eks_get_pods");
    expect([code, out]).toEqual([
      1,
      expect.stringContaining(`gateway: no. The key was revoked.\n           key ${id} was revoked at`),
    ]);
    expect(out).not.toContain("to allow it");
    expect((await can("--key", "k_000000000000", "eks-ro")).code).toBe(3);
  });

  it("says of a list what every layer allows and none decides", async () => {
    const imported = await project.run(["backends", "import", "postgres-ro", "--catalogue", "postgres-mcp", "--yes"]);
    expect(imported.code).toBe(0);
    const { out, err } = await can("dev-readonly", "postgres-ro", "--all-tools");
    expect(out).toContain("\tunknown\tyes\tyes\tyes\n");
    expect(err).toMatch(/^Unknown though every layer says yes: \d+ calls?, which a system behind them decides/m);
  });

  it("is a row of a table as well", async () => {
    const { code, out } = await can("dev-readonly", "eks-ro", "eks_delete_pod", "-o", "csv");
    expect([code, out]).toEqual([
      1,
      "ROLE,BACKEND,TOOL,ANSWER,GATEWAY,KUBERNETES,AWS\r\ndev-readonly,eks-ro,eks_delete_pod,no,yes,no,yes\r\n",
    ]);
    const gateway = await can("dev-readonly", "eks-ro", "eks_delete_pod", "--layer", "gateway", "-o", "table");
    expect([gateway.code, gateway.out]).toEqual([0, "dev-readonly\teks-ro\teks_delete_pod\tyes\tyes\t\t\n"]);
    expect((await can("dev-readonly", "eks-ro", "-o", "table")).out).toBe("dev-readonly\teks-ro\t\tyes\tyes\t\t\n");
  });

  it("lists every tool of a backend or a role, and who can call one", async () => {
    expect((await can("dev-readonly", "eks-ro", "--all-tools")).out).toBe(
      [
        "eks_get_pods\tyes\tyes\tyes\tyes",
        "eks_get_pod_logs\tyes\tyes\tyes\tyes",
        "eks_get_events\tyes\tyes\tyes\tyes",
        "eks_delete_pod\tno\tyes\tno\tyes",
      ]
        .map((line) => `dev-readonly\teks-ro\t${line}\n`)
        .join(""),
    );
    const matrix = await can("--matrix", "-o", "json");
    const { answers: cells } = JSON.parse(matrix.out) as { answers: { role: string; answer: string }[] };
    expect([matrix.code, cells.length, cells.filter(({ answer }) => answer === "yes").length]).toEqual([0, 12, 4]);
    expect((await can("--who", "eks_get_pods")).out).toBe("dev-readonly\teks-ro\teks_get_pods\tyes\tyes\tyes\tyes\n");
    expect((await can("--who", "eks_delete_pod")).err).toContain("Nobody is known who can.");
    const unknown = await can("--who", "eks_delet_pod");
    expect([unknown.code, unknown.err]).toEqual([3, expect.stringContaining("Did you mean eks_delete_pod?")]);
  });

  it.each([
    ["manifests/rbac.yaml", "kind: [", "manifests/rbac.yaml:1:"],
    ["iam/account.json", '{"RoleDetailList": [', "iam/account.json:1:"],
  ])("refuses %s that cannot be read: exit 3", async (name, text, place) => {
    await writeFile(join(project.cwd, name), text);
    const { code, err } = await can("dev-readonly", "eks-ro", "eks_get_pods");
    expect([code, err]).toEqual([3, expect.stringContaining(place)]);
    // Who asks for the gateway alone does not need them.
    expect((await can("dev-readonly", "eks-ro")).code).toBe(0);
    expect((await can("dev-readonly", "eks-ro", "eks_get_pods", "--layer", "gateway")).code).toBe(0);
  });

  it("refuses files that are not there: exit 3", async () => {
    await rm(join(project.cwd, "iam"), { recursive: true });
    expect((await can("dev-readonly", "eks-ro", "eks_get_pods")).code).toBe(3);
    await mkdir(join(project.cwd, "iam"));
    expect((await can("dev-readonly", "eks-ro", "eks_get_pods")).code).toBe(0);
  });
});

it("a test file may not tell arguments that nothing uses", async () => {
  const test =
    "{ role: dev-readonly, backend: eks-ro, tool: eks_get_pods, layer: all, args: { nmspace: stage }, expect: allow }";
  await writeFile(join(project.cwd, "t.yaml"), `tests:\n  - ${test}\n`);
  const { code, out } = await project.run(["roles", "test", "t.yaml"]);
  expect([code, out]).toEqual([
    3,
    expect.stringMatching(/t\.yaml:2:\d+ .*eks_get_pods uses no argument "nmspace"[^]*Did you mean namespace\?/),
  ]);
});

describe("verify", () => {
  it("finds nothing in the example", async () => {
    expect(await project.run(["verify"])).toEqual({
      code: 0,
      out: "4 files checked: nothing found, 3 rules skipped (MC608-MC610 no server asked (--servers)).\n",
      err: "",
    });
  });

  it("does not say yes to what the facts leave open: exit 7", async () => {
    await incomplete();
    const { code, out } = await project.run(["verify"]);
    expect([code, out]).toEqual([
      7,
      expect.stringMatching(
        /^undecided MC601, MC605, MC607 eks-ro, .* and 13 more: all ClusterRoleBindings must be known; .*\n(undecided .*\n)+A snapshot /m,
      ),
    ]);
    for (const form of ["compact", "github", "sarif", "junit", "markdown"]) {
      const told = await project.run(["verify", "-o", form]);
      expect([form, told.code, told.out.includes("undecided for eks-ro: all ClusterRoleBindings")]).toEqual([
        form,
        7,
        true,
      ]);
    }
  });

  it.each([
    ["MC601", "manifests/rbac.yaml", "verbs: [get, list, watch]", "verbs: [get, list, watch, delete]"],
    ["MC602", "iam/account.json", '"ec2:Describe*",', '"ec2:Describe*", "ec2:TerminateInstances",'],
    ["MC603", "backends.yaml", "serviceAccount: mcp-servers/mcp-eks-rw", "serviceAccount: mcp-servers/mcp-eks-ro"],
    ["MC604", "backends.yaml", "role/mcp-costs", "role/mcp-aws-ro"],
    ["MC605", "manifests/rbac.yaml", "kind: ClusterRole, name: mcp-viewer", "kind: ClusterRole, name: cluster-admin"],
    [
      "MC606",
      "manifests/network.yaml",
      "kubernetes.io/metadata.name: mcp-gateway",
      "kubernetes.io/metadata.name: default",
    ],
    ["MC606", "manifests/network.yaml", /- from:[\s\S]*/, "- {}\n"],
    ["MC606", "manifests/network.yaml", /spec:[\s\S]*/, "spec: 7\n"],
    ["MC606", "manifests/network.yaml", "name: mcp-gateway-servers", "name: 7"],
    ["MC606", "manifests/network.yaml", "namespace: mcp-servers", "namespace: elsewhere"],
    [
      "MC607",
      "manifests/rbac.yaml",
      "name: mcp-restarters, namespace: stage }\nroleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: mcp-restarter",
      "name: mcp-restarters, namespace: mcp-gateway }\nroleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin",
    ],
    [
      "MC611",
      "manifests/rbac.yaml",
      "roleRef: { apiGroup: rbac.authorization.k8s.io,",
      "roleRef: { apiGroup: rbac.example.com,",
    ],
  ])("finds %s", async (code, name, from, to) => {
    await edit(name, from, to);
    const { out } = await project.run(["verify", "-o", "json"]);
    expect((JSON.parse(out) as { findings: { code: string }[] }).findings.map((finding) => finding.code)).toContain(
      code,
    );
  });

  it("finds tools that only one side names, and destructive ones of a read-only backend", async () => {
    const tools = [{ name: "eks_get_pods" }, { name: "eks_drain", annotations: { destructiveHint: true } }];
    const listTools = async (url: string): Promise<readonly unknown[]> => (url.includes("eks-ro.") ? tools : []);
    const { out } = await project.run(["verify", "--servers", "-o", "json"], { ports: { listTools } });
    const { findings } = JSON.parse(out) as { findings: { code: string; message: string }[] };
    const told = findings
      .filter(({ message }) => message.includes('"eks-ro"'))
      .map(({ code, message }) => `${code} ${message}`);
    expect(told).toEqual(
      [
        'MC609 the server of "eks-ro" lists a tool eks_drain that the registry does not name',
        'MC610 "eks-ro" is ro, and its server calls the tool eks_drain destructive',
        'MC608 the server of "eks-ro" lists no tool eks_get_pod_logs',
        'MC608 the server of "eks-ro" lists no tool eks_get_events',
        'MC608 the server of "eks-ro" lists no tool eks_delete_pod',
      ].toSorted((a, b) => told.indexOf(a) - told.indexOf(b)),
    );
  });

  it("heeds the team's levels", async () => {
    await edit("manifests/network.yaml", "namespace: mcp-servers", "namespace: elsewhere");
    await edit("mcpctl.yaml", "policy:\n", "policy:\n  rules: { MC606: warning }\n");
    expect((await project.run(["verify"])).code).toBe(0);
    expect((await project.run(["verify", "--fail-on", "warning"])).code).toBe(1);
  });
});
