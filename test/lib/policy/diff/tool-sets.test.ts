import { describe, expect, it } from "vitest";
import { toolGap } from "../../../../src/lib/policy/diff/tool-sets.ts";
import { isToolAllowed, type ToolRule } from "../../../../src/lib/policy/tools.ts";
import { seededNumbers } from "../../../support/seeded.ts";

const rule = (allow: readonly string[] | null, deny: readonly string[] = []): ToolRule => ({ allow, deny });
const some = (tool: string) => ({ kind: "some", tool });
const NONE = { kind: "none" };

describe("toolGap", () => {
  it.each([
    ["everything against everything", null, null, NONE],
    ["a list against everything", rule(["a", "b*"]), null, NONE],
    ["everything against a list", null, rule(["a", "b*"]), some("x")],
    ["a name more", rule(["a", "b"]), rule(["a"]), some("b")],
    ["the same in another order", rule(["a", "b"]), rule(["b", "a"]), NONE],
    ["a pattern that a name fits", rule(["query_*"]), rule(["query_x"]), some("query_")],
    ["a name that a pattern fits", rule(["query_x"]), rule(["query_*"]), NONE],
    ["a pattern inside another", rule(["a*b*c"]), rule(["a*c"]), NONE],
    ["a pattern around another", rule(["a*c"]), rule(["a*b*c"]), some("ac")],
    ["a denial dropped", rule(null), rule(null, ["rm"]), some("rm")],
    ["a denial more", rule(null, ["rm"]), rule(null), NONE],
    ["a denial that denied nothing", rule(["a"]), rule(["a"], ["b"]), NONE],
    ["two patterns that make a third", rule(["*"]), rule(["a*", "*"]), NONE],
    ["what two denials leave", rule(["a*"], ["ab*"]), rule(["ac*"]), some("a")],
    ["nothing against nothing", rule([]), rule([]), NONE],
    ["nothing against everything", rule([]), null, NONE],
  ] as const)("tells %s", (_what, a, b, gap) => {
    expect(toolGap(a, b)).toEqual(gap);
  });

  it("agrees with trying every text of at most five letters, for 3,000 random pairs, and finds a shortest one", () => {
    const random = seededNumbers(5);
    const text = (): string => Array.from({ length: random(4) }, () => "ab*"[random(3)]).join("") || "*";
    const list = (): readonly string[] => Array.from({ length: random(3) }, text);
    const any = (): ToolRule | null => (random(6) === 0 ? null : rule(random(4) === 0 ? null : list(), list()));
    const texts = textsOf("abx", 5);
    const seen = { none: 0, some: 0, perhaps: 0 };
    for (let round = 0; round < 3_000; round += 1) {
      const [a, b] = [any(), any()];
      const allows = (each: ToolRule | null, tool: string): boolean => each === null || isToolAllowed(each, tool);
      const gap = toolGap(a, b);
      const first = texts.find((tool) => allows(a, tool) && !allows(b, tool));
      expect({ a, b, isGap: gap.kind === "some" }).toEqual({ a, b, isGap: first !== undefined });
      expect(gap.kind !== "some" || (allows(a, gap.tool) && !allows(b, gap.tool))).toBe(true);
      seen[gap.kind] += 1;
    }
    expect([seen.none > 500, seen.some > 500, seen.perhaps]).toEqual([true, true, 0]);
  });

  it("gives up in time on rules that were made to take long, and never says that there is no gap", () => {
    const stars = Array.from({ length: 20 }, (_, index) => `*a${"b".repeat(index)}*c*d*`);
    expect(toolGap(rule(["*"]), rule([...stars, "*"], ["*zzzzzzzzzzzzzzzzzzzzzz*"])).kind).not.toBe("none");
  });
});

function textsOf(letters: string, length: number): readonly string[] {
  let level = [""];
  const all: string[] = [];
  for (let at = 0; at < length; at += 1) {
    level = level.flatMap((text) => Array.from(letters, (letter) => text + letter));
    all.push(...level);
  }
  return all;
}
