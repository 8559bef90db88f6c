import { expect, it } from "vitest";
import { kubernetesRights } from "../../../../src/lib/flow/verify/read-only.ts";
import { binding, clusterBinding, everywhere, join, RBAC, role, rule, SUBJECT } from "../../../support/rbac-facts.ts";
import { inCluster, subjectOf, told } from "../../../support/verify-subject.ts";

const READER = rule("get,list,watch", "-,apps", "pods,deployments,pods/log");

/** Verbs and resources that were found to write. */
function writes(manifests: string): readonly string[] {
  const { findings, undecided } = kubernetesRights(inCluster(manifests));
  expect(undecided).toEqual([]);
  return findings.map(({ code, message }) => `${code} ${/ may (.*?): /.exec(message)?.[1] ?? message}`);
}

it.each([
  ["reading", READER],
  ["asking what oneself may do", rule("create", "authorization.k8s.io", "selfsubjectaccessreviews")],
  [
    "asking what others may do",
    rule("create", "authorization.k8s.io,authentication.k8s.io", "subjectaccessreviews,tokenreviews"),
  ],
  ["reading paths that are no resources", "{verbs: [get, head], nonResourceURLs: ['*']}"],
])("%s is read-only", (_, rules) => {
  expect(writes(everywhere(rules))).toEqual([]);
});

it.each([
  ["a verb", rule("get,delete", "-", "pods"), "delete pods"],
  ["all verbs", rule("*", "-", "pods"), "do anything to pods"],
  ["a verb of no plain kind", rule("impersonate", "-", "users"), "impersonate users"],
  ["one that takes other rights", rule("bind,escalate", "rbac.authorization.k8s.io", "roles"), "bind, escalate roles"],
  ["a token", rule("create", "-", "serviceaccounts/token"), "create serviceaccounts/token"],
  ["one object alone", rule("patch", "-", "configmaps", ", resourceNames: [web]"), "patch configmaps"],
  ["a command, begun with a GET", rule("get", "-", "pods/exec"), "get pods/exec"],
  ["the same in one pod", rule("get", "-", "pods/attach", ", resourceNames: [web]"), "get pods/attach"],
  ["the kubelet's API", rule("get,list", "-", "nodes/proxy"), "get nodes/proxy"],
  ["whatever is behind a Service", rule("get", "-", "services/proxy"), "get services/proxy"],
  ["reading of everything", rule("get,list,watch", "*", "*"), "get, list, watch *"],
  ["reading of Secrets", rule("list", "-", "configmaps,secrets"), "list configmaps, secrets"],
  ["reading of one Secret", rule("get", "*", "secrets", ", resourceNames: [token]"), "get secrets"],
  ["writing to paths", "{verbs: [get, put], nonResourceURLs: ['*']}", "put URLs that are no resources"],
  ["everything of one name", rule("*", "*", "*", ", resourceNames: [x]"), "do anything to *"],
  ["more than a question", rule("create", "*", "selfsubjectreviews,pods"), "create selfsubjectreviews, pods"],
  ["a subresource of anything", rule("get", "-", "*/exec"), "get */exec"],
])("%s is not", (_, rules, found) => {
  expect(writes(everywhere(rules))).toEqual([`MC601 ${found}`]);
});

it.each([
  ["all ServiceAccounts", "system:serviceaccounts"],
  ["those of its namespace", "system:serviceaccounts:mcp"],
  ["everybody", "system:authenticated"],
])("what %s may, it may", (_, group) => {
  const subject = `{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "${group}"}`;
  expect(writes(join(role(rule("delete", "-", "pods")), binding("stage", subject)))).toEqual(["MC601 delete pods"]);
});

it("what its name as a user may, it may, and what others may, not", () => {
  const deleter = role(rule("delete", "-", "pods"));
  const named = (kind: string, name: string): string =>
    clusterBinding(`{kind: ${kind}, apiGroup: rbac.authorization.k8s.io, name: "${name}"}`);
  expect(writes(join(deleter, named("User", "system:serviceaccount:mcp:agent")))).toEqual(["MC601 delete pods"]);
  expect(writes(join(deleter, named("User", "system:serviceaccount:mcp:other")))).toEqual([]);
  expect(writes(join(deleter, named("Group", "system:serviceaccounts:other")))).toEqual([]);
});

it("what a role takes from others by their labels, it has", () => {
  const aggregated = `{kind: ClusterRole, ${RBAC}, metadata: {name: r}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}}`;
  const part = `{kind: ClusterRole, ${RBAC}, metadata: {name: p, labels: {a: b}}, rules: [${rule("delete", "-", "pods")}]}`;
  expect(writes(join(aggregated, part, clusterBinding(SUBJECT)))).toEqual(["MC601 delete pods"]);
});

it("cluster-admin is told, whatever it is called, and is no reading either", () => {
  const all = rule("*", "*", "*");
  const admin = 'ServiceAccount mcp/agent of "one" is cluster-admin, by ClusterRoleBinding b';
  const lines = (manifests: string): readonly string[] => told(kubernetesRights(inCluster(manifests)));
  const may = 'MC601 "one" is ro, and its ServiceAccount mcp/agent may do anything to *: ';
  for (const manifests of [everywhere(all), clusterBinding(SUBJECT, "cluster-admin")])
    expect(lines(manifests)).toEqual([`MC605 ${admin}`, expect.stringContaining(may)]);
  expect(lines(binding("stage", SUBJECT, "{kind: ClusterRole, name: cluster-admin}"))[0]).toBe(
    'MC605 ServiceAccount mcp/agent of "one" is cluster-admin of namespace stage, by RoleBinding stage/b',
  );
  // Everything in one namespace is not the cluster, and no reading.
  expect(writes(join(role(all), binding("stage", SUBJECT)))).toEqual(["MC601 do anything to *"]);
});

it("is not decided while bindings or roles may be missing", () => {
  const mark = (takenAt: string): string => `{version: 1, takenAt: ${takenAt}, cluster: u, isComplete: {}}`;
  const snapshot = (takenAt: string): string =>
    `{apiVersion: v1, kind: List, metadata: {mcpctl: ${mark(takenAt)}}, items: []}`;
  expect(told(kubernetesRights(inCluster(join(everywhere(READER), snapshot("a"), snapshot("b")))))).toEqual([
    expect.stringMatching(/^MC601\? one: which snapshot is meant: /),
    expect.stringMatching(/^MC605\? one: which snapshot is meant: /),
  ]);
  const bindings = ["all ClusterRoleBindings must be known", "all RoleBindings must be known"];
  const open = (missing: readonly string[]) => ["MC601", "MC605"].map((code) => `${code}? one: ${missing.join("; ")}`);
  expect(told(kubernetesRights(inCluster(everywhere(READER), false)))).toEqual(open(bindings));
  const view = kubernetesRights(inCluster(clusterBinding(SUBJECT, "view")));
  expect(told(view)).toEqual(open(["the rules of ClusterRole view must be known, which ClusterRoleBinding b binds"]));
});

it("is not decided of who nobody knows, or has bindings that no manifest shows", () => {
  const open = (backend: string): readonly string[] => {
    const { cluster } = inCluster(everywhere(rule("delete", "-", "pods")));
    return told(kubernetesRights(subjectOf({ one: backend }, { cluster })));
  };
  const unnamed = "one: its ServiceAccount must be named";
  expect(open("access: ro")).toEqual([`MC601? ${unnamed}`, `MC605? ${unnamed}`]);
  expect(open("access: rw")).toEqual([`MC605? ${unnamed}`]);
  expect(open("access: rw, serviceAccount: kube-system/x")).toEqual([
    "MC605? one: the bindings that the cluster itself makes for ServiceAccounts of kube-system must be known",
  ]);
});

it("is found whatever is not known", () => {
  expect(told(kubernetesRights(inCluster(everywhere(rule("delete", "-", "pods")), false)))).toEqual([
    expect.stringMatching(/^MC601 /),
    expect.stringMatching(/^MC605\? /),
  ]);
});

it("tells of bindings to roles that do not exist, where that is known", () => {
  const dangling = (manifests: string, isComplete = true): readonly string[] =>
    told(kubernetesRights(inCluster(manifests, isComplete))).filter((line) => line.startsWith("MC612"));
  const toRole = binding("stage", SUBJECT, "{kind: Role, name: r}");
  expect(dangling(clusterBinding(SUBJECT))).toEqual([
    "MC612 ClusterRoleBinding b binds ClusterRole r, which does not exist",
  ]);
  expect(dangling(join(toRole, role(READER)))).toEqual([
    "MC612 RoleBinding stage/b binds Role stage/r, which does not exist",
  ]);
  expect(dangling(join(clusterBinding(SUBJECT), role(READER)))).toEqual([]);
  // The cluster brings some, and there may be others that are not among the facts.
  expect([dangling(clusterBinding(SUBJECT, "view")), dangling(clusterBinding(SUBJECT), false)]).toEqual([[], []]);
});

it("asks no more of a backend that writes than not to be cluster-admin", () => {
  const { cluster } = inCluster(everywhere(rule("delete", "-", "pods")));
  expect(told(kubernetesRights(subjectOf({ one: "access: rw, serviceAccount: mcp/agent" }, { cluster })))).toEqual([]);
  expect(kubernetesRights(subjectOf({ one: "access: ro" })).skipped.map(({ code }) => code)).toEqual([
    "MC601",
    "MC605",
    "MC612",
  ]);
});
