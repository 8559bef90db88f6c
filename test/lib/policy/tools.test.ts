import { describe, expect, it } from "vitest";
import { isToolAllowed, matchesGlob } from "../../../src/lib/policy/tools.ts";
import { seededNumbers } from "../../support/seeded.ts";

describe("isToolAllowed", () => {
  it.each([
    ["no allow list, nothing denied", { allow: null, deny: [] }, "eks_get_pods", true],
    ["no allow list, the tool denied", { allow: null, deny: ["eks_*"] }, "eks_get_pods", false],
    ["no allow list, another denied", { allow: null, deny: ["eks_delete_*"] }, "eks_get_pods", true],
    ["allowed by name", { allow: ["eks_get_pods"], deny: [] }, "eks_get_pods", true],
    ["allowed by pattern", { allow: ["eks_get_*"], deny: [] }, "eks_get_pods", true],
    ["not among the allowed", { allow: ["eks_get_*"], deny: [] }, "eks_delete_pod", false],
    ["allowed and denied: deny wins", { allow: ["eks_get_pods"], deny: ["*_pods"] }, "eks_get_pods", false],
    ["an empty allow list", { allow: [], deny: [] }, "eks_get_pods", false],
    ["another case", { allow: ["EKS_get_pods"], deny: [] }, "eks_get_pods", false],
  ])("%s", (_what, rule, tool, expected) => {
    expect(isToolAllowed(rule, tool)).toBe(expected);
  });
});

describe("matchesGlob", () => {
  it.each([
    ["a", "a", true],
    ["a", "ab", false],
    ["*", "", true],
    ["*", "anything at all", true],
    ["**", "x", true],
    ["a*", "a", true],
    ["*a", "ba", true],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["a*b*c", "axxbyyc", true],
    ["a*b*c", "acb", false],
    ["*ab*ab*", "xabx", false],
    ["*ab*ab*", "xabab", true],
    ["a.b", "axb", false],
    ["a?", "ab", false],
    ["[ab]", "a", false],
    ["a\\*", "a*", false],
    ["", "", true],
    ["", "a", false],
  ])("%j and %j: %s", (pattern, text, expected) => {
    expect(matchesGlob(pattern, text)).toBe(expected);
  });

  it("agrees with a regular expression on 5,000 made-up pairs", () => {
    const pick = seededNumbers(7);
    const word = (letters: string, most: number): string =>
      Array.from({ length: pick(most + 1) }, () => letters[pick(letters.length)]).join("");
    let matches = 0;
    for (let round = 0; round < 5000; round += 1) {
      const [pattern, text] = [word("ab*", 6), word("ab", 7)];
      const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(text);
      matches += expected ? 1 : 0;
      expect({ pattern, text, matches: matchesGlob(pattern, text) }).toEqual({ pattern, text, matches: expected });
    }
    expect(matches).toBeGreaterThan(500);
  });

  it("does not take for ever on a pattern that makes others backtrack", () => {
    expect(matchesGlob(`${"a*".repeat(1000)}b`, "a".repeat(50_000))).toBe(false);
  });
});
