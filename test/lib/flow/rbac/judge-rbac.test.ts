import { describe, expect, it } from "vitest";
import { judgeRbac } from "../../../../src/lib/flow/rbac/judge-rbac.ts";
import type { Verdict } from "../../../../src/lib/flow/verdict.ts";
import {
  RBAC,
  account,
  binding,
  clusterBinding,
  everywhere,
  factsOf,
  join,
  requestOf,
  role,
  rule,
  SUBJECT,
} from "../../../support/rbac-facts.ts";

const AGENT = account("mcp/agent");

/** `get pods/log in team-a named x`, a word each; `-` for the core group. */
function ask(manifests: string, request: string, isComplete = true): Verdict {
  return judgeRbac(factsOf(manifests, isComplete), AGENT, requestOf(request));
}

const outcome = (manifests: string, request: string, isComplete = true): string =>
  ask(manifests, request, isComplete).outcome;

const VIEWER = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: mcp-viewer}
rules:
  - {apiGroups: [""], resources: [pods/log], verbs: [get]}
  - apiGroups: [""]
    resources: [pods]
    verbs: [get, list]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: viewers, namespace: team-a}
subjects: [{kind: ServiceAccount, name: agent, namespace: mcp}]
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: mcp-viewer}
`;

describe("judgeRbac", () => {
  it("names the binding, the role and the rule that allow", () => {
    expect(ask(VIEWER, "list - pods team-a")).toEqual({
      outcome: "allow",
      reason: "rule_allows",
      text: "RoleBinding team-a/viewers binds ClusterRole mcp-viewer, rule 2: get, list pods",
      place: { file: "facts.yaml", line: 6, column: 5 },
      source: "file",
      missing: [],
    });
  });

  it("names the rule that came nearest where none allows", () => {
    expect(ask(VIEWER, "delete - pods team-a x")).toEqual({
      outcome: "deny",
      reason: "no_rule",
      text: "no rule allows it to ServiceAccount mcp/agent, which has 1 binding; ClusterRole mcp-viewer gives get, list pods, not delete",
      place: { file: "facts.yaml", line: 6, column: 5 },
      source: "file",
      missing: [],
    });
    expect(ask(VIEWER, "list - pods team-b").text).toBe(
      "no rule allows it to ServiceAccount mcp/agent, which has 1 binding; RoleBinding team-a/viewers does so in its namespace alone",
    );
    const named = everywhere(rule("get", "-", "secrets", ", resourceNames: [a]"));
    expect(ask(named, "get - secrets ns b").text).toBe(
      "no rule allows it to ServiceAccount mcp/agent, which has 1 binding; ClusterRole r gives get secrets named a, and no others",
    );
    expect(ask(VIEWER, "get - secrets team-a x")).toMatchObject({
      text: "no rule allows it to ServiceAccount mcp/agent, which has 1 binding",
      place: null,
    });
    expect(ask(clusterBinding(SUBJECT, "gone"), "list - pods team-a").text).toBe(
      "no rule allows it to ServiceAccount mcp/agent, which has 1 binding; ClusterRoleBinding b binds ClusterRole gone, which does not exist",
    );
    expect(ask("{kind: Other}", "get - secrets team-a x").text).toBe(
      "no rule allows it to ServiceAccount mcp/agent, which nothing binds",
    );
  });

  it("denies nothing that facts left out might allow, and says which", () => {
    expect(ask(VIEWER, "delete - pods team-a x", false)).toEqual({
      outcome: "unknown",
      reason: "facts_incomplete",
      text: "no rule that is known allows it to ServiceAccount mcp/agent, which has 1 binding",
      place: null,
      source: "file",
      missing: ["all ClusterRoleBindings must be known", "all RoleBindings must be known"],
    });
    expect(ask("{kind: Other}", "get - nodes * x", false)).toEqual({
      outcome: "unknown",
      reason: "no_facts",
      text: "no binding is among the facts",
      place: null,
      source: "nothing",
      missing: ["all ClusterRoleBindings must be known"],
    });
  });

  it("says which arguments decide", () => {
    expect(ask(VIEWER, "list - pods {namespace}")).toEqual({
      outcome: "unknown",
      reason: "argument_unknown",
      text: "only for some requests: RoleBinding team-a/viewers binds ClusterRole mcp-viewer, rule 2: get, list pods",
      place: { file: "facts.yaml", line: 6, column: 5 },
      source: "file",
      missing: ["the argument namespace decides (--arg namespace=VALUE)"],
    });
  });
});

describe("whom a binding is for", () => {
  const all = role(rule("*", "*", "*"));
  it.each([
    ["{kind: ServiceAccount, name: agent, namespace: mcp}", "allow"],
    ["{kind: ServiceAccount, name: agent, namespace: other}", "deny"],
    ["{kind: ServiceAccount, name: other, namespace: mcp}", "deny"],
    ['{kind: User, name: "system:serviceaccount:mcp:agent"}', "allow"],
    ['{kind: User, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccount:mcp:agent"}', "allow"],
    ["{kind: User, name: agent}", "deny"],
    ['{kind: Group, name: "system:serviceaccounts"}', "allow"],
    ['{kind: Group, name: "system:serviceaccounts:mcp"}', "allow"],
    ['{kind: Group, name: "system:serviceaccounts:other"}', "deny"],
    ['{kind: Group, name: "system:authenticated"}', "allow"],
    ['{kind: Group, name: "system:unauthenticated"}', "deny"],
    ['{kind: Group, name: "system:masters"}', "deny"],
    ['{kind: Group, name: "system:serviceaccount:mcp:agent"}', "deny"],
    ["", "deny"],
  ])("%s: %s", (subject, expected) => {
    expect(outcome(join(all, clusterBinding(subject)), "get - pods ns x")).toBe(expected);
  });

  it("is a ServiceAccount of the RoleBinding's namespace where none is said, and of none in a ClusterRoleBinding", () => {
    const subject = "{kind: ServiceAccount, name: agent}";
    expect(outcome(join(all, binding("mcp", subject)), "get - pods mcp x")).toBe("allow");
    expect(outcome(join(all, binding("ns", subject)), "get - pods ns x")).toBe("deny");
    expect(outcome(join(all, clusterBinding(subject)), "get - pods mcp x")).toBe("unknown");
  });
});

describe("where a binding counts", () => {
  const some = role(rule("*", "*", "*"));
  it.each([
    ["get - pods ns x", "allow"],
    ["list - pods ns", "allow"],
    ["get - pods other x", "deny"],
    ["list - pods *", "deny"],
    ["get - nodes * x", "deny"],
    ["get - namespaces * ns", "allow"],
    ["delete - namespaces * ns", "allow"],
    ["update - namespaces/finalize * ns", "allow"],
    ["patch - namespaces/status * ns", "allow"],
    ["get - namespaces * other", "deny"],
    ["list - namespaces *", "deny"],
    ["list - namespaces * ns", "deny"],
    ["watch - namespaces * ns", "deny"],
    ["create - namespaces * ns", "deny"],
    ["get example.org namespaces * ns", "deny"],
    ["get - pods * ns", "deny"],
    ["get - namespaces * {name}", "unknown"],
    ["get - namespaces {namespace} ns", "unknown"],
    ["{verb} - namespaces * ns", "unknown"],
    ["{verb} - pods ns x", "allow"],
    ["get - pods n{rest} x", "unknown"],
    ["get - pods m{rest} x", "deny"],
    ["get - pods {namespace} x", "unknown"],
  ])("a RoleBinding in ns, %s: %s", (request, expected) => {
    expect(outcome(join(some, binding("ns", SUBJECT)), request)).toBe(expected);
  });

  it("is everywhere for a ClusterRoleBinding", () => {
    for (const request of ["get - pods {namespace} {name}", "list - nodes *", "delete - namespaces * {name}"])
      expect(outcome(join(some, clusterBinding(SUBJECT)), request)).toBe("allow");
  });

  it("looks a Role up in the binding's namespace, and a ClusterRole nowhere else than in the cluster", () => {
    const inNs = `{kind: Role, apiVersion: rbac.authorization.k8s.io/v1, metadata: {name: r, namespace: ns}, rules: [${rule("get", "-", "pods")}]}`;
    expect(outcome(join(inNs, binding("ns", SUBJECT, "{kind: Role, name: r}")), "get - pods ns x")).toBe("allow");
    expect(outcome(join(inNs, binding("other", SUBJECT, "{kind: Role, name: r}")), "get - pods other x")).toBe("deny");
    expect(outcome(join(inNs, binding("ns", SUBJECT)), "get - pods ns x")).toBe("deny");
    expect(outcome(join(some, binding("ns", SUBJECT, "{kind: Role, name: r}")), "get - pods ns x")).toBe("deny");
  });
});

describe("what a rule allows", () => {
  it.each([
    ["get", "-", "pods", "get - pods ns x", "allow"],
    ["get", "-", "pods", "get - pods/log ns x", "deny"],
    ["get", "-", "pods", "get apps pods ns x", "deny"],
    ["get", "-", "pods", "GET - pods ns x", "deny"],
    ["get", "-", "pods", "get - pods/{sub} ns x", "unknown"],
    ["get", "-", "pods", "get - {resource} ns x", "unknown"],
    ["get", "-", "pods", "get {group} pods ns x", "unknown"],
    ["get", "-", "pods", "{verb} - pods ns x", "unknown"],
    ["get", "-", "pods/log", "get - pods/log ns x", "allow"],
    ["get", "-", "pods/log", "get - pods ns x", "deny"],
    ["get", "-", "pods/log", "get - pods/{sub} ns x", "unknown"],
    ["get", "-", "pods/log", "get - {resource}/log ns x", "unknown"],
    ["get", "-", "pods/log", "get - {resource}/exec ns x", "deny"],
    ["get", "-", "pods/*", "get - pods ns x", "deny"],
    ["get", "-", "pods/*", "get - pods/log ns x", "deny"],
    ["get", "-", "*/log", "get - pods/log ns x", "allow"],
    ["get", "-", "*/log", "get - pods ns x", "deny"],
    ["get", "-", "*/log", "get - pods/logs ns x", "deny"],
    ["get", "-", "*/log", "get - pods/{sub} ns x", "unknown"],
    ["get", "-", "*/log", "get - pods/l{sub} ns x", "unknown"],
    ["get", "-", "*/log", "get - pods/m{sub} ns x", "deny"],
    ["get", "-", "*/log", "get - {resource}/log ns x", "unknown"],
    ["get", "-", "*/log", "get - {resource}/exec ns x", "deny"],
    ["get", "-", "*/log", "get - {resource} ns x", "unknown"],
    ["get", "-", "*", "get - pods/log ns x", "allow"],
    ["get", "-", "*", "get - {resource} ns x", "allow"],
    ["get", "*", "*", "get {group} {resource} {namespace} {name}", "allow"],
    ["*", "apps", "deployments", "{verb} apps deployments ns x", "allow"],
    ["*", "apps", "deployments", "{verb} - deployments ns x", "deny"],
    ["get,list", "-,apps", "pods,deployments", "list apps pods ns", "allow"],
    ["get,list", "-,apps", "pods,deployments", "watch apps pods ns", "deny"],
    ["*", "*", "*", "* * * *", "allow"],
    ["get", "-", "pods", "* - pods ns x", "deny"],
  ])("verbs %s, groups %s, resources %s: %s is %s", (verbs, groups, resources, request, expected) => {
    expect(outcome(everywhere(rule(verbs, groups, resources)), request)).toBe(expected);
  });

  it.each([
    ["get - secrets ns a", "allow"],
    ["get - secrets ns b", "allow"],
    ["get - secrets ns c", "deny"],
    ["get - secrets ns *", "deny"],
    ["get - secrets ns {name}", "unknown"],
    ["get - secrets ns c{rest}", "deny"],
    ["list - secrets ns", "deny"],
    ["list - secrets ns a", "allow"],
    ["watch - secrets ns a", "allow"],
    ["watch - secrets ns c", "deny"],
    ["deletecollection - secrets ns a", "deny"],
    ["create - secrets ns", "deny"],
    ["create - secrets ns a", "unknown"],
    ["create - secrets ns c", "deny"],
    ["create - secrets/token ns a", "allow"],
    ["create - secrets/token ns c", "deny"],
    ["{verb} - secrets ns a", "unknown"],
  ])("with the names a and b, %s: %s", (request, expected) => {
    const named = everywhere(rule("*", "-", "secrets,secrets/token", ", resourceNames: [a, b]"));
    expect(outcome(named, request)).toBe(expected);
  });

  it("reads a name that is empty as the name of a request that names nothing, and never a star", () => {
    expect(outcome(everywhere(rule("*", "-", "pods", ', resourceNames: [""]')), "list - pods ns")).toBe("allow");
    expect(outcome(everywhere(rule("*", "-", "pods", ', resourceNames: ["*"]')), "get - pods ns x")).toBe("deny");
  });

  it("says that a name may not be sent where that decides", () => {
    expect(
      ask(everywhere(rule("create", "-", "secrets", ", resourceNames: [a]")), "create - secrets ns a"),
    ).toMatchObject({
      reason: "name_uncertain",
      missing: ["whether the request names its object decides: a server-side apply does, a create does not"],
    });
  });

  it("is nothing of the API's resources for other URLs", () => {
    const urls = everywhere('{verbs: ["*"], nonResourceURLs: ["*"]}');
    expect(outcome(urls, "get - pods ns x")).toBe("deny");
  });
});

describe("aggregated ClusterRoles", () => {
  const labelled = (name: string, labels: string, rules: string): string =>
    `{kind: ClusterRole, ${RBAC}, metadata: {name: ${name}, labels: {${labels}}}, rules: [${rules}]}`;
  const aggregated = (name: string, selectors: string, more = "", metadata = ""): string =>
    `{kind: ClusterRole, ${RBAC}, metadata: {name: ${name}${metadata}}, aggregationRule: {clusterRoleSelectors: [${selectors}]}${more}}`;
  const bound = clusterBinding(SUBJECT);
  const pods = labelled("pods", "to: r", rule("get", "-", "pods"));
  const nodes = labelled("nodes", "to: other", rule("get", "-", "nodes"));

  it("have the rules of the roles selected, and name those", () => {
    const manifests = join(aggregated("r", "{matchLabels: {to: r}}"), pods, nodes, bound);
    expect(ask(manifests, "get - pods ns x")).toEqual({
      outcome: "allow",
      reason: "rule_allows",
      text: "ClusterRoleBinding b binds ClusterRole r, which aggregates ClusterRole pods, rule 1: get pods",
      place: { file: "facts.yaml", line: 3, column: 112 },
      source: "file",
      missing: [],
    });
    expect(outcome(manifests, "get - nodes * x")).toBe("deny");
    expect(ask(manifests, "get - nodes * x", false).missing).toEqual([
      "all ClusterRoles must be known, for ClusterRole r aggregates some",
      "all ClusterRoleBindings must be known",
    ]);
  });

  it.each([
    ["{matchLabels: {to: r}}", "allow"],
    ["{matchLabels: {to: x}}", "deny"],
    ["{matchLabels: {to: r, and: q}}", "deny"],
    ["{matchLabels: {to: x}}, {matchLabels: {to: r}}", "allow"],
    ["{matchExpressions: [{key: to, operator: In, values: [q, r]}]}", "allow"],
    ["{matchExpressions: [{key: to, operator: NotIn, values: [q, r]}]}", "unknown"],
    ["{matchExpressions: [{key: to, operator: Exists}]}", "allow"],
    ["{matchExpressions: [{key: and, operator: Exists}]}", "deny"],
    ["{matchExpressions: [{key: and, operator: NotIn, values: [x]}]}", "allow"],
    ["{matchExpressions: [{key: and, operator: DoesNotExist}]}", "allow"],
    ["{}", "allow"],
    ["{matchLabels: {rbac.authorization.k8s.io/aggregate-to-view: 'true'}}", "unknown"],
    ["{matchExpressions: [{key: to, operator: in, values: [r]}]}", "unknown"],
    ["{matchExpressions: [{key: to, operator: In}]}", "unknown"],
    ["", "unknown"],
  ])("select by %s: %s", (selectors, expected) => {
    expect(outcome(join(aggregated("r", selectors), pods, bound), "get - pods ns x")).toBe(expected);
  });

  it("lose their own rules, which the controller overwrites, unless an API server printed them", () => {
    const rules = `, rules: [${rule("get", "-", "pods")}]`;
    const none = "{matchLabels: {to: nobody}}";
    expect(outcome(join(aggregated("r", none, rules), bound), "get - pods ns x")).toBe("deny");
    expect(outcome(join(aggregated("r", none, rules, ", uid: 1-2"), bound), "get - pods ns x")).toBe("allow");
    const printed = join(aggregated("r", "{matchLabels: {to: r}}", rules, ", uid: 1-2"), bound);
    expect(outcome(printed, "list - pods ns", false)).toBe("unknown");
    expect(outcome(printed, "list - pods ns")).toBe("deny");
    expect(ask(join(printed, pods), "list - pods ns").missing).toEqual([
      "ClusterRole pods, which it aggregates, must be in force to count",
    ]);
  });

  it("are followed to any depth, and may not go in a circle", () => {
    const chain = Array.from({ length: 2_000 }, (_, index) =>
      aggregated(`c${index}`, `{matchLabels: {n: c${index + 1}}}`, "", `, labels: {n: c${index}}`),
    );
    const end = labelled("c2000", "n: c2000", rule("get", "-", "pods"));
    const manifests = join(...chain, end, clusterBinding(SUBJECT, "c0"));
    expect(outcome(manifests, "get - pods ns x")).toBe("allow");
    expect(outcome(manifests, "get - nodes * x")).toBe("deny");
    const circle = join(
      aggregated("r", "{matchLabels: {n: b}}", "", ", labels: {n: a}"),
      aggregated("b", "{matchLabels: {n: a}}, {matchLabels: {to: r}}", "", ", labels: {n: b}"),
      pods,
      bound,
    );
    expect(outcome(circle, "get - pods ns x")).toBe("allow");
    expect(ask(circle, "get - nodes * x")).toMatchObject({
      outcome: "unknown",
      missing: ["ClusterRole r aggregates roles in a circle, so only the cluster knows its rules"],
    });
  });

  it("do not aggregate themselves", () => {
    const itself = aggregated("r", "{matchLabels: {to: r}}", "", ", labels: {to: r}");
    expect(outcome(join(itself, pods, bound), "get - pods ns x")).toBe("allow");
    expect(outcome(join(itself, pods, bound), "get - nodes * x")).toBe("deny");
  });
});
