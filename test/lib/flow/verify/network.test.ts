import { describe, expect, it } from "vitest";
import { networkPolicies } from "../../../../src/lib/flow/verify/network.ts";
import { factsOf, join } from "../../../support/rbac-facts.ts";
import { inCluster, subjectOf, told } from "../../../support/verify-subject.ts";

const GATEWAY = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: gateway}}";
const LABEL = "podSelector: {matchLabels: {app: gateway}}";
const policy = (spec: string, namespace = "mcp"): string =>
  `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: ${namespace}}, spec: {${spec}}}`;
const ingress = (rule: string): string => policy(`podSelector: {}, ingress: [{${rule}}]`);
const pod = (labels: string, more = ""): string =>
  `{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: mcp, labels: {${labels}}}, spec: {serviceAccountName: agent${more}}}`;
const service = (spec: string): string =>
  `{apiVersion: v1, kind: Service, metadata: {name: one, namespace: mcp}, spec: {${spec}}}`;
const namespace = (name: string, labels: string): string =>
  `{apiVersion: v1, kind: Namespace, metadata: {name: ${name}, labels: {${labels}}}}`;
const SERVICE = service("ports: [{port: 80, targetPort: 8080}]");

const verify = (...manifests: readonly string[]): readonly string[] =>
  told(networkPolicies(inCluster(join(...manifests))));
const lets = (who: string): string => `MC606 NetworkPolicy mcp/p lets ${who} reach "one"`;
const NAKED = "MC606 no NetworkPolicy of namespace mcp keeps others than the gateway away from one";
const LABELS = "MC606? one: the labels of its pods must be known (a snapshot has them)";

describe("a server is kept to the gateway", () => {
  it.each([
    ["by its namespace and a label", [ingress(`from: [{${GATEWAY}, ${LABEL}}]`)]],
    [
      "by its namespace as an expression",
      [
        ingress(
          `from: [{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [gateway]}]}, ${LABEL}}]`,
        ),
      ],
    ],
    [
      "by a label that no other namespace has",
      [
        ingress(`from: [{namespaceSelector: {matchLabels: {team: g}}, ${LABEL}}]`),
        namespace("gateway", "team: g"),
        namespace("other", "team: o"),
      ],
    ],
    ["where nobody is let in", [policy("podSelector: {}, policyTypes: [Ingress]")]],
    ["where policyTypes are left empty", [policy("podSelector: {}, policyTypes: []")]],
    ["with nulls for what is not there", [ingress(`from: [{ipBlock: null, ${GATEWAY}, ${LABEL}}]`)]],
    [
      "where each of its pods is selected by another policy",
      [
        policy("podSelector: {matchLabels: {a: b}}"),
        policy("podSelector: {matchExpressions: [{key: a, operator: In, values: [c]}]}").replace("name: p", "name: q"),
        pod("a: b"),
        pod("a: c"),
      ],
    ],
    ["where an empty list lets nobody in", [policy("podSelector: {}, ingress: []")]],
    ["where its pods are selected", [policy("podSelector: {matchLabels: {a: b}}"), pod("a: b")]],
    [
      "at its port, whoever reaches others",
      [ingress("ports: [{port: 9090}, {port: 8080, protocol: UDP}, {port: 1, endPort: 80}]"), SERVICE],
    ],
  ])("%s", (_, manifests) => {
    expect(verify(...manifests)).toEqual([]);
  });
});

describe("others reach a server", () => {
  it.each([
    ["without a policy", [], NAKED],
    ["with one of another namespace", [policy("podSelector: {}", "gateway")], NAKED],
    ["with one about what it sends", [policy("podSelector: {}, policyTypes: [Egress], egress: []")], NAKED],
    ["with one about other pods", [policy("podSelector: {matchLabels: {a: b}}"), pod("a: c")], NAKED],
    [
      "where one of its pods is not selected",
      [policy("podSelector: {matchLabels: {a: b}}"), pod("a: b"), pod("a: c")],
      NAKED,
    ],
    [
      "where one of its pods is let open",
      [
        policy("podSelector: {}"),
        policy("podSelector: {matchLabels: {a: b}}, ingress: [{}]"),
        pod("a: b"),
        pod("a: c"),
      ],
      lets("everybody"),
    ],
    [
      "from all namespaces but one",
      [
        ingress(
          `from: [{namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [x]}]}, ${LABEL}}]`,
        ),
      ],
      lets("pods of other namespaces"),
    ],
    [
      "from pods that only lack a label",
      [ingress(`from: [{${GATEWAY}, podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [x]}]}}]`)],
      lets("most pods of namespace gateway"),
    ],
    ["by a rule without `from`", [ingress("")], lets("everybody")],
    ["by an empty `from`", [ingress("from: []")], lets("everybody")],
    ["by an empty peer", [ingress("from: [{}]")], lets("pods of namespace mcp")],
    ["from other addresses", [ingress("from: [{ipBlock: {cidr: 0.0.0.0/0}}]")], lets("the addresses of an ipBlock")],
    ["from all namespaces", [ingress("from: [{namespaceSelector: {}}]")], lets("pods of other namespaces")],
    [
      "from all, though it looks as if both held",
      [ingress(`from: [{${GATEWAY}}, {${LABEL}}]`)],
      [lets("every pod of namespace gateway"), lets("pods of namespace mcp")],
    ],
    [
      "from another namespace",
      [ingress("from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}]")],
      lets("pods of namespace other"),
    ],
    [
      "from one that has the gateway's label as well",
      [ingress(`from: [{namespaceSelector: {matchLabels: {team: g}}, ${LABEL}}]`), namespace("other", "team: g")],
      lets("pods of namespace other"),
    ],
    [
      "by a second policy",
      [
        ingress(`from: [{${GATEWAY}, ${LABEL}}]`),
        policy("podSelector: {}, ingress: [{}]").replace("name: p", "name: q"),
      ],
      'MC606 NetworkPolicy mcp/q lets everybody reach "one"',
    ],
    ["at a range of ports", [ingress("ports: [{port: 8000, endPort: 9000}]"), SERVICE], lets("everybody")],
    ["at all ports of TCP", [ingress("ports: [{protocol: TCP}]"), SERVICE], lets("everybody")],
    [
      "at the pods' own port, by a Service without an address",
      [ingress("ports: [{port: 80}]"), service("clusterIP: None, ports: [{port: 80, targetPort: 8080}]")],
      lets("everybody"),
    ],
    [
      "at a port by its name",
      [ingress("ports: [{port: http}]"), service("ports: [{port: 80, targetPort: http}]")],
      lets("everybody"),
    ],
    [
      "whose pod has the node's network",
      [policy("podSelector: {}"), pod("", ", hostNetwork: true")],
      'MC606 a pod of "one" has the network of its node, where most plugins heed no NetworkPolicy',
    ],
  ])("%s", (_, manifests, found) => {
    expect(verify(...manifests)).toEqual([found].flat());
  });
});

describe("it is not decided", () => {
  const port = "MC606? one: its Service must be known, for the port of its pods (a snapshot has it)";
  it.each([
    ["which pods are the server's", [policy("podSelector: {matchLabels: {a: b}}")], LABELS],
    [
      "whether a policy that lets others in is about it",
      [policy("podSelector: {matchLabels: {a: b}}, ingress: [{}]")],
      LABELS,
    ],
    [
      "whether a policy without a namespace is about it",
      [
        ingress(`from: [{${GATEWAY}, ${LABEL}}]`),
        policy("podSelector: {}, ingress: [{}]").replace(", namespace: mcp", ""),
      ],
      "MC606? one: NetworkPolicy p must say its namespace",
    ],
    [
      "whether such a policy keeps others out",
      [policy("podSelector: {}").replace(", namespace: mcp", "")],
      "MC606? one: NetworkPolicy p must say its namespace",
    ],
    [
      "about whom a policy is",
      [policy("podSelector: x")],
      "MC606? one: the podSelector of NetworkPolicy p must be one",
    ],
    [
      "which namespaces have a label, though all was said to be there",
      [ingress(`from: [{namespaceSelector: {matchLabels: {team: g}}, ${LABEL}}]`), namespace("other", "team: o")],
      "MC606? one: the labels of all Namespaces must be known (a snapshot has them)",
    ],
    ["which port it has", [ingress("ports: [{port: 8080}]")], port],
    ["which number a port's name has", [ingress("ports: [{port: http}]"), SERVICE], port],
  ])("%s", (_, manifests, open) => {
    expect(verify(...manifests)).toEqual([open]);
  });

  it("where something else than NetworkPolicies decides, or the facts are none", () => {
    const closed = policy("podSelector: {}");
    const snapshot = (takenAt: string): string =>
      `{apiVersion: v1, kind: List, metadata: {mcpctl: {version: 1, takenAt: ${takenAt}, cluster: u, isComplete: {NetworkPolicy: true}}}, items: []}`;
    const open = (...manifests: readonly string[]): readonly string[] => verify(closed, ...manifests);
    expect(open("{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: c, namespace: mcp}}")).toEqual([
      "MC606? one: what every CiliumNetworkPolicy says must be known, which is not read here",
    ]);
    // With one that denies, even an open policy may let nobody in.
    const deny = "{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: a}}";
    expect(verify(ingress(""), deny)).toEqual([
      "MC606? one: what every AdminNetworkPolicy says must be known, which is not read here",
    ]);
    expect(open("{apiVersion: v1, kind: NetworkPolcy}", "7")).toEqual([
      expect.stringMatching(/^MC606\? one: what cannot be relied on at facts\.yaml:5:1 must be mended$/),
    ]);
    expect(open(snapshot("a"), snapshot("b"))).toEqual([
      expect.stringMatching(/^MC606\? one: which snapshot is meant: /),
    ]);
    const elsewhere = subjectOf(
      { one: "access: ro, serviceAccount: other/agent" },
      { cluster: factsOf(closed.replace("namespace: mcp", "namespace: other"), true) },
    );
    expect(told(networkPolicies(elsewhere))).toEqual([
      "MC606? one: its url must lead to the namespace of its ServiceAccount",
    ]);
  });

  it("while policies or namespaces may be missing", () => {
    const all = "MC606? one: all NetworkPolicies must be known";
    const open = (...manifests: readonly string[]): readonly string[] =>
      told(networkPolicies(inCluster(join(...manifests), false)));
    expect(open("")).toEqual([all]);
    expect(open(policy("podSelector: {}"))).toEqual([all]);
    const byLabel = ingress(`from: [{namespaceSelector: {matchLabels: {team: g}}, ${LABEL}}]`);
    expect(open(byLabel, namespace("gateway", "team: g"))).toEqual([
      "MC606? one: the labels of all Namespaces must be known (a snapshot has them); all NetworkPolicies must be known",
    ]);
    expect(open(policy("podSelector: {matchLabels: {a: b}}"), pod("a: b"))).toEqual([`${all}; all Pods must be known`]);
    // One that lets others in does so whatever else there is.
    expect(open(ingress(""))).toEqual([lets("everybody")]);
  });

  it("without facts, or where the gateway is", () => {
    const codes = [subjectOf({ one: "access: ro" }), { ...inCluster(""), gatewayNamespace: null }].map((subject) =>
      networkPolicies(subject).skipped.map(({ code }) => code),
    );
    expect(codes).toEqual([["MC606"], ["MC606"]]);
  });
});
