import { describe, expect, it } from "vitest";
import { judgeRbac } from "../../../../src/lib/flow/rbac/judge-rbac.ts";
import type { Verdict } from "../../../../src/lib/flow/verdict.ts";
import { account, factsOf, requestOf } from "../../../support/rbac-facts.ts";

const AGENT = account("mcp/agent");

/** `get pods/log in team-a named x`, a word each; `-` for the core group. */
function ask(manifests: string, request: string, isComplete = true): Verdict {
  return judgeRbac(factsOf(manifests, isComplete), AGENT, requestOf(request));
}

const outcome = (manifests: string, request: string, isComplete = true): string =>
  ask(manifests, request, isComplete).outcome;

const role = (rules: string, name = "r"): string =>
  `{kind: ClusterRole, apiVersion: rbac.authorization.k8s.io/v1, metadata: {name: ${name}}, rules: [${rules}]}`;
/** Texts with commas between them; `-` is the core group. */
const list = (texts: string): string => JSON.stringify(texts.split(",").map((text) => (text === "-" ? "" : text)));
const rule = (verbs: string, groups: string, resources: string, more = ""): string =>
  `{verbs: ${list(verbs)}, apiGroups: ${list(groups)}, resources: ${list(resources)}${more}}`;
const clusterBinding = (subject: string, name = "r"): string =>
  `{kind: ClusterRoleBinding, apiVersion: rbac.authorization.k8s.io/v1, metadata: {name: b}, subjects: [${subject}], roleRef: {kind: ClusterRole, name: ${name}}}`;
const binding = (namespace: string, subject: string, ref = "{kind: ClusterRole, name: r}"): string =>
  `{kind: RoleBinding, apiVersion: rbac.authorization.k8s.io/v1, metadata: {name: b, namespace: ${namespace}}, subjects: [${subject}], roleRef: ${ref}}`;
const SUBJECT = "{kind: ServiceAccount, name: agent, namespace: mcp}";
const join = (...documents: readonly string[]): string => documents.join("\n---\n");
const everywhere = (rules: string): string => join(role(rules), clusterBinding(SUBJECT));

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
