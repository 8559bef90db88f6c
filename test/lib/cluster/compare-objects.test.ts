import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compareObjects } from "../../../src/lib/cluster/compare-objects.ts";
import { startObjectServer, type ObjectServer } from "../../support/object-server.ts";

let server: ObjectServer;
beforeEach(async () => {
  server = await startObjectServer();
});
afterEach(() => server.stop());

const map = (name: string, data: object) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "ns" },
  data,
});

describe("compareObjects", () => {
  it("tells same, different, missing and unread objects apart, each for itself", async () => {
    server.put("configmaps", "ns", "same", { ...map("same", { a: "1", added: "2" }), immutable: false });
    server.put("configmaps", "ns", "other", map("other", { a: "2" }));
    server.put("configmaps", "ns", "secret", 403);
    server.put("configmaps", "ns", "broken", 500);
    const wanted = ["same", "other", "gone", "secret", "broken"].map((name) => map(name, { a: "1" }));
    expect(await compareObjects(server.api(), wanted)).toEqual([
      { object: "ConfigMap ns/same", is: "same" },
      {
        object: "ConfigMap ns/other",
        is: "different",
        differences: [{ path: "data.a", wanted: "1", found: "2" }],
      },
      {
        object: "ConfigMap ns/gone",
        is: "missing",
        problem: 'get configmaps "gone" in namespace ns found no such object',
      },
      {
        object: "ConfigMap ns/secret",
        is: "unread",
        problem:
          'get configmaps "secret" in namespace ns was refused: the Kubernetes identity in use lacks that right (it says: status 403)',
      },
      {
        object: "ConfigMap ns/broken",
        is: "unread",
        problem: 'get configmaps "broken" in namespace ns failed inside the API server',
      },
    ]);
  });

  it("never shows what is in a Secret", async () => {
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace: "ns" } };
    server.put("secrets", "ns", "s", { ...secret, data: { password: "Zm91bmQ=" } });
    expect(await compareObjects(server.api(), [{ ...secret, data: { password: "d2FudGVk" } }])).toEqual([
      {
        object: "Secret ns/s",
        is: "different",
        differences: [{ path: "data.password", wanted: "(not shown)", found: "(not shown)" }],
      },
    ]);
  });

  it.each([
    ["of an unknown kind", { apiVersion: "v1", kind: "Pod", metadata: { name: "x", namespace: "ns" } }],
    ["of a kind named like a method", { apiVersion: "v1", kind: "toString", metadata: { name: "x", namespace: "ns" } }],
    ["of another version", { apiVersion: "v2", kind: "ConfigMap", metadata: { name: "x", namespace: "ns" } }],
    ["without its namespace", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } }],
    [
      "with a namespace that it cannot have",
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "x", namespace: "ns" } },
    ],
  ])("calls no object as written that is %s", async (_what, object) => {
    const [comparison] = await compareObjects(server.api(), [object]);
    expect(comparison).toEqual({
      object: `${object.kind} ${"namespace" in object.metadata ? "ns/" : ""}x`,
      is: "unread",
      problem: "it is of a kind, or without a namespace, that is not compared",
    });
  });
});
