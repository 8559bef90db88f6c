import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Ports } from "../../../src/commands/ports.ts";
import { failure } from "../../support/fake-kubernetes-answers.ts";
import { startFakeKubernetes, type FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { type FaultProxy, startFaultProxy } from "../../support/fault-proxy.ts";
import { account, iamAnswer } from "../../support/faults.ts";
import { scriptedIam } from "../../support/scripted-iam.ts";
import { misfits } from "../../support/output-schema.ts";
import { makeProject, type Project, type RunResult } from "../../support/run-cli.ts";

const ACCOUNT = "111122223333";
const ROLE = `arn:aws:iam::${ACCOUNT}:role/mcp-aws-ro`;
const ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE";
const LOCK =
  '{"id":"lock_x","match":{"role":"dev-readonly"},"reason":"incident","tell":true,"by":"bob","at":"2026-11-20T09:00:00Z","until":null}';

let project: Project;
let fake: FakeKubernetes;
let aws: FaultProxy;
beforeEach(async () => {
  project = await makeProject();
  fake = await startFakeKubernetes();
  aws = await startFaultProxy();
  aws.inject("GetCallerIdentity", account(ACCOUNT));
  await configure(uidOf());
  const verbs = ["get", "list"];
  fake.put("clusterroles", "viewer", { rules: [{ verbs, apiGroups: [""], resources: ["pods"] }] }, "");
  const subjects = ["mcp-eks-ro", "mcp-aws-ro"].map((name) => ({
    kind: "ServiceAccount",
    name,
    namespace: "mcp-servers",
  }));
  fake.put("clusterrolebindings", "viewers", { subjects, roleRef: { kind: "ClusterRole", name: "viewer" } }, "");
  const annotations = { "eks.amazonaws.com/role-arn": ROLE };
  fake.put("serviceaccounts", "mcp-aws-ro", { metadata: { annotations } }, "mcp-servers");
  lock("");
});
afterEach(async () => {
  await project.remove();
  await fake.close();
  await aws.close();
});

const uidOf = (): string => {
  const { body } = fake.look("get", "namespaces", "kube-system", "");
  return (body as { metadata: { uid: string } }).metadata.uid;
};
const configure = (cluster: string): Promise<void> =>
  writeFile(
    join(project.cwd, "mcpctl.yaml"),
    `policy: { oidcIssuer: "https://${ISSUER}" }
contexts:
  - name: prod
    store: { type: ssm, path: /k, region: eu-central-1, account: "${ACCOUNT}" }
    kubernetes: { context: test, cluster: ${cluster}, namespace: mcp-gateway, denylist: locks }
`,
  );
const lock = (locks: string): void =>
  void fake.put("configmaps", "locks", { data: { "denylist.json": `{"locks":[${locks}]}` } }, "mcp-gateway");
const ports = (): Partial<Ports> => ({
  kube: async () => fake.api(),
  iam: async () => scriptedIam(aws),
});
const run = (...argv: readonly string[]): Promise<RunResult> => project.run(argv, { ports: ports() });

/** What AWS says of the role. */
function tellRole({ decision = "allowed", subject = "mcp-servers:mcp-aws-ro" } = {}): void {
  const trust = {
    Version: "2012-10-17",
    Statement: {
      Effect: "Allow",
      Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/${ISSUER}` },
      Action: "sts:AssumeRoleWithWebIdentity",
      Condition: { StringEquals: { [`${ISSUER}:sub`]: `system:serviceaccount:${subject}` } },
    },
  };
  const document = encodeURIComponent(JSON.stringify(trust));
  const role = `<Role><Path>/</Path><RoleName>mcp-aws-ro</RoleName><RoleId>AROA</RoleId><Arn>${ROLE}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>${document}</AssumeRolePolicyDocument></Role>`;
  aws.inject("GetRole", iamAnswer("GetRole", role));
  const result = `<member><MatchedStatements/><EvalResourceName>*</EvalResourceName><EvalDecision>${decision}</EvalDecision><EvalActionName>ec2:DescribeInstances</EvalActionName><MissingContextValues/></member>`;
  aws.inject(
    "SimulatePrincipalPolicy",
    iamAnswer(
      "SimulatePrincipalPolicy",
      `<IsTruncated>false</IsTruncated><EvaluationResults>${result}</EvaluationResults>`,
    ),
  );
}

const DESCRIBE = ["can", "dev-readonly", "aws-ro", "aws_describe_instances", "--live"];

describe("can --live", () => {
  it("tells what the API server says, and that it is live", async () => {
    expect(await run("can", "dev-readonly", "eks-ro", "eks_get_pods", "--arg", "namespace=stage", "--live")).toEqual({
      code: 0,
      err: "",
      out: `yes  dev-readonly -> eks-ro, tool eks_get_pods
  gateway: yes. The key's role is granted this backend, and nothing forbids the call.
           roles.yaml:17:7: role dev-readonly lists eks-ro
  kubernetes: yes, as ServiceAccount mcp-servers/mcp-eks-ro
              yes     list pods in namespace stage
                      live: the API server allows it: RBAC: allowed by ClusterRoleBinding viewers binds ClusterRole viewer, rule 1: get, list pods
  aws: yes: the tool needs nothing of AWS
  not asked: admission policies
`,
    });
    const no = await run(
      "can",
      "dev-readonly",
      "eks-ro",
      "eks_delete_pod",
      "--live",
      "kubernetes",
      "-o",
      "json",
      "--arg",
      "namespace=stage",
      "--arg",
      "name=x",
    );
    expect([no.code, JSON.parse(no.out), await misfits("can", no.out)]).toEqual([
      1,
      expect.objectContaining({ answer: "no", stopped_by: "kubernetes" }),
      [],
    ]);
  });

  it("asks AWS, and the cluster for the role of the ServiceAccount", async () => {
    tellRole();
    const { code, out, err } = await run(...DESCRIBE);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("live: trust policy of role mcp-aws-ro");
    expect(out).toContain("live: AWS simulates ec2:DescribeInstances on * as allowed");
    expect(out).toContain("resource-based policies, which AWS does not simulate for roles");
  });

  it("says no to a pod that cannot become its role", async () => {
    tellRole({ subject: "mcp-servers:other" });
    expect((await run(...DESCRIBE, "-o", "json")).code).toBe(1);
  });

  it("does not know the role of a ServiceAccount that it may not see", async () => {
    tellRole();
    fake.inject({ verb: "get", resource: "serviceaccounts" }, () => failure(403, "Forbidden", "no"));
    expect((await run(...DESCRIBE)).code).toBe(7);
  });

  it("asks AWS alone, and then not the cluster", async () => {
    tellRole({ decision: "implicitDeny" });
    const { code, out, err } = await run(...DESCRIBE, "aws");
    expect([code, out, err]).toEqual([
      1,
      expect.stringContaining("Kubernetes") as unknown,
      "Locks were not read: the denylist of context prod is in its cluster.\n",
    ]);
    expect(fake.calls).toEqual([]);
  });

  it("heeds the locks of the cluster", async () => {
    lock(LOCK);
    for (const tool of [[], ["eks_get_pods"]]) {
      const { code, out } = await run("can", "dev-readonly", "eks-ro", ...tool, "--live", "kubernetes");
      expect([code, out]).toEqual([1, expect.stringContaining("lock_x")]);
    }
    expect((await run("can", "--who", "eks_get_pods", "--live", "kubernetes")).err).toContain(
      "Nobody is known who can.",
    );
  });

  it.each([
    ["is not there", (): void => fake.remove("configmaps", "locks", "mcp-gateway"), 3, "mcpctl lock init"],
    ["is not understood", (): void => lock("{}"), 3, "lock"],
    [
      "may not be read",
      (): void => void fake.inject({ resource: "configmaps" }, () => failure(403, "Forbidden", "x")),
      4,
      "configmaps",
    ],
  ] as const)("is no answer where the denylist %s", async (_, change, exit, says) => {
    change();
    const { code, out, err } = await run("can", "dev-readonly", "eks-ro", "--live", "kubernetes");
    expect([code, out, err]).toEqual([exit, "", expect.stringContaining(says)]);
  });

  it("is no answer of another cluster: exit 3", async () => {
    await configure("3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f");
    const { code, err } = await run("can", "dev-readonly", "eks-ro", "eks_get_pods", "--live");
    expect([code, err]).toEqual([3, expect.stringContaining("is pinned to 3f0c1c0e")]);
  });

  it("needs a cluster to ask: exit 2", async () => {
    await writeFile(join(project.cwd, "mcpctl.yaml"), "{}");
    const { code, err } = await run("can", "dev-readonly", "eks-ro", "eks_get_pods", "--live");
    expect([code, err]).toEqual([2, expect.stringContaining("names no cluster that could be asked")]);
  });

  it("says so when a role stands where the layer could", async () => {
    const { code, err } = await run("can", "--live", "dev-readonly", "eks-ro");
    expect([code, err]).toEqual([2, expect.stringContaining("kubernetes, aws, all")]);
  });
});

describe("snapshot", () => {
  it("writes what answers the same offline, and says that nothing names it yet", async () => {
    const { code, out, err } = await run("snapshot", "kubernetes", "-o", "json");
    expect([code, await misfits("snapshot", out)]).toEqual([0, []]);
    expect(err).toBe(
      "mcpctl.yaml does not name snapshot/kubernetes.json: no answer uses it until policy.manifests does.\n",
    );
    const config = join(project.cwd, "mcpctl.yaml");
    await writeFile(
      config,
      `policy: { manifests: [snapshot] }\n${(await readFile(config, "utf8")).replace(/^policy.*\n/, "")}`,
    );
    const allowed = await run("can", "dev-readonly", "eks-ro", "eks_get_pods");
    expect([allowed.code, allowed.out]).toEqual([
      0,
      expect.stringMatching(/snapshot\/kubernetes\.json:\d+:\d+: ClusterRoleBinding viewers/),
    ]);
    expect(allowed.out).toContain("what has changed since the snapshot of 2026-11-20T10:00:00Z");
    expect(allowed.out).not.toContain("the snapshot is of");
    expect((await run("can", "dev-readonly", "eks-ro", "eks_delete_pod")).code).toBe(1);
    expect((await run("snapshot", "kubernetes")).err).toBe("");
    const file = await readFile(config, "utf8");
    await writeFile(
      config,
      `currentContext: prod\n${file.replace(/cluster: [^,]+/, "cluster: 3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f")}`,
    );
    expect((await run("can", "dev-readonly", "eks-ro", "eks_get_pods")).out).toMatch(
      /cluster 3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f of context prod: the snapshot is of [0-9a-f-]+/,
    );
  });

  it("tells what may not be read, of which nothing is then denied", async () => {
    fake.inject({ verb: "list", resource: "clusterrolebindings" }, () => failure(403, "Forbidden", "no"));
    const { code, err } = await run("snapshot", "kubernetes");
    expect([code, err]).toEqual([0, expect.stringContaining("Not all of ClusterRoleBinding was read")]);
    const { metadata } = JSON.parse(await readFile(join(project.cwd, "snapshot/kubernetes.json"), "utf8")) as {
      metadata: { mcpctl: { isComplete: Record<string, boolean> } };
    };
    expect(metadata.mcpctl.isComplete["ClusterRoleBinding"]).toBe(false);
  });

  it("leaves alone what is no snapshot, and what was there when it fails", async () => {
    await cp(join(project.cwd, "roles.yaml"), join(project.cwd, "facts/kubernetes.json"), { recursive: true });
    const { code, err } = await run("snapshot", "kubernetes", "--out", "facts");
    expect([code, err]).toEqual([3, expect.stringContaining("is no snapshot of mcpctl")]);
    await run("snapshot", "kubernetes");
    const before = await readFile(join(project.cwd, "snapshot/kubernetes.json"), "utf8");
    fake.inject({ verb: "list", resource: "pods" }, () => failure(500, "InternalError", "broken"));
    const failed = await project.run(["snapshot", "kubernetes"], {
      ports: { kube: async () => fake.api({ patienceMs: 0 }) },
    });
    expect([failed.code, await readFile(join(project.cwd, "snapshot/kubernetes.json"), "utf8")]).toEqual([5, before]);
  });
});

describe("verify --live", () => {
  it("names the objects that it found in the cluster", async () => {
    const { code, out } = await run("verify", "--live", "kubernetes", "-o", "json");
    expect(code).toBe(1);
    expect(await misfits("verify", out)).toEqual([]);
    const verbs = ["get", "delete"];
    fake.put("clusterroles", "viewer", { rules: [{ verbs, apiGroups: [""], resources: ["pods"] }] }, "");
    const { findings } = JSON.parse((await run("verify", "--live", "kubernetes", "-o", "json")).out) as {
      findings: { code: string; place: { file: string } }[];
    };
    expect(findings.find((each) => each.code === "MC601")?.place.file).toBe("cluster ClusterRole/viewer");
  });

  it("says that nobody tried to reach the servers", async () => {
    const { err } = await run("verify", "--live", "kubernetes");
    expect(err).toContain("Whether the network plugin enforces NetworkPolicies was not tried (--probe NAMESPACE)\n");
  });

  it("makes no pod without a namespace", async () => {
    for (const name of ["", "Default", "a/b", "-a"]) {
      const { code, err } = await run("verify", "--live", `--probe=${name}`);
      expect([code, err]).toEqual([2, expect.stringContaining("It must be the name of a namespace.")]);
    }
  });

  it("makes no pod in a cluster that is not asked otherwise", async () => {
    for (const live of [[], ["--live", "aws"]]) {
      const { code, out, err } = await run("verify", "--probe", "default", ...live);
      expect([code, out, err]).toEqual([2, "", expect.stringContaining("Add --live, or --live kubernetes.")]);
    }
  });
});
