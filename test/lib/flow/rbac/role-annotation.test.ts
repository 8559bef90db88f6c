import { describe, expect, it } from "vitest";
import { roleAnnotations } from "../../../../src/lib/flow/rbac/role-annotation.ts";
import { account, factsOf, join } from "../../../support/rbac-facts.ts";

const named = (annotations: string): string =>
  `{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: mcp, name: agent, annotations: {${annotations}}}}`;
const ROLE = "eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/a";

describe("the IAM role that a ServiceAccount names", () => {
  it.each([
    ["named", named(ROLE), "arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/a"],
    ["not named, which is sure only where the facts are complete", named(""), null, "unknown"],
    ["unknown without the object", named(ROLE).replace("agent", "other"), "unknown", "unknown"],
    ["unknown where two objects differ", join(named(ROLE), named("")), "unknown", "unknown"],
  ])("is %s", async (_what, manifests, complete, incomplete) => {
    const asked = [true, false].map((isComplete) =>
      roleAnnotations(factsOf(manifests, isComplete))(account("mcp/agent")),
    );
    expect(await Promise.all(asked)).toEqual([complete, incomplete]);
  });

  it("is unknown without any facts", async () => {
    expect(await roleAnnotations(null)(account("mcp/agent"))).toBe("unknown");
  });
});
