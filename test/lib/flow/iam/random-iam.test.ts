import { describe, expect, it } from "vitest";
import type { RoleFact } from "../../../../src/lib/flow/iam/iam-facts.ts";
import { judgeAsked, judgeIam } from "../../../../src/lib/flow/iam/judge-iam.ts";
import { ask } from "../../../../src/lib/flow/iam/weigh.ts";
import { awsRequest, factsOf, ROLE } from "../../../support/iam-facts.ts";
import { contextOfCase, factsOfCase, filesOfCase, randomCase, type RandomCase } from "../../../support/random-iam.ts";
import { seededNumbers } from "../../../support/seeded.ts";

type Json = Readonly<Record<string, unknown>>;
type Step = string | number;

const below = seededNumbers(4);
const lists = [
  "RoleDetailList",
  "Policies",
  "RolePolicyList",
  "AttachedManagedPolicies",
  "Statement",
  "PolicyVersionList",
];

function outcomeOf(files: readonly unknown[], random: RandomCase, isComplete: boolean): string {
  const { action, resource } = random.request;
  return judgeIam(factsOf(files, isComplete), ROLE, awsRequest(action, resource)).outcome;
}

/** Every object that could be missing: files, items of lists, lists, and what belongs to an object as a whole. */
function removable(value: unknown, path: readonly Step[] = []): readonly (readonly Step[])[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) => {
    const step = Array.isArray(value) ? Number(name) : name;
    const isObject =
      typeof step === "number" || lists.includes(step) || step === "PermissionsBoundary" || step === "PolicyDocument";
    const isText = ["Action", "Resource", "NotAction", "NotResource", "Condition"].includes(name);
    return isText ? [] : [...(isObject ? [[...path, step]] : []), ...removable(child, [...path, step])];
  });
}

function without(value: unknown, [step, ...rest]: readonly Step[]): unknown {
  if (Array.isArray(value))
    return value.flatMap((item, index) => (index !== step ? [item] : rest.length === 0 ? [] : [without(item, rest)]));
  const entries = Object.entries(value as Json);
  return Object.fromEntries(
    entries.flatMap(([name, child]) =>
      name !== step ? [[name, child]] : rest.length === 0 ? [] : [[name, without(child, rest)]],
    ),
  );
}

function at(value: unknown, path: readonly Step[]): unknown {
  return path.reduce<unknown>((part, step) => (part as Readonly<Record<Step, unknown>>)[step], value);
}

/** Is it, or does it hold, something that denies: a Deny, a boundary, a service control policy? */
function isDenial(files: readonly unknown[], path: readonly Step[]): boolean {
  const [file] = path;
  return file !== 0 || path.includes("PermissionsBoundary") || JSON.stringify(at(files, path)).includes('"Deny"');
}

describe("judging IAM by made-up policies", () => {
  it("says of a request of which less is known the same, or that it does not know", () => {
    const seen: Record<string, number> = {};
    for (let seed = 0; seed < 2_000; seed += 1) {
      const random = randomCase(seed);
      const facts = factsOfCase(random, true);
      const answer = (told: (key: string) => boolean): string => {
        const asked = ask(awsRequest(random.request.action, random.request.resource), contextOfCase(random, told));
        return judgeAsked(facts, facts.role(ROLE) as RoleFact, asked).outcome;
      };
      const hidden = new Set(Array.from({ length: 30 }, () => below(8)));
      const some = answer((key) => !hidden.has(key.length % 8));
      const change = `${answer(() => true)} -> ${some} -> ${answer(() => false)}`;
      seen[change] = (seen[change] ?? 0) + 1;
    }
    const wrong = Object.keys(seen).filter((change) => {
      const [whole = "", some = "", none = ""] = change.split(" -> ");
      return (some !== whole && some !== "unknown") || (none !== some && none !== "unknown");
    });
    expect(wrong).toEqual([]);
    expect(Object.keys(seen).length).toBeGreaterThan(5);
  });

  it("says of a resource with holes the same as of each that it may be, or that it does not know", () => {
    const seen: Record<string, number> = {};
    for (let seed = 0; seed < 2_000; seed += 1) {
      const random = randomCase(seed);
      const { resource } = random.request;
      const from = below(resource.length);
      const to = from + 1 + below(resource.length - from);
      const holed = {
        ...random,
        request: { ...random.request, resource: `${resource.slice(0, from)}{x}${resource.slice(to)}` },
      };
      const files = filesOfCase(random);
      const change = `${outcomeOf(files, random, true)} -> ${outcomeOf(files, holed, true)}`;
      seen[change] = (seen[change] ?? 0) + 1;
    }
    expect(Object.keys(seen).toSorted()).toEqual([
      "allow -> allow",
      "allow -> unknown",
      "deny -> deny",
      "deny -> unknown",
      "unknown -> unknown",
    ]);
  });

  it.each([[true], [false]])("turns nothing into a yes, or a no, by what is deleted (complete: %s)", (isComplete) => {
    const seen: Record<string, number> = {};
    const wrong: unknown[] = [];
    for (let seed = 0; seed < 250; seed += 1) {
      const random = randomCase(seed);
      const files = filesOfCase(random);
      const before = outcomeOf(files, random, isComplete);
      for (const path of removable(files)) {
        const after = outcomeOf(without(files, path) as unknown[], random, isComplete);
        const change = `${before} -> ${after}${isDenial(files, path) ? " (a denial)" : ""}`;
        seen[change] = (seen[change] ?? 0) + 1;
        const isYes = after === "allow" && before !== "allow" && !isDenial(files, path);
        const isNo = after === "deny" && before !== "deny" && !isComplete;
        if (isYes || isNo) wrong.push({ seed, path, change });
      }
    }
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(Object.values(seen).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(2_000);
  });
});
