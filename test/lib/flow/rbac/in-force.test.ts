import { describe, expect, it } from "vitest";
import { judgeRbac } from "../../../../src/lib/flow/rbac/judge-rbac.ts";
import {
  account,
  binding,
  RBAC,
  clusterBinding,
  factsOf,
  join,
  requestOf,
  role,
  rule,
  SUBJECT,
} from "../../../support/rbac-facts.ts";

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
const DISAGREE = "unknown; the manifests of ClusterRoleBinding b must agree";
const ABSENT = (what: string): string => `unknown; ${what}, which the snapshot has not, must be in force to count`;

describe("what is in force", () => {
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
  ])("is what a snapshot has, which is %s", (_what, documents, expected) => {
    expect(ask(...documents)).toBe(expected);
  });

  it.each([
    [
      "is a Helm hook",
      BINDING.replace("name: b", 'name: b, annotations: {"helm.sh/hook": test}'),
      "unknown; ClusterRoleBinding b, a Helm hook, must be in force to count",
    ],
    [
      "is a Helm hook that an API server printed",
      BINDING.replace("name: b", 'name: b, uid: u, annotations: {"helm.sh/hook": test}'),
      "allow",
    ],
    [
      "is taken away by a patch",
      join(BINDING, `{kind: ClusterRoleBinding, ${RBAC}, metadata: {name: b}, $patch: delete}`),
      DISAGREE,
    ],
    ["cannot be read elsewhere", join(BINDING, clusterBinding("{kind: ServiceAccount, name: agent}")), DISAGREE],
    [
      "is one of another name than what cannot be read",
      join(BINDING, `{kind: ClusterRoleBinding, ${RBAC}, metadata: {name: c}}`),
      "allow",
    ],
  ])("counts a binding that %s", (_what, manifests, expected) => {
    expect(ask(ROLE, manifests).replace(/; all .*$/, "")).toBe(expected);
  });

  it("takes a patch of no namespace for one of any", () => {
    const patch = (namespace: string): string =>
      ask(ROLE, binding("a", SUBJECT), `{kind: RoleBinding, ${RBAC}, metadata: {name: b${namespace}}, $patch: delete}`);
    expect(["", ", namespace: a", ", namespace: z"].map((each) => patch(each).split(";")[0])).toEqual([
      "unknown",
      "unknown",
      "allow",
    ]);
  });

  it("counts no aggregated role that is not in force", () => {
    const root = `{kind: ClusterRole, ${RBAC}, metadata: {name: r}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}}`;
    const part = ROLE.replace("name: r", "name: part, labels: {a: b}");
    const patch = `{kind: ClusterRole, ${RBAC}, metadata: {name: part, namespace: 7}, rules: 7}`;
    const of = (...documents: readonly string[]): string => ask(root, BINDING, ...documents);
    expect(of(part)).toBe("allow");
    expect(of(part, patch)).toContain("unknown; the manifests of ClusterRole part must agree");
  });

  it.each([
    ["time", { takenAt: EARLY }, `c at ${LATE}, or of cluster c at ${EARLY}`],
    ["cluster", { cluster: "d" }, `c at ${LATE}, or of cluster d at ${LATE}`],
  ])("is not known by a snapshot beside one of another %s", (_what, other, shown) => {
    const missing = `unknown; which snapshot is meant: of cluster ${shown}; keep one of them`;
    expect(ask(snapshot([ROLE, BINDING]), snapshot([ROLE, BINDING], other))).toBe(missing);
    expect(ask(snapshot([ROLE]), snapshot([ROLE], other))).toBe(missing);
  });
});
