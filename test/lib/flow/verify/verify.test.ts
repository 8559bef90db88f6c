import { expect, it } from "vitest";
import { verify } from "../../../../src/lib/flow/verify/verify.ts";
import { details, factsOf as iamFactsOf, role } from "../../../support/iam-facts.ts";
import { clusterBinding, factsOf, RBAC } from "../../../support/rbac-facts.ts";
import { subjectOf, told } from "../../../support/verify-subject.ts";

it("tells facts that cannot be used", () => {
  const unusable = (manifests: string, iam: readonly unknown[]): readonly string[] =>
    told(verify(subjectOf({ one: "access: rw" }, { cluster: factsOf(manifests, true), iam: iamFactsOf(iam) }))).filter(
      (line) => line.startsWith("MC611 "),
    );
  const broken = `{kind: ClusterRole, ${RBAC}, metadata: {name: r}, rules: [{verbs: [get]}]}`;
  expect(unusable(broken, [{ some: "thing" }])).toEqual([
    "MC611 the API server takes no ClusterRole like r: its rule 1 lacks apiGroups or resources",
    "MC611 this is no output of AWS or Terraform that is known here",
  ]);
  expect(unusable(clusterBinding("{kind: User, name: alice}"), [details([role()])])).toEqual([]);
});
