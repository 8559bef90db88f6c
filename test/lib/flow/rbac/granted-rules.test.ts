import { expect, it } from "vitest";
import { grantedRulesReader } from "../../../../src/lib/flow/rbac/granted-rules.ts";
import { account, clusterBinding, everywhere, factsOf, rule, SUBJECT } from "../../../support/rbac-facts.ts";

function granted(
  manifests: string,
  isComplete = true,
): { readonly verbs: unknown; readonly doubts: readonly string[] } {
  const { rules, doubts } = grantedRulesReader(factsOf(manifests, isComplete)).of(account("mcp/agent"));
  return { verbs: rules.map(({ rule: { verbs } }) => verbs), doubts };
}

it("reads every rule that is bound, and why there may be more", () => {
  const pods = everywhere(rule("get,list", "-", "pods"));
  expect(granted(pods)).toEqual({ verbs: [["get", "list"]], doubts: [] });
  expect(granted(pods, false)).toEqual({
    verbs: [["get", "list"]],
    doubts: ["all ClusterRoleBindings must be known", "all RoleBindings must be known"],
  });
});

it("counts nothing that may not be in force, and says so", () => {
  const hook = everywhere(rule("get", "-", "pods")).replace("name: b", 'name: b, annotations: {"helm.sh/hook": test}');
  expect(granted(hook)).toEqual({
    verbs: [],
    doubts: ["ClusterRoleBinding b, a Helm hook, must be in force to count"],
  });
});

it("knows cluster-admin, and no other role of the cluster's own, however complete the manifests", () => {
  expect(granted(clusterBinding(SUBJECT, "cluster-admin"))).toEqual({ verbs: [["*"]], doubts: [] });
  expect(granted(clusterBinding(SUBJECT, "edit"))).toEqual({
    verbs: [],
    doubts: ["the rules of ClusterRole edit must be known, which ClusterRoleBinding b binds"],
  });
  expect(granted(clusterBinding(SUBJECT, "editor"))).toEqual({ verbs: [], doubts: [] });
});
