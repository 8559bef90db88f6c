import type { Policy } from "../../src/lib/policy/decide.ts";
import { policyOf, type Backends } from "./policy-of.ts";
import { seededNumbers } from "./seeded.ts";

const PATTERNS = ["*", "a", "a*", "*b", "a*b", "c"];
const ENVIRONMENTS = ["prod", "stage", "dev"];

/** A small policy made up from the seed: up to 4 roles, 5 backends, and grants narrowed in every way. */
export function randomPolicy(seed: number): Policy {
  const below = seededNumbers(seed);
  const pick = (texts: readonly string[]): string => texts[below(texts.length)] as string;
  const some = (most: number): readonly string[] => Array.from({ length: below(most + 1) }, () => pick(PATTERNS));
  const names = Array.from({ length: 1 + below(5) }, (_, index) => `b${index}`);
  const backends: Backends = Object.fromEntries(
    names.map((name) => [
      name,
      [pick(ENVIRONMENTS), below(2) === 0 ? "ro" : "rw", below(2) === 0 ? [] : ["a", "ab", "d"]],
    ]),
  );
  const grant = (name: string): string => {
    if (below(2) === 0) return name;
    const allow = below(2) === 0 ? {} : { allow: some(2) };
    return JSON.stringify({ backend: name, tools: { ...allow, deny: some(2) } });
  };
  const role = (_: unknown, index: number): string =>
    `  r${index}: [${[...names, "ghost"]
      .filter(() => below(2) === 0)
      .map(grant)
      .join(", ")}]\n`;
  return policyOf(Array.from({ length: 1 + below(4) }, role).join(""), backends);
}
