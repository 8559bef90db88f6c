import { describe, expect, it } from "vitest";
import { judgeRbac } from "../../../../src/lib/flow/rbac/judge-rbac.ts";
import {
  account,
  binding,
  clusterBinding,
  everywhere,
  factsOf,
  join,
  RBAC,
  requestOf,
  role,
  rule,
  SUBJECT,
} from "../../../support/rbac-facts.ts";

const TEMPLATE = "it is a template; render it first";
const AGENT = account("mcp/agent");
const ALLOWED = everywhere(rule("get", "-", "pods"));

const outcome = (manifests: string, request = "get - pods ns x", isComplete = true): string =>
  judgeRbac(factsOf(manifests, isComplete), AGENT, requestOf(request)).outcome;
const messages = (manifests: string): readonly string[] =>
  factsOf(manifests, true).findings.map(({ message }) => message);

describe("the objects among the facts", () => {
  it.each([
    ["List", "v1", ""],
    ["ClusterRoleList", "rbac.authorization.k8s.io/v1", ""],
  ])("are taken out of a %s", (kind, apiVersion) => {
    const list = `{kind: ${kind}, apiVersion: ${apiVersion}, items: [${role(rule("get", "-", "pods"))}]}`;
    expect(outcome(join(list, clusterBinding(SUBJECT)))).toBe("allow");
    const nested = `{kind: List, apiVersion: v1, items: [${list}]}`;
    expect(outcome(join(nested, clusterBinding(SUBJECT)))).toBe("allow");
  });

  it("have the kind of their list where the API left it out", () => {
    const items = `{metadata: {name: r}, rules: [${rule("get", "-", "pods")}]}`;
    const list = `{kind: ClusterRoleList, ${RBAC}, items: [${items}]}`;
    expect(outcome(join(list, clusterBinding(SUBJECT)))).toBe("allow");
    const binding = `{kind: ClusterRoleBindingList, ${RBAC}, items: null}`;
    expect(outcome(join(list, binding))).toBe("deny");
  });

  it("are ignored where they are not of RBAC, and kept for others", () => {
    const others = join("{kind: Role, apiVersion: example.org/v1}", "{kind: Pod, apiVersion: v1, spec: 1}", "{a: b}");
    const facts = factsOf(join(ALLOWED, others), true);
    expect(facts.findings).toEqual([]);
    expect(facts.objectsOf("Pod", "").map(({ value }) => value)).toEqual([{ kind: "Pod", apiVersion: "v1", spec: 1 }]);
    expect(facts.objectsOf("ClusterRole", "rbac.authorization.k8s.io")).toHaveLength(1);
    expect(facts.objectsOf("ClusterRole", "")).toEqual([]);
    expect(facts.objectsOf("__proto__", "")).toEqual([]);
  });
});

const meta = (kind: string, rest: string): string => `{kind: ${kind}, ${RBAC}, ${rest}}`;
const REF = "roleRef: {kind: ClusterRole, name: r}";
const badRule = (text: string): string => meta("ClusterRole", `metadata: {name: x}, rules: [${text}]`);
const badSubject = (text: string): string =>
  meta("ClusterRoleBinding", `metadata: {name: x}, subjects: [${text}], ${REF}`);

describe("what the API server would not take", () => {
  it.each([
    ["7", "this is no Kubernetes object"],
    ["[a]", "this is no Kubernetes object"],
    ["{kind: List, apiVersion: v1, items: 7}", "the items of this List are no list"],
    ["{kind: List, apiVersion: v1, items: [7]}", "this is no Kubernetes object"],
    ["{apiVersion: v1, items: []}", "it says no kind"],
    ["{kind: [List], apiVersion: v1}", "it says no kind"],
    ["{kind: List, apiVersion: v1}", "the items of this List are no list"],
    ["{kind: RoleBinding, metadata: {name: x}}", "takes no RoleBinding like x: it says no apiVersion"],
    ["{kind: RoleBinding, apiVersion: 7}", "it says no apiVersion"],
    ["{kind: List, apiVersion: v1, items: [{kind: Role}]}", "it says no apiVersion"],
    [meta("RoleBindng", "metadata: {name: x}"), "takes no RoleBindng like x: there is no such kind of RBAC"],
    [meta("7", "metadata: {name: x}"), "it says no kind"],
    [
      "{kind: RoleBinding, apiVersion: v1, metadata: {name: x}}",
      "RoleBinding like x: v1 is not served, rbac.authorization.k8s.io/v1 is",
    ],
    [
      "{kind: Role, apiVersion: rbac.authorization.k8s.io/v1beta1}",
      "takes no Role like (no name): rbac.authorization.k8s.io/v1beta1 is not served, rbac.authorization.k8s.io/v1 is",
    ],
    [
      meta("ClusterRole", "metadata: {name: 7}"),
      "takes no ClusterRole like (no name): its metadata.name is missing, or none that the API takes",
    ],
    [meta("ClusterRole", "metadata: {name: a/b}"), "its metadata.name is missing"],
    [meta("ClusterRole", "metadata: {name: ..}"), "its metadata.name is missing"],
    [meta("ClusterRole", "metadata: [name]"), "its metadata.name is missing"],
    [meta("ClusterRole", "spec: 1"), "its metadata.name is missing"],
    [meta("Role", "metadata: {name: x}"), "takes no Role like x: it says no namespace, so that it may be in any"],
    [meta("Role", "metadata: {name: x, namespace: 7}"), "it says no namespace"],
    [meta("ClusterRole", "metadata: {name: x, labels: {a: 1}}"), "its labels are not texts"],
    [meta("ClusterRole", "metadata: {name: x, labels: [a]}"), "its labels are not texts"],
    [meta("ClusterRole", "metadata: {name: x}, rules: {}"), "its rules are no list"],
    [badRule("7"), "its rule 1 is no object"],
    [
      badRule("{verbs: [get], apiGroups: [a], resources: [b], resourceName: [c]}"),
      "its rule 1 has a member that no rule",
    ],
    [badRule("{verbs: get, apiGroups: [a], resources: [b]}"), "its rule 1 has a list that is none"],
    [badRule("{verbs: [1], apiGroups: [a], resources: [b]}"), "its rule 1 has a list that is none"],
    [badRule("{verbs: [get], apiGroups: [a], resources: [b], resourceNames: c}"), "its rule 1 has a list that is none"],
    [badRule("{apiGroups: [a], resources: [b]}"), "its rule 1 has no verbs"],
    [badRule("{verbs: [get], resources: [b]}"), "its rule 1 lacks apiGroups or resources"],
    [badRule("{verbs: [get], apiGroups: [a]}"), "its rule 1 lacks apiGroups or resources"],
    [
      badRule("{verbs: [get], apiGroups: [a], resources: [b], nonResourceURLs: [/c]}"),
      "its rule 1 has nonResourceURLs where it may not",
    ],
    [
      meta("Role", "metadata: {name: x, namespace: ns}, rules: [{verbs: [get], nonResourceURLs: [/c]}]"),
      "its rule 1 has nonResourceURLs where it may not",
    ],
    [meta("ClusterRole", "metadata: {name: x}, aggregationRule: {}"), "its aggregationRule selects nothing"],
    [meta("ClusterRole", "metadata: {name: x}, aggregationRule: 7"), "its aggregationRule selects nothing"],
    [
      meta("ClusterRole", "metadata: {name: x}, aggregationRule: {clusterRoleSelectors: [7]}"),
      "its aggregationRule has a selector that is none",
    ],
    [
      meta("ClusterRole", "metadata: {name: x}, aggregationRule: {clusterRoleSelectors: [{matchLabel: {a: b}}]}"),
      "its aggregationRule has a selector that is none",
    ],
    [meta("ClusterRoleBinding", "metadata: {name: x}"), "its roleRef.kind is none that it may bind"],
    [
      meta("ClusterRoleBinding", "metadata: {name: x}, roleRef: {kind: Role, name: r}"),
      "its roleRef.kind is none that it may bind",
    ],
    [
      meta("RoleBinding", "metadata: {name: x, namespace: ns}, roleRef: {kind: User, name: r}"),
      "its roleRef.kind is none that it may bind",
    ],
    [meta("ClusterRoleBinding", "metadata: {name: x}, roleRef: {kind: ClusterRole}"), "its roleRef.name is missing"],
    [
      meta("ClusterRoleBinding", "metadata: {name: x}, roleRef: {kind: ClusterRole, name: r, apiGroup: v1}"),
      "its roleRef.apiGroup is not rbac.authorization.k8s.io",
    ],
    [
      meta("ClusterRoleBinding", "metadata: {name: x}, roleRef: {kind: ClusterRole, name: r, apiGroup: 7}"),
      "its roleRef.apiGroup is not rbac.authorization.k8s.io",
    ],
    [meta("ClusterRoleBinding", `metadata: {name: x}, subjects: {}, ${REF}`), "its subjects are no list"],
    [badSubject("7"), "its subject 1 is none that the API takes"],
    [badSubject("{kind: Group}"), "its subject 1 is none that the API takes"],
    [badSubject("{kind: group, name: x}"), "its subject 1 is none that the API takes"],
    [badSubject("{kind: User, name: x, apiGroup: v1}"), "its subject 1 is none that the API takes"],
    [badSubject("{kind: ServiceAccount, name: x, namespace: ns, Name: y}"), "its subject 1 is none that the API takes"],
    [badSubject("{kind: ServiceAccount, name: x}"), "its subject 1 is none that the API takes"],
    [badSubject("{kind: ServiceAccount, name: X, namespace: ns}"), "its subject 1 is none that the API takes"],
    [badSubject('{kind: ServiceAccount, name: x, namespace: "{{ .Release.Namespace }}"}'), TEMPLATE],
    [badSubject('{kind: Group, name: "system:serviceaccounts:${NS}"}'), TEMPLATE],
    [meta("Role", 'metadata: {name: x, namespace: "${ns}"}'), TEMPLATE],
    [meta("Role", "metadata: {name: x, namespace: Ns}"), "its metadata.namespace is none that the API takes"],
    [meta("ClusterRole", 'metadata: {name: "{{ .Release.Name }}-viewer"}'), TEMPLATE],
    [
      meta(
        "ClusterRole",
        'metadata: {name: x}, rules: [{verbs: [get], apiGroups: [""], resources: [pods], resourceNames: ["$(POD)"]}]',
      ),
      TEMPLATE,
    ],
    [badSubject("{kind: ServiceAccount, name: x, namespace: 7}"), "its subject 1 is none that the API takes"],
    [
      badSubject("{kind: ServiceAccount, name: x, namespace: ns, apiGroup: rbac.authorization.k8s.io}"),
      "its subject 1 is none that the API takes",
    ],
  ])("like %s is told, and leaves no absence proven", (bad, message) => {
    const found = factsOf(join(ALLOWED, bad), true).findings;
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ severity: "warning", isUnreadable: false });
    expect(found[0]?.message).toContain(message);
    expect(outcome(join(ALLOWED, bad))).toBe("allow");
    expect(outcome(ALLOWED, "list - pods ns")).toBe("deny");
    expect(judgeRbac(factsOf(join(ALLOWED, bad), true), AGENT, requestOf("list - pods ns"))).toMatchObject({
      outcome: "unknown",
      missing: [expect.stringMatching(/^what cannot be relied on at facts\.yaml:\d+:\d+ must be mended$/)],
    });
  });

  it("is not trusted with an answer", () => {
    const broken = role(`${rule("get", "-", "pods")}, {verbs: [get]}`);
    expect(outcome(join(broken, clusterBinding(SUBJECT)))).toBe("unknown");
  });

  it("is told a hundred times at most, however large the file", () => {
    const bad = Array.from({ length: 20_000 }, () => `{"kind":"Role","apiVersion":"rbac.authorization.k8s.io/v1"}`);
    const facts = factsOf(`{"kind":"List","apiVersion":"v1","items":[${bad.join(",\n")}]}`, true);
    expect(facts.findings).toHaveLength(100);
    expect(facts.findings[99]?.place).toEqual({ file: "facts.yaml", line: 100, column: 1 });
  });

  it("is a list too deep in others", () => {
    let list = "{kind: List, apiVersion: v1, items: []}";
    for (let depth = 0; depth < 9; depth += 1) list = `{kind: List, apiVersion: v1, items: [${list}]}`;
    expect(messages(list)).toEqual(["lists are nested too deeply here"]);
  });
});

describe("what two manifests say of one object", () => {
  const pods = role(rule("get", "-", "pods"));
  const nodes = role(rule("get", "-", "nodes"));
  const both = role(`${rule("get", "-", "nodes")}, ${rule("get", "-", "pods")}`);

  it("may be the same, whatever else differs", () => {
    const noted = pods.replace("name: r}", "name: r, annotations: {a: b}}");
    expect(messages(join(pods, noted))).toEqual([]);
    expect(outcome(join(pods, noted, clusterBinding(SUBJECT)), "list - pods ns")).toBe("deny");
  });

  it("must be allowed by both where it differs", () => {
    const manifests = join(pods, nodes, clusterBinding(SUBJECT));
    expect(messages(manifests)).toEqual(["ClusterRole r stands elsewhere, too, and differs"]);
    expect(outcome(manifests)).toBe("unknown");
    expect(outcome(join(pods, both, clusterBinding(SUBJECT)))).toBe("allow");
    expect(outcome(join(pods, clusterBinding(SUBJECT), clusterBinding("")))).toBe("unknown");
    expect(outcome(join(pods, clusterBinding(SUBJECT), clusterBinding(`${SUBJECT}, {kind: User, name: u}`)))).toBe(
      "allow",
    );
    expect(outcome(join(pods, clusterBinding(SUBJECT), clusterBinding(SUBJECT, "other")))).toBe("unknown");
  });

  it("is of two objects where the namespaces differ", () => {
    expect(messages(join(binding("a", SUBJECT), binding("b", SUBJECT), clusterBinding(SUBJECT)))).toEqual([]);
  });
});

describe("what every cluster has, whatever manifests show", () => {
  it("is a ClusterRole cluster-admin that may do everything", () => {
    const bound = clusterBinding(SUBJECT, "cluster-admin");
    expect(judgeRbac(factsOf(bound, false), AGENT, requestOf("delete - nodes * {name}"))).toEqual({
      outcome: "allow",
      reason: "rule_allows",
      text: "ClusterRoleBinding b binds ClusterRole cluster-admin, which may do everything",
      place: { file: "facts.yaml", line: 1, column: 156 },
      source: "file",
      missing: [],
    });
    expect(outcome(binding("ns", SUBJECT, "{kind: ClusterRole, name: cluster-admin}"), "list - pods *")).toBe("deny");
    const own = role(rule("get", "-", "pods"), "cluster-admin");
    expect(outcome(join(own, bound), "list - pods *")).toBe("unknown");
  });

  it.each(["view", "edit", "admin", "system:node"])("is ClusterRole %s, whose rules are not known", (name) => {
    expect(judgeRbac(factsOf(clusterBinding(SUBJECT, name), true), AGENT, requestOf("get - pods ns x"))).toMatchObject({
      outcome: "unknown",
      missing: [`the rules of ClusterRole ${name} must be known, which ClusterRoleBinding b binds`],
    });
    expect(outcome(clusterBinding(SUBJECT, "viewer"))).toBe("deny");
    expect(outcome(clusterBinding(SUBJECT, "viewer"), "get - pods ns x", false)).toBe("unknown");
  });

  it("is what lets everybody ask about themselves", () => {
    const request = "create authorization.k8s.io selfsubjectaccessreviews *";
    expect(outcome(ALLOWED, request)).toBe("unknown");
    expect(outcome(ALLOWED, "list authorization.k8s.io selfsubjectaccessreviews *")).toBe("deny");
    const basic = clusterBinding("").replace("name: b", "name: 'system:basic-user'");
    expect(outcome(join(ALLOWED, basic), request)).toBe("deny");
  });

  it("are bindings of ServiceAccounts in kube-system", () => {
    const facts = factsOf(ALLOWED, true);
    expect(judgeRbac(facts, account("kube-system/kube-dns"), requestOf("list - pods ns")).outcome).toBe("unknown");
  });
});

describe("a snapshot", () => {
  const mark = (kinds: string, cluster = "u"): string =>
    `metadata: {mcpctl: {version: 1, takenAt: "2026-11-28T00:00:00Z", cluster: ${cluster}, isComplete: {${kinds}}}}`;
  const list = (metadata: string, items = ""): string => `{kind: List, apiVersion: v1, ${metadata}, items: [${items}]}`;
  const ALL = "Role: true, ClusterRole: true, RoleBinding: true, ClusterRoleBinding: true";

  it("says itself of which kinds it has all", () => {
    expect(outcome(join(list(mark(ALL)), ALLOWED), "list - pods ns", false)).toBe("deny");
    expect(outcome(join(list(mark("ClusterRoleBinding: true")), ALLOWED), "list - pods ns", false)).toBe("unknown");
    expect(outcome(join(list(mark("ClusterRoleBinding: true")), ALLOWED), "list - nodes *", false)).toBe("deny");
  });

  it("is believed where it lacks a kind, whatever is said of the facts", () => {
    const lacking = list(mark("ClusterRoleBinding: true, RoleBinding: false"));
    expect(judgeRbac(factsOf(join(lacking, ALLOWED), true), AGENT, requestOf("list - pods ns"))).toMatchObject({
      outcome: "unknown",
      missing: ["all RoleBindings must be known"],
    });
  });

  it("has the cluster's own objects, so that nothing else exists", () => {
    const whole = list(mark(ALL));
    expect(outcome(join(whole, clusterBinding(SUBJECT, "view")), "get - pods ns x", false)).toBe("deny");
    expect(outcome(join(whole, clusterBinding(SUBJECT, "cluster-admin")), "get - pods ns x", false)).toBe("deny");
    expect(outcome(join(whole, ALLOWED), "create authorization.k8s.io selfsubjectaccessreviews *", false)).toBe("deny");
  });

  it("is no mark where it is not wholly understood", () => {
    const odd = mark(ALL).replace("version: 1", "version: 2");
    expect(outcome(join(list(odd), ALLOWED), "list - pods ns", false)).toBe("unknown");
    expect(outcome(join(list(mark("Role: maybe")), ALLOWED), "list - pods ns", false)).toBe("unknown");
  });

  it.each([
    mark("Role: false").replace("version: 1", "version: 2"),
    mark("Role: maybe"),
    "metadata: {mcpctl: null}",
    "metadata: {mcpctl: 7}",
  ])("that is not wholly understood may be incomplete, whatever is said of the facts: %s", (odd) => {
    expect(messages(list(odd))).toEqual(["this snapshot is of a form that is not known here"]);
    expect(outcome(join(list(odd), ALLOWED), "list - pods ns")).toBe("unknown");
  });

  it("is of one cluster", () => {
    expect(messages(join(list(mark(ALL)), list(mark(ALL))))).toEqual([]);
    expect(messages(join(list(mark(ALL)), list(mark(ALL, "w"))))).toEqual([
      "this is a snapshot of another cluster than one before",
    ]);
  });
});

describe("names that mean something elsewhere", () => {
  it.each(["__proto__", "constructor", "a\\0b", "a\\u202eb", "x".repeat(100_000)])("%.20s is a name", (name) => {
    const group = `{kind: Group, name: "${name}"}`;
    const manifests = join(
      role(rule("get", "-", "pods"), `"${name}"`),
      clusterBinding(`{kind: ServiceAccount, namespace: constructor, name: constructor}, ${group}`, `"${name}"`),
    );
    const facts = factsOf(manifests, true);
    const account = { namespace: "constructor", name: "constructor" };
    const verdict = judgeRbac(facts, account, requestOf("get - pods ns x"));
    expect(verdict.outcome).toBe("allow");
    expect(verdict.text.length).toBeLessThan(400);
    expect(judgeRbac(facts, AGENT, requestOf("get - pods ns x")).outcome).toBe("deny");
  });
});

it("holds a hundred thousand rules, and tells where the last of them stands", () => {
  const rules = Array.from({ length: 100_000 }, (_, index) => ({
    verbs: ["get"],
    apiGroups: [""],
    resources: [`r${index}`],
  }));
  const api = { apiVersion: "rbac.authorization.k8s.io/v1" };
  const items = [
    { ...api, kind: "ClusterRole", metadata: { name: "r" }, rules },
    {
      ...api,
      kind: "ClusterRoleBinding",
      metadata: { name: "b" },
      subjects: [{ kind: "ServiceAccount", ...AGENT }],
      roleRef: { kind: "ClusterRole", name: "r" },
    },
  ];
  const facts = factsOf(JSON.stringify({ kind: "List", apiVersion: "v1", items }).replaceAll("{", "\n{"), true);
  expect(judgeRbac(facts, AGENT, requestOf("get - r99999 ns x"))).toEqual({
    outcome: "allow",
    reason: "rule_allows",
    text: "ClusterRoleBinding b binds ClusterRole r, rule 100000: get r99999",
    place: { file: "facts.yaml", line: 100_004, column: 1 },
    source: "file",
    missing: [],
  });
  expect(judgeRbac(facts, AGENT, requestOf("get - r100000 ns x")).outcome).toBe("deny");
});
