import { describe, expect, it } from "vitest";
import { readDeclaration } from "../../../../src/lib/flow/mcp/declared-needs.ts";
import { readToolList } from "../../../../src/lib/flow/mcp/tool-list.ts";

const KEY = "io.kubernetes-mcp-server/rbac";
const withRbac = (metadata: unknown): unknown => ({ name: "t", _meta: { [KEY]: metadata } });
const bounded = (...requirements: readonly unknown[]): unknown =>
  withRbac({ version: "v1alpha1", bounded: { requirements } });
const boundsOf = (tool: unknown): unknown => readDeclaration(tool);
const known = (...kubernetes: readonly unknown[]): unknown => ({
  declared: { bounds: { kubernetes } },
  problem: null,
});
const misread = (problem: string): unknown => ({ declared: {}, problem });

const PODS = { resource: { resource: "pods" } };
const GVK = { gvk: { apiVersionArgument: "apiVersion", kindArgument: "kind" } };
const NAMESPACE = { argument: "namespace" };
const NAME = { argument: "name" };

describe("readDeclaration", () => {
  it("reads the hints, and nothing into what is not said", () => {
    expect(readDeclaration({ annotations: { readOnlyHint: true, destructiveHint: false } })).toEqual({
      declared: { readOnly: true, destructive: false },
      problem: null,
    });
    for (const tool of [{}, null, "t", [], { annotations: { readOnlyHint: "yes", destructiveHint: 0 } }, { _meta: 1 }])
      expect(readDeclaration(tool)).toEqual({ declared: {}, problem: null });
  });

  it("tells none, anything, and at most what apart", () => {
    expect(boundsOf(withRbac({ version: "v1alpha1", none: {} }))).toEqual(known());
    expect(boundsOf(withRbac({ version: "v1alpha1", none: { reason: "reads a file" }, bounded: null }))).toEqual(
      known(),
    );
    expect(
      boundsOf(withRbac({ version: "v1alpha1", unbounded: { reason: "depends\n on\u001b[2J the chart" } })),
    ).toEqual({
      declared: { bounds: { unbounded: "depends on [2J the chart" } },
      problem: null,
    });
  });

  it.each([
    [
      { verbs: ["list"], target: PODS, namespace: { all: true } },
      [{ verb: "list", resource: "pods", namespace: "{any namespace}" }],
    ],
    [{ verbs: ["list"], target: PODS }, [{ verb: "list", resource: "pods" }]],
    [
      { verbs: ["list"], target: PODS, namespace: NAMESPACE },
      [{ verb: "list", resource: "pods", namespace: "{namespace}" }],
    ],
    [
      { verbs: ["get", "delete"], target: PODS, namespace: { name: "a" }, resourceName: NAME },
      [
        { verb: "get", resource: "pods", namespace: "a", name: "{name}" },
        { verb: "delete", resource: "pods", namespace: "a", name: "{name}" },
      ],
    ],
    [
      { verbs: ["get"], target: { resource: { apiGroup: "metrics.k8s.io", resource: "nodes" } } },
      [{ verb: "get", resource: "nodes", group: "metrics.k8s.io", name: "{any name}" }],
    ],
    [
      {
        verbs: ["create"],
        target: { resource: { resource: "pods", subresource: "exec" } },
        resourceName: { name: "web" },
      },
      [{ verb: "create", resource: "pods/exec", name: "web" }],
    ],
    [{ verbs: ["create"], target: PODS, resourceName: NAME }, [{ verb: "create", resource: "pods" }]],
    [
      { verbs: ["list"], target: PODS, resourceName: NAME },
      [
        { verb: "list", resource: "pods" },
        { verb: "list", resource: "pods", name: "{name}" },
      ],
    ],
    [
      { verbs: ["delete"], target: GVK, namespace: NAMESPACE, resourceName: NAME },
      [{ verb: "delete", kind: "{kind}", apiVersion: "{apiVersion}", namespace: "{namespace}", name: "{name}" }],
    ],
    [
      { verbs: ["update"], target: { gvk: { ...GVK.gvk, subresource: "scale" } }, resourceName: NAME },
      [{ verb: "update", kind: "{kind}", apiVersion: "{apiVersion}", subresource: "scale", name: "{name}" }],
    ],
    [
      { verbs: ["create", "patch"], target: { manifest: { argument: "resource" } } },
      [
        { verb: "create", manifest: "{resource}" },
        { verb: "patch", manifest: "{resource}" },
      ],
    ],
  ])("reads the requirement %j", (requirement, needs) => {
    expect(boundsOf(bounded(requirement, requirement))).toEqual(known(...needs));
  });

  it.each([
    ["no object", null, "the declaration is no object"],
    ["an array", [], "the declaration is no object"],
    ["another version", { version: "v1beta1", none: {} }, "its version is not known"],
    ["a version that breaks texts", { version: { toString: 1 }, none: {} }, "its version is not known"],
    ["none of the forms", { version: "v1alpha1" }, "the declaration is not exactly one of its forms"],
    [
      "two forms",
      { version: "v1alpha1", none: {}, unbounded: { reason: "x" } },
      "the declaration is not exactly one of its forms",
    ],
    ["a fourth form", { version: "v1alpha1", none: {}, "x\u202e": 1 }, 'the declaration has the unknown member "x"'],
    ["none that is a flag", { version: "v1alpha1", none: true }, "none is no object"],
    ["no reason", { version: "v1alpha1", unbounded: { reason: " " } }, "unbounded has no reason"],
    ["no requirements", { version: "v1alpha1", bounded: { requirements: [] } }, "bounded has no requirements"],
    [
      "requirements that are no list",
      { version: "v1alpha1", bounded: { requirements: {} } },
      "bounded has no requirements",
    ],
  ])("does not understand a declaration with %s", (_what, metadata, problem) => {
    expect(readDeclaration(withRbac(metadata))).toEqual(misread(problem));
  });

  it.each([
    [{ target: PODS }, "a requirement has no verbs"],
    [{ verbs: ["get"] }, "a target is no object"],
    [{ verbs: ["*"], target: PODS }, "a verb is not understood"],
    [{ verbs: [1], target: PODS }, "a verb is not understood"],
    [{ verbs: ["get"], target: { ...PODS, ...GVK } }, "a target is not exactly one of its forms"],
    [{ verbs: ["get"], target: { resource: { resource: "*" } } }, "a resource is not understood"],
    [
      { verbs: ["get"], target: { resource: { resource: "pods", subresource: "*" } } },
      "a subresource is not understood",
    ],
    [{ verbs: ["get"], target: { resource: { resource: "pods", apiGroup: "*" } } }, "a group is not understood"],
    [{ verbs: ["get"], target: { gvk: { kindArgument: "kind" } } }, "an argument is not understood"],
    [{ verbs: ["get"], target: { manifest: { argument: "a}{b" } } }, "an argument is not understood"],
    [{ verbs: ["get"], target: PODS, namespace: {} }, "a namespace is not exactly one of name, argument and all"],
    [
      { verbs: ["get"], target: PODS, namespace: { name: "a", all: true } },
      "a namespace is not exactly one of name, argument and all",
    ],
    [
      { verbs: ["get"], target: PODS, namespace: { all: "true", name: "a" } },
      "a namespace is not exactly one of name, argument and all",
    ],
    [{ verbs: ["get"], target: PODS, namespace: { name: "{x}" } }, "a namespace is not understood"],
    [
      { verbs: ["get"], target: PODS, resourceName: { name: "a", argument: "b" } },
      "a resource name is not exactly one of name and argument",
    ],
    [{ verbs: ["get"], target: PODS, when: "always" }, 'a requirement has the unknown member "when"'],
    [{ verbs: Array.from({ length: 1_001 }, () => "get"), target: PODS }, "more than 1000 requests"],
  ])("takes nothing of a declaration with the requirement %j", (requirement, problem) => {
    expect(readDeclaration(bounded({ verbs: ["get"], target: PODS }, requirement))).toEqual(misread(problem));
  });

  it("keeps the hints of a tool whose requirements it does not understand", () => {
    const tool = { annotations: { readOnlyHint: true }, _meta: { [KEY]: { version: "v2" } } };
    expect(readDeclaration(tool)).toEqual({ declared: { readOnly: true }, problem: "its version is not known" });
  });
});

describe("readToolList", () => {
  it("takes names as they are, and none that hides something", () => {
    const names = [
      "pods_list",
      "__proto__",
      "über/a.b-c",
      "a\u0000b",
      "\u001b[31mred",
      "a\u202eb",
      "",
      "a  b",
      "x".repeat(257),
    ];
    const { tools, unusable } = readToolList([...names.map((name) => ({ name })), {}, null, { name: 7 }]);
    expect([...tools.values()]).toEqual(
      ["pods_list", "__proto__", "über/a.b-c"].map((name) => ({ name, declared: {}, problem: null })),
    );
    expect(unusable).toEqual([
      { name: "a b", problem: "its name is unusable" },
      { name: "[31mred", problem: "its name is unusable" },
      { name: "a b", problem: "its name is unusable" },
      { name: "", problem: "its name is unusable" },
      { name: "a b", problem: "its name is unusable" },
      { name: `${"x".repeat(77)}...`, problem: "its name is unusable" },
      { name: "", problem: "it has no name" },
      { name: "", problem: "it has no name" },
      { name: "", problem: "it has no name" },
    ]);
  });

  it("knows nothing of a tool that is listed twice", () => {
    const harmless = { name: "a", annotations: { readOnlyHint: true } };
    const { tools } = readToolList([
      harmless,
      { name: "b", annotations: { readOnlyHint: true } },
      { name: "a" },
      harmless,
    ]);
    expect([...tools.values()]).toEqual([
      { name: "a", declared: {}, problem: "the server lists it twice" },
      { name: "b", declared: { readOnly: true }, problem: null },
    ]);
  });
});
