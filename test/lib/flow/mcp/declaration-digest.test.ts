import { expect, it } from "vitest";
import { declarationDigest, isEdited } from "../../../../src/lib/flow/mcp/declaration-digest.ts";

const NEEDS = [{ verb: "get", resource: "pods" }] as const;

it("does not change with the order of members, and does with anything that is said", () => {
  const digest = declarationDigest({ readOnly: true, bounds: { kubernetes: NEEDS } });
  expect(digest).toMatch(/^[0-9a-f]{12}$/);
  expect(declarationDigest({ bounds: { kubernetes: [{ resource: "pods", verb: "get" }] }, readOnly: true })).toBe(
    digest,
  );
  const others = [
    {},
    { readOnly: true },
    { destructive: true, bounds: { kubernetes: NEEDS } },
    { readOnly: false, bounds: { kubernetes: NEEDS } },
    { readOnly: true, bounds: { kubernetes: [] } },
    { readOnly: true, bounds: { kubernetes: [{ verb: "get", resource: "pods", name: "a" }] } },
    { readOnly: true, bounds: { kubernetes: [...NEEDS, ...NEEDS] } },
    { readOnly: true, bounds: { unbounded: "x" } },
  ];
  expect(new Set([digest, ...others.map(declarationDigest)]).size).toBe(others.length + 1);
});

it("tells a declaration that somebody changed", () => {
  const digest = declarationDigest({ readOnly: true });
  expect([isEdited({ readOnly: true, digest }), isEdited({ readOnly: false, digest }), isEdited({ digest })]).toEqual([
    false,
    true,
    true,
  ]);
});
