import type { Policy } from "../decide.ts";
import { isToolAllowed, type ToolRule } from "../tools.ts";
import type { Expectation, MatrixTest, PolicyTest } from "./policy-test.ts";
import { knownTools } from "./known-tools.ts";

/** A role and a backend that a test speaks about. */
export type Pair = readonly [role: string, backend: string];

export function* pairsOf(test: PolicyTest): Iterable<Pair> {
  if (test.kind === "case") {
    yield [test.expectation.role, test.expectation.backend];
    return;
  }
  for (const role of test.roles) for (const backend of test.backends) yield [role, backend];
}

/**
 * What does this test expect of this role and backend, which is one of its pairs? The policy only tells which tools there are
 * to ask about. Once the first of these fails, the others say nothing new.
 */
export function expectationsAt(test: PolicyTest, [role, backend]: Pair, policy: Policy): readonly Expectation[] {
  return test.kind === "case" ? [test.expectation] : cellOf(test, role, backend, policy);
}

const AT_THE_GATEWAY = { layer: "gateway", args: new Map<string, string>() } as const;

/** What a grant without `tools` lets through, and a narrowed one never. */
const BEYOND_TOOLS = "resources/read";

function cellOf(test: MatrixTest, role: string, backend: string, policy: Policy): readonly Expectation[] {
  const cell = test.allow.get(role)?.get(backend);
  const place = cell?.place ?? test.place;
  const base = { ...AT_THE_GATEWAY, role, backend, method: null, tool: null, reason: null, place };
  if (cell === undefined) return [{ ...base, expect: "deny" }];
  const reached: Expectation = { ...base, expect: "allow" };
  const whole: Expectation = { ...base, method: BEYOND_TOOLS, expect: cell.tools === null ? "allow" : "deny" };
  return cell.tools === null ? [reached, whole] : [reached, ...toolsOf(reached, cell.tools, policy), whole];
}

/** Every tool that anything names, and one that nothing names, must be let through by the rule or not at all. */
function toolsOf(base: Expectation, rule: ToolRule, policy: Policy): readonly Expectation[] {
  const granted = policy.roles.get(base.role)?.grants.get(base.backend)?.tools ?? null;
  return knownTools(policy.registry.get(base.backend), [rule, granted]).map((tool) => ({
    ...base,
    method: "tools/call",
    tool,
    expect: isToolAllowed(rule, tool) ? "allow" : "deny",
  }));
}
