import { describe, expect, it } from "vitest";
import { judgeRbac } from "../../../../src/lib/flow/rbac/judge-rbac.ts";
import { account, clusterBinding, factsOf, join, requestOf, role, rule, SUBJECT } from "../../../support/rbac-facts.ts";

const [LATE, EARLY] = ["2026-11-28T00:00:00Z", "2026-11-27T00:00:00Z"];
const KINDS = ["ClusterRole", "ClusterRoleBinding", "RoleBinding"];

function snapshot(items: readonly string[], { takenAt = LATE, cluster = "c", kinds = KINDS } = {}): string {
  const isComplete = kinds.map((kind) => `${kind}: true`).join(", ");
  const mark = `{version: 1, takenAt: "${takenAt}", cluster: ${cluster}, isComplete: {${isComplete}}}`;
  return `{apiVersion: v1, kind: List, metadata: {mcpctl: ${mark}}, items: [${items.join(", ")}]}`;
}

const ROLE = role(rule("get", "-", "pods"));
const BINDING = clusterBinding(SUBJECT);
const ask = (...documents: readonly string[]): string => {
  const { outcome, missing } = judgeRbac(
    factsOf(join(...documents), false),
    account("mcp/agent"),
    requestOf("get - pods a x"),
  );
  return [outcome, ...missing].join("; ");
};
const ABSENT = (what: string): string => `unknown; ${what}, which the snapshot has not, must be in force to count`;

describe("what a snapshot has", () => {
  it.each([
    ["all of it", [snapshot([ROLE, BINDING])], "allow"],
    ["all of it, and a manifest the same", [BINDING, snapshot([ROLE, BINDING])], "allow"],
    ["no binding but in a manifest", [snapshot([ROLE]), BINDING], ABSENT("ClusterRoleBinding b")],
    ["no role but in a manifest", [snapshot([BINDING]), ROLE], ABSENT("ClusterRole r")],
    [
      "no bindings at all, for it could not read them",
      [snapshot([ROLE], { kinds: ["ClusterRole"] }), BINDING],
      "allow",
    ],
    ["neither", [snapshot([])], "deny"],
  ])("decides what of manifests is in force: %s", (_what, documents, expected) => {
    expect(ask(...documents)).toBe(expected);
  });

  it.each([
    ["time", { takenAt: EARLY }, `c at ${LATE}, or of cluster c at ${EARLY}`],
    ["cluster", { cluster: "d" }, `c at ${LATE}, or of cluster d at ${LATE}`],
  ])("is not known beside a snapshot of another %s", (_what, other, shown) => {
    const missing = `unknown; which snapshot is meant: of cluster ${shown}; keep one of them`;
    expect(ask(snapshot([ROLE, BINDING]), snapshot([ROLE, BINDING], other))).toBe(missing);
    expect(ask(snapshot([ROLE]), snapshot([ROLE], other))).toBe(missing);
  });
});
