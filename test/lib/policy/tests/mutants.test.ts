import { describe, expect, it } from "vitest";
import { decide, type Policy } from "../../../../src/lib/policy/decide.ts";
import { indexLocks } from "../../../../src/lib/policy/locks.ts";
import { mostMutants, mutantsOf, mutatedPolicy } from "../../../../src/lib/policy/tests/mutants.ts";
import { policyOf, type Backends } from "../../../support/policy-of.ts";
import { randomPolicy } from "../../../support/random-policy.ts";

const BACKENDS: Backends = {
  "a-ro": ["stage", "ro", ["get", "drop"]],
  "a-rw": ["stage", "rw"],
  "p-rw": ["prod", "rw"],
};

const told = (policy: Policy): readonly string[] =>
  [...mutantsOf(policy)].map(({ kind, role, backend, pattern, opens }) =>
    [kind, role.name, backend.name, pattern, opens.tool ?? opens.method].filter((part) => part !== null).join(" "),
  );

describe("mutantsOf", () => {
  it("grants every backend with write access to each role that lacks it, production first", () => {
    expect(told(policyOf("  dev: [a-ro]\n  ops: [a-rw]\n", BACKENDS))).toEqual([
      "granted dev p-rw",
      "granted ops p-rw",
      "granted dev a-rw",
    ]);
  });

  it.each([
    ["{allow: [get]}", ["widened dev a-ro drop"]],
    ["{allow: []}", ["widened dev a-ro get"]],
    ["{deny: [drop]}", ["widened dev a-ro drop", "deny_dropped dev a-ro drop drop"]],
    ["{allow: ['*'], deny: ['d*']}", ["widened dev a-ro drop", "deny_dropped dev a-ro d* drop"]],
    // Other methods than those of tools are what is left to open.
    ["{allow: ['*']}", ["widened dev a-ro resources/read"]],
    // Dropping what denies nothing that is allowed, or is denied twice, opens nothing.
    ["{allow: [get], deny: [drop]}", ["widened dev a-ro drop"]],
    ["{deny: [drop, 'd*']}", ["widened dev a-ro drop", "deny_dropped dev a-ro d* d"]],
  ])("widens a grant narrowed to %s", (tools, mutants) => {
    expect(told(policyOf(`  dev: [a-rw, p-rw, {backend: a-ro, tools: ${tools}}]\n`, BACKENDS))).toEqual(mutants);
  });

  it("makes none of a grant to a backend that the registry lacks", () => {
    expect(told(policyOf("  dev: [a-rw, p-rw, {backend: ghost, tools: {allow: []}}]\n", BACKENDS))).toEqual([]);
  });

  it("makes only changes that let through the call that it names, and never more than it says", () => {
    let made = 0;
    for (let seed = 1; seed <= 300; seed += 1) {
      const policy = randomPolicy(seed);
      const mutants = [...mutantsOf(policy)];
      for (const mutant of mutants) {
        const request = {
          role: mutant.role.name,
          user: null,
          keyId: null,
          backend: mutant.backend.name,
          ...mutant.opens,
        };
        const outcomes = [policy, mutatedPolicy(mutant, policy)].map(
          (each) => decide(each, indexLocks([]), request, 0).outcome,
        );
        expect([seed, ...outcomes]).toEqual([seed, "deny", "allow"]);
      }
      expect(mutants.length).toBeLessThanOrEqual(mostMutants(policy));
      made += mutants.length;
    }
    expect(made).toBeGreaterThan(500);
  });
});
