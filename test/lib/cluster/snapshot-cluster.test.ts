import { afterEach, beforeEach, expect, it } from "vitest";
import { snapshotCluster, type SnapshotReading } from "../../../src/lib/cluster/snapshot-cluster.ts";
import { readClusterFacts } from "../../../src/lib/flow/rbac/cluster-facts.ts";
import { judgeRbac } from "../../../src/lib/flow/rbac/judge-rbac.ts";
import { kindsOf } from "../../../src/lib/flow/rbac/kinds.ts";
import { readDocuments } from "../../../src/lib/flow/document.ts";
import type { KubeObject } from "../../../src/lib/cluster/objects.ts";
import { expired, failure } from "../../support/fake-kubernetes-answers.ts";
import { startFakeKubernetes, type FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { account, requestOf } from "../../support/rbac-facts.ts";

const takenAt = "2026-11-28T20:00:00Z";
const RULES = [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }];
const SECRET = "not for anybody";

let fake: FakeKubernetes;
beforeEach(async () => {
  fake = await startFakeKubernetes();
});
afterEach(() => fake.close());

const take = (): Promise<SnapshotReading> => snapshotCluster(fake.api(), { takenAt });

/** The objects of a kind, their uid left out where it is one. */
function itemsOf({ snapshot }: SnapshotReading, kind: string): readonly unknown[] {
  return snapshot.items
    .filter((item) => item["kind"] === kind)
    .map(({ metadata, ...item }) => {
      const { uid, ...rest } = (metadata ?? {}) as Record<string, unknown>;
      return { ...item, metadata: rest, hasUid: typeof uid === "string" };
    });
}

function put(): void {
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": SECRET };
  const managedFields = [{ manager: SECRET }];
  const metadata = { annotations, managedFields, labels: { a: "b" } };
  fake.put("clusterroles", "r", { metadata, rules: RULES }, "");
  fake.put("rolebindings", "b", {
    metadata,
    subjects: [{ kind: "ServiceAccount", name: "agent" }],
    roleRef: { kind: "ClusterRole", name: "r" },
  });
  fake.put("serviceaccounts", "agent", {
    metadata: {
      ...metadata,
      annotations: {
        ...annotations,
        "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r",
        "eks.amazonaws.com/audience": "a",
      },
    },
    secrets: [{ name: SECRET }],
  });
  fake.put("pods", "p", {
    metadata,
    spec: { serviceAccountName: "agent", containers: [{ name: "c", env: [{ name: "TOKEN", value: SECRET }] }] },
    status: { podIP: "10.0.0.1" },
  });
  fake.put("networkpolicies", "n", { metadata, spec: { podSelector: {} }, status: { conditions: [SECRET] } });
  fake.put("secrets", "s", { data: { key: SECRET } });
  fake.put("configmaps", "c", { data: { key: SECRET } });
}

it("takes what decides, and nothing else", async () => {
  put();
  const taken = await take();
  expect(JSON.stringify(taken)).not.toContain(SECRET);
  expect(fake.calls.filter(({ resource }) => resource === "secrets" || resource === "configmaps")).toEqual([]);
  const common = { hasUid: true, metadata: { name: "p", namespace: "mcp", labels: { a: "b" } } };
  expect(itemsOf(taken, "Pod")).toEqual([
    { apiVersion: "v1", kind: "Pod", ...common, spec: { serviceAccountName: "agent" } },
  ]);
  expect(itemsOf(taken, "ServiceAccount")).toEqual([
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      hasUid: true,
      metadata: {
        name: "agent",
        namespace: "mcp",
        labels: { a: "b" },
        annotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r", "eks.amazonaws.com/audience": "a" },
      },
    },
  ]);
  expect(itemsOf(taken, "ClusterRole")).toEqual([
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      hasUid: true,
      metadata: { name: "r", labels: { a: "b" } },
      rules: RULES,
    },
  ]);
  expect(itemsOf(taken, "NetworkPolicy")).toMatchObject([{ spec: { podSelector: {} } }]);
  expect(itemsOf(taken, "Namespace")).toMatchObject([
    { metadata: { name: "default" } },
    { metadata: { name: "kube-system" } },
    { metadata: { name: "mcp" } },
  ]);
});

it("answers for itself that it is whole", async () => {
  put();
  const { snapshot, unread } = await take();
  const { metadata } = await fake.api().send<KubeObject>({
    verb: "get",
    resource: "namespaces",
    namespace: null,
    name: "kube-system",
  });
  expect(unread).toEqual([]);
  expect(snapshot.metadata.mcpctl).toEqual({
    version: 1,
    takenAt,
    cluster: metadata?.uid,
    isComplete: {
      Namespace: true,
      ServiceAccount: true,
      ClusterRole: true,
      ClusterRoleBinding: true,
      Role: true,
      RoleBinding: true,
      NetworkPolicy: true,
      Service: true,
      Pod: true,
      APIResourceList: true,
    },
  });
  const { documents } = readDocuments("snapshot.json", Buffer.from(JSON.stringify(snapshot)));
  const facts = readClusterFacts(documents, { isComplete: false });
  expect(facts.findings).toEqual([]);
  const outcome = (request: string): string => judgeRbac(facts, account("mcp/agent"), requestOf(request)).outcome;
  expect(
    ["get - pods mcp x", "get - pods other x", "create authorization.k8s.io selfsubjectaccessreviews *"].map(outcome),
  ).toEqual(["allow", "deny", "deny"]);
  expect(kindsOf(facts)("external-secrets.io/v1", "ExternalSecret")).toEqual({
    group: "external-secrets.io",
    resource: "externalsecrets",
    isNamespaced: true,
  });
});

it("is the same in whatever order the cluster tells", async () => {
  for (const name of ["c", "a", "b"]) fake.put("roles", name, { rules: RULES }, "z");
  fake.put("roles", "d", { rules: RULES }, "y");
  const { snapshot } = await take();
  const roles = snapshot.items.filter((item) => item["kind"] === "Role");
  expect(roles.map(({ metadata }) => (metadata as { name: string }).name)).toEqual(["d", "a", "b", "c"]);
  expect(await take()).toEqual({ snapshot, unread: [] });
});

it("reads page after page, and from the start again when the cluster forgot the next", async () => {
  for (let index = 0; index < 1_001; index += 1) fake.put("pods", `p-${index}`, { spec: {} });
  expect(itemsOf(await take(), "Pod")).toHaveLength(1_001);
  expect(fake.count("list", "pods")).toBe(3);
  fake.inject(
    { verb: "list", resource: "pods" },
    (call, forward) => ("continue" in call.query ? expired() : forward()),
    2,
  );
  expect(itemsOf(await take(), "Pod")).toHaveLength(1_001);
  fake.inject({ verb: "list", resource: "pods" }, () => expired(), 4);
  await expect(take()).rejects.toMatchObject({ code: "kube_gone" });
});

it("names a kind that it may not read, and leaves it incomplete", async () => {
  put();
  fake.inject({ verb: "list", resource: "rolebindings" }, () => failure(403, "Forbidden", "no"));
  const { snapshot, unread } = await take();
  expect(unread).toEqual([
    {
      kind: "RoleBinding",
      why: expect.stringContaining("list rolebindings.rbac.authorization.k8s.io was refused") as string,
    },
  ]);
  expect(snapshot.metadata.mcpctl.isComplete).toMatchObject({ RoleBinding: false, Role: true });
  expect(snapshot.items.filter((item) => item["kind"] === "RoleBinding")).toEqual([]);
});

it("leaves out a group whose own server is away", async () => {
  const away = failure(503, "ServiceUnavailable", "no endpoints");
  fake.inject(
    { verb: "get", resource: "apiresources" },
    (call, forward) => (call.name === "/apis/apps/v1" ? away : forward()),
    99,
  );
  const { snapshot, unread } = await take();
  expect(unread).toMatchObject([{ kind: "APIResourceList" }]);
  const versions = snapshot.items.flatMap(({ groupVersion }) => (groupVersion === undefined ? [] : [groupVersion]));
  expect(versions).toContain("v1");
  expect(versions).not.toContain("apps/v1");
});

it("fails where the cluster cannot be told from others, or not be reached", async () => {
  fake.inject({ verb: "get", resource: "namespaces" }, () => ({ status: 200, body: {} }), 1);
  await expect(take()).rejects.toMatchObject({ code: "kube_answer_unreadable" });
  fake.inject({ verb: "list", resource: "roles" }, () => "cut");
  await expect(take()).rejects.toMatchObject({ code: "kube_unreachable" });
});
