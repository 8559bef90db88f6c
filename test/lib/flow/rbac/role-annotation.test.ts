import { describe, expect, it } from "vitest";
import { roleAnnotations } from "../../../../src/lib/flow/rbac/role-annotation.ts";
import { account, factsOf, join } from "../../../support/rbac-facts.ts";

const named = (annotations: string): string =>
  `{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: mcp, name: agent, annotations: {${annotations}}}}`;
const NAME = "arn:aws:iam::111122223333:role/a";
const ROLE = `eks.amazonaws.com/role-arn: ${NAME}`;
const AUDIENCE = "eks.amazonaws.com/audience";

describe("the IAM role that a ServiceAccount names", () => {
  it.each([
    ["named", named(ROLE), NAME, NAME],
    ["not named, which is sure only where the facts are complete", named(""), null, "unknown"],
    ["unknown without the object", named(ROLE).replace("agent", "other"), "unknown", "unknown"],
    ["named, for tokens that are for AWS", named(`${ROLE}, ${AUDIENCE}: sts.amazonaws.com`), NAME, NAME],
    ["unknown for tokens that are for others", named(`${ROLE}, ${AUDIENCE}: vault`), "unknown", "unknown"],
    [
      "unknown where a template has its place",
      named(`eks.amazonaws.com/role-arn: "\${ROLE_ARN}"`),
      "unknown",
      "unknown",
    ],
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
