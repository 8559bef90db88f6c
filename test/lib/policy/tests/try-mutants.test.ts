import { describe, expect, it } from "vitest";
import type { Policy } from "../../../../src/lib/policy/decide.ts";
import { mutantsOf, type Mutant } from "../../../../src/lib/policy/tests/mutants.ts";
import type { PolicyTest } from "../../../../src/lib/policy/tests/policy-test.ts";
import { readPolicyTests } from "../../../../src/lib/policy/tests/read-tests.ts";
import { runTests } from "../../../../src/lib/policy/tests/run-tests.ts";
import { caseLine } from "../../../../src/lib/output/report/test-words.ts";
import { tryMutants } from "../../../../src/lib/policy/tests/try-mutants.ts";
import { policyOf } from "../../../support/policy-of.ts";
import { randomPolicy } from "../../../support/random-policy.ts";
import { seededNumbers } from "../../../support/seeded.ts";

function finish<T>(work: Generator<number, T>): T {
  for (let step = work.next(); ; step = work.next()) if (step.done === true) return step.value;
}

const LABELS = { roles: "roles.yaml", backends: "backends.yaml" };
const read = (items: readonly string[], policy: Policy): readonly PolicyTest[] => {
  const { tests, findings } = readPolicyTests(
    "t.yaml",
    Buffer.from(`tests:\n${items.map((item) => `  - ${item}\n`).join("")}`),
    policy,
    LABELS,
  );
  expect(findings).toEqual([]);
  return tests;
};

/** Tests made up from the seed of which those that fail are left out: single calls, and matrices of some roles and backends. */
function randomTests(policy: Policy, seed: number): readonly PolicyTest[] {
  const below = seededNumbers(seed);
  const some = (names: Iterable<string>): readonly string[] => {
    const all = [...names];
    const chosen = all.filter(() => below(2) === 0);
    return chosen.length > 0 ? chosen : all;
  };
  const [roles, backends] = [[...policy.roles.keys()], [...policy.registry.keys()]];
  const pick = (names: readonly string[]): string => names[below(names.length)] as string;
  const call = (): string => {
    const tool = below(2) === 0 ? "" : `, tool: ${pick(["a", "ab", "c", "d"])}`;
    return `{role: ${pick(roles)}, backend: ${pick(backends)}${tool}, expect: ${pick(["allow", "deny"])}}`;
  };
  const matrix = (): string => {
    const [rows, columns] = [some(roles), some(backends)];
    const allowed = rows.map((role) => {
      const grants = [...(policy.roles.get(role)?.grants.values() ?? [])].filter(({ backend }) =>
        columns.includes(backend),
      );
      const cells = grants.map(({ backend, tools }) =>
        tools === null
          ? backend
          : JSON.stringify({
              backend,
              tools: { ...(tools.allow === null ? {} : { allow: tools.allow }), deny: tools.deny },
            }),
      );
      return `${role}: [${cells.join(", ")}]`;
    });
    return `matrix: {roles: [${rows.join(", ")}], backends: [${columns.join(", ")}], allow: {${allowed.join(", ")}}}`;
  };
  const items = Array.from({ length: 1 + below(8) }, () => (below(6) === 0 ? matrix() : call()));
  return finish(runTests(read(items, policy), policy))
    .outcomes.filter(({ failed }) => failed === 0)
    .map(({ test }) => test);
}

/** Every mutant that all tests together, run again on the whole changed policy, do not notice. */
function naiveSurvivors(tests: readonly PolicyTest[], policy: Policy): readonly Mutant[] {
  return [...mutantsOf(policy)].filter(({ role, grant }) => {
    const changed = { ...role, grants: new Map([...role.grants, [grant.backend, grant]]) };
    const mutated = { ...policy, roles: new Map([...policy.roles, [role.name, changed]]) };
    return finish(runTests(tests, mutated)).outcomes.every(({ failed }) => failed === 0);
  });
}

describe("tryMutants", () => {
  it("finds the survivors that running every test on every changed policy finds", () => {
    const seen = { survived: 0, noticed: 0 };
    for (let seed = 1; seed <= 400; seed += 1) {
      const policy = randomPolicy(seed);
      const tests = randomTests(policy, seed + 1_000);
      const { tried, survived, survivors } = finish(tryMutants(tests, policy));
      expect([seed, survivors.map(caseLine)]).toEqual([seed, naiveSurvivors(tests, policy).map(caseLine)]);
      expect([survivors.length, tried]).toEqual([survived, [...mutantsOf(policy)].length]);
      seen.survived += survived;
      seen.noticed += tried - survived;
    }
    expect(Math.min(seen.survived, seen.noticed)).toBeGreaterThan(200);
  });

  it("names the case that notices each survivor", () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const policy = randomPolicy(seed);
      const { survivors } = finish(tryMutants([], policy));
      const tests =
        survivors.length === 0
          ? []
          : read(
              survivors.map((each) => caseLine(each).slice(2)),
              policy,
            );
      expect([seed, finish(tryMutants(tests, policy)).survived]).toEqual([seed, 0]);
      expect(finish(runTests(tests, policy)).outcomes.every(({ failed }) => failed === 0)).toBe(true);
    }
  });

  it("takes a test that fails anyway for none that notices", () => {
    const policy = policyOf("  dev: [ro]\n", { ro: ["stage", "ro"], rw: ["prod", "rw"] });
    const tests = read(["{role: dev, backend: rw, expect: deny, reason: role_unknown}"], policy);
    expect(finish(tryMutants(tests, policy)).survived).toBe(1);
  });

  it("says how far it is, and refuses to try more than it can", () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`b${index}`, ["prod", "rw"] as const]));
    const policy = policyOf("  dev: []\n", many(1_500));
    const trying = tryMutants([], policy);
    expect([trying.next().value, trying.next().value]).toEqual([
      1_000,
      { tried: 1_500, survived: 1_500, survivors: expect.objectContaining({ length: 1_000 }) as unknown },
    ]);
    const roles = Array.from({ length: 4_000 }, (_, index) => `  r${index}: []\n`).join("");
    expect(() => tryMutants([], policyOf(roles, many(1_500))).next()).toThrow(
      "6000000 changes would have to be tried, and 5000000 are the limit",
    );
  });
});
