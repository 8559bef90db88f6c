import { describe, expect, it } from "vitest";
import { decide, type AccessRequest, type Policy } from "../../../src/lib/policy/decide.ts";
import { indexLocks } from "../../../src/lib/policy/locks.ts";
import { applyChanges, findRemedy, withGrant, type Change } from "../../../src/lib/policy/remedy.ts";
import { policyOf, type Backends } from "../../support/policy-of.ts";
import { randomPolicy } from "../../support/random-policy.ts";

const BACKENDS: Backends = { ro: ["stage", "ro", ["get", "drop", "drop_all"]], rw: ["prod", "rw"] };
const ask = (tool: string | null, backend = "ro", role = "dev"): AccessRequest => ({
  role,
  user: null,
  keyId: null,
  backend,
  method: tool === null ? null : "tools/call",
  tool,
});
const place = (line: number, column: number) => ({ file: "roles.yaml", line, column });
const isAllowed = (policy: Policy, request: AccessRequest): boolean =>
  decide(policy, indexLocks([]), request, 0).outcome === "allow";

describe("findRemedy", () => {
  it.each([
    [
      "the whole backend below the last grant",
      null,
      { kind: "add_grant", tool: null, place: place(3, 7), isInline: false },
      true,
      ["get", "drop", "drop_all"],
    ],
    [
      "one tool of it, when one is asked for",
      "get",
      { kind: "add_grant", tool: "get", place: place(3, 7), isInline: false },
      false,
      [],
    ],
  ])("adds %s", (_what, tool, change, isWhole, tools) => {
    const policy = policyOf("  dev:\n    - rw\n", BACKENDS);
    expect(findRemedy(policy, ask(tool))).toEqual({ changes: [change], opens: { isWhole, tools, patterns: [] } });
  });

  it("adds to an empty role at its own place", () => {
    const change = { kind: "add_grant", tool: null, place: place(2, 3), isInline: true };
    expect(findRemedy(policyOf("  dev: []\n", BACKENDS), ask(null))?.changes).toEqual([change]);
  });

  it.each([
    ["{allow: [get]}", "drop", [{ kind: "allow_tool", tool: "drop" }], [], []],
    ["{allow: []}", "drop", [{ kind: "allow_tool", tool: "drop" }], [], []],
    ["{deny: [drop]}", "drop", [{ kind: "drop_deny", pattern: "drop" }], [], []],
    ["{deny: ['drop*']}", "drop", [{ kind: "drop_deny", pattern: "drop*" }], ["drop_all"], ["drop*"]],
    ["{deny: ['drop*', drop_all]}", "drop", [{ kind: "drop_deny", pattern: "drop*" }], [], ["drop*"]],
    [
      "{allow: [get], deny: ['drop*', 'drop*', drop]}",
      "drop",
      [
        { kind: "allow_tool", tool: "drop" },
        { kind: "drop_deny", pattern: "drop*" },
        { kind: "drop_deny", pattern: "drop" },
      ],
      [],
      ["drop*"],
    ],
    // A name with a star in it can only be written as a pattern.
    ["{allow: [get]}", "dr*", [{ kind: "allow_tool", tool: "dr*" }], ["drop", "drop_all"], ["dr*"]],
  ])("of a grant narrowed to %s lets %s through", (tools, tool, changes, opened, patterns) => {
    const policy = policyOf(`  dev:\n    - {backend: ro, tools: ${tools}}\n`, BACKENDS);
    expect(findRemedy(policy, ask(tool))).toEqual({
      changes: changes.map((change) => ({ ...change, place: place(3, 7) })),
      opens: { isWhole: false, tools: opened, patterns },
    });
  });

  it.each([
    ["what is allowed", ask("get", "rw")],
    ["a role that is not there", ask(null, "ro", "qa")],
    ["a backend that is not there", ask(null, "ghost")],
  ])("has none for %s", (_what, request) => {
    expect(findRemedy(policyOf("  dev: [rw]\n", BACKENDS), request)).toBeNull();
  });

  it("makes decide say yes, with no change that could be left out, and opens no named tool that it does not tell", () => {
    let found = 0;
    for (let seed = 1; seed <= 400; seed += 1) {
      const policy = randomPolicy(seed);
      for (const role of policy.roles.values()) {
        for (const backend of policy.registry.values()) {
          for (const tool of [null, "a", "ab", "axb", "c", "zz"]) {
            const request = ask(tool, backend.name, role.name);
            const remedy = findRemedy(policy, request);
            expect([seed, remedy === null]).toEqual([seed, isAllowed(policy, request)]);
            if (remedy === null) continue;
            found += 1;
            const after = (changes: readonly Change[]): Policy =>
              changes.length === 0
                ? policy
                : withGrant(policy, role, applyChanges(backend.name, role.grants.get(backend.name), changes));
            const changed = after(remedy.changes);
            expect(isAllowed(changed, request)).toBe(true);
            for (const left of remedy.changes) {
              expect([seed, isAllowed(after(remedy.changes.filter((each) => each !== left)), request)]).toEqual([
                seed,
                false,
              ]);
            }
            const named = Object.keys(backend.tools ?? {});
            const newly = named.filter((name) => {
              const call = ask(name, backend.name, role.name);
              return name !== tool && !isAllowed(policy, call) && isAllowed(changed, call);
            });
            expect(remedy.opens.tools).toEqual(newly);
          }
        }
      }
    }
    expect(found).toBeGreaterThan(2_000);
  });
});
