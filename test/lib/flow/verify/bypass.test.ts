import { expect, it } from "vitest";
import { waysRound } from "../../../../src/lib/flow/verify/bypass.ts";
import { binding, clusterBinding, join, RBAC, role, rule } from "../../../support/rbac-facts.ts";
import { inCluster, subjectOf, told } from "../../../support/verify-subject.ts";

const named = (kind: string, name: string): string =>
  `{kind: ${kind}, apiGroup: rbac.authorization.k8s.io, name: "${name}"}`;
const BOT = "{kind: ServiceAccount, name: bot, namespace: ci}";
const EDIT = rule("update", "-", "secrets");

/** What is told of a subject with these rules in the gateway's namespace. */
const inGateway = (rules: string, subject = BOT): readonly string[] =>
  told(waysRound(inCluster(join(role(rules), binding("gateway", subject)))));
const may = (what: string, who = "ServiceAccount ci/bot"): string =>
  `MC607 ${who} may ${what} in gateway, by RoleBinding gateway/b`;

it.each([
  ["create", "-", "pods"],
  ["patch", "-", "pods"],
  ["get", "-", "pods/exec"],
  ["create", "-", "pods/attach"],
  ["patch", "-", "pods/ephemeralcontainers"],
  ["update", "-", "replicationcontrollers"],
  ["patch", "apps", "deployments"],
  ["create", "apps", "replicasets"],
  ["create", "batch", "jobs"],
  ["update", "batch", "cronjobs"],
  ["deletecollection", "-", "configmaps"],
  ["list", "-", "secrets"],
  ["create", "-", "serviceaccounts/token"],
  ["patch", "-", "services"],
  ["update", "-", "endpoints"],
  ["create", "discovery.k8s.io", "endpointslices"],
  ["update", "external-secrets.io", "externalsecrets"],
  ["patch", "external-secrets.io", "secretstores"],
  ["bind", "rbac.authorization.k8s.io", "clusterroles"],
  ["escalate", "rbac.authorization.k8s.io", "roles"],
  ["impersonate", "-", "serviceaccounts"],
])("%s of %s %s is a way round", (verb, group, resource) => {
  expect(inGateway(rule(verb, group, resource))).toEqual([may(`${verb} ${resource}`)]);
});

it.each([
  ["reading", rule("get,list,watch", "-,apps", "pods,pods/log,configmaps,deployments")],
  ["ending pods", rule("delete", "-", "pods")],
  ["the same of another group", rule("create", "metrics.k8s.io", "pods")],
])("%s is none", (_, rules) => {
  expect(inGateway(rules)).toEqual([]);
});

it("names the objects that it is about", () => {
  const rules = rule("patch", "-", "configmaps", ", resourceNames: [denylist]");
  expect(inGateway(rules)).toEqual([may("patch configmaps (denylist)")]);
  // Nobody creates something by a name, nor deletes all of one.
  expect(inGateway(rule("create,deletecollection", "-", "secrets", ", resourceNames: [keys]"))).toEqual([]);
});

it("counts what a binding in another namespace, or the whole cluster, gives", () => {
  expect(told(waysRound(inCluster(join(role(EDIT), binding("stage", BOT)))))).toEqual([]);
  expect(told(waysRound(inCluster(join(role(EDIT), clusterBinding(BOT)))))).toEqual([
    "MC607 ServiceAccount ci/bot may update secrets in gateway, by ClusterRoleBinding b",
  ]);
  const node = rule("get", "-", "nodes/proxy");
  expect(inGateway(node)).toEqual([]);
  expect(told(waysRound(inCluster(join(role(node), clusterBinding(BOT)))))).toEqual([
    "MC607 ServiceAccount ci/bot may get nodes/proxy in gateway, by ClusterRoleBinding b",
  ]);
});

it.each([
  ["Group", "system:authenticated"],
  ["Group", "system:unauthenticated"],
  ["User", "system:anonymous"],
  ["Group", "system:serviceaccounts"],
  ["Group", "system:serviceaccounts:ci"],
  ["User", "system:serviceaccount:ci:bot"],
  ["Group", "oncall"],
])("%s %s is told", (kind, name) => {
  expect(inGateway(EDIT, named(kind, name))).toEqual([may("update secrets", `${kind} ${name}`)]);
});

it.each([
  ["Group", "system:masters"],
  ["User", "system:kube-controller-manager"],
  ["Group", "system:serviceaccounts:kube-system"],
  ["User", "system:serviceaccount:kube-system:controller"],
])("%s %s is the cluster's own", (kind, name) => {
  expect(inGateway(EDIT, named(kind, name))).toEqual([]);
});

it("looks into aggregated roles, and into those that the cluster brings", () => {
  const aggregated = `{kind: ClusterRole, ${RBAC}, metadata: {name: r}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}}`;
  const part = `{kind: ClusterRole, ${RBAC}, metadata: {name: p, labels: {a: b}}, rules: [${EDIT}]}`;
  expect(told(waysRound(inCluster(join(aggregated, part, binding("gateway", BOT)))))).toEqual([may("update secrets")]);
  const bound = (name: string): readonly string[] =>
    told(waysRound(inCluster(binding("gateway", BOT, `{kind: ClusterRole, name: ${name}}`))));
  expect(bound("cluster-admin")).toEqual([expect.stringMatching(/^MC607 ServiceAccount ci\/bot may create pods, /)]);
  expect(bound("edit")).toEqual([
    "MC607? namespace gateway: the rules of ClusterRole edit must be known, which RoleBinding gateway/b binds",
  ]);
});

it("is not decided while bindings may be missing, nor without facts", () => {
  expect(told(waysRound(inCluster(join(role(EDIT), binding("gateway", BOT)), false)))).toEqual([
    may("update secrets"),
    "MC607? namespace gateway: all ClusterRoleBindings must be known; all RoleBindings must be known",
  ]);
  expect(told(waysRound(inCluster("", false)))).toEqual([
    "MC607? namespace gateway: all ClusterRoleBindings must be known; all RoleBindings must be known",
  ]);
  const codes = [subjectOf({ one: "access: ro" }), { ...inCluster(""), gatewayNamespace: null }].map((subject) =>
    waysRound(subject).skipped.map(({ code }) => code),
  );
  expect(codes).toEqual([["MC607"], ["MC607"]]);
});
