import { describe, expect, it } from "vitest";
import { kindsOf } from "../../../../src/lib/flow/rbac/kinds.ts";
import { factsOf } from "../../../support/rbac-facts.ts";

const list = (version: string, ...resources: readonly string[]): string =>
  `{kind: APIResourceList, apiVersion: v1, groupVersion: ${version}, resources: [${resources.join(", ")}]}`;
const resource = (kind: string, name: string, namespaced = true): string =>
  `{kind: ${kind}, name: ${name}, namespaced: ${namespaced}}`;

describe("kindsOf", () => {
  it.each([
    ["v1", "Pod", { group: "", resource: "pods", isNamespaced: true }],
    ["v1", "Node", { group: "", resource: "nodes", isNamespaced: false }],
    ["apps/v1", "Deployment", { group: "apps", resource: "deployments", isNamespaced: true }],
    ["networking.k8s.io/v1", "Ingress", { group: "networking.k8s.io", resource: "ingresses", isNamespaced: true }],
    ["v1", "Deployment", null],
    ["v1", "pod", null],
    ["apps/v2", "Deployment", null],
    ["__proto__", "constructor", null],
    ["v1", "constructor", null],
  ])("knows what every cluster serves: %s %s", (apiVersion, kind, expected) => {
    expect(kindsOf(factsOf("{}", true))(apiVersion, kind)).toEqual(expected);
  });

  it("reads what a cluster's discovery tells, whose word counts", () => {
    const kinds = kindsOf(
      factsOf(
        `${list("example.org/v1", resource("Thing", "things/status"), resource("Thing", "things", false), "7")}
---
${list("v1", resource("Pod", "podz"))}`,
        true,
      ),
    );
    expect(kinds("example.org/v1", "Thing")).toEqual({ group: "example.org", resource: "things", isNamespaced: false });
    expect(kinds("v1", "Pod")).toEqual({ group: "", resource: "podz", isNamespaced: true });
    expect(kinds("v1", "Node")).toEqual({ group: "", resource: "nodes", isNamespaced: false });
  });

  it("cannot tell where two resources claim one kind", () => {
    const [one, other] = [list("a/v1", resource("T", "ts")), list("a/v1", resource("T", "us"))];
    expect(kindsOf(factsOf(`${one}\n---\n${other}`, true))("a/v1", "T")).toBeNull();
    expect(kindsOf(factsOf(`${one}\n---\n${one}`, true))("a/v1", "T")).toEqual({
      group: "a",
      resource: "ts",
      isNamespaced: true,
    });
  });
});
