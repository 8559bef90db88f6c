import { decide, type Policy, type Rule } from "../decide.ts";
import { indexLocks } from "../locks.ts";
import { Coverage, type CoverageReport } from "./coverage.ts";
import { expectationsAt, pairsOf } from "./expectations.ts";
import type { Expectation, PolicyTest } from "./policy-test.ts";

/** What was said to a call, and what decided. */
export interface Judgement {
  readonly outcome: "allow" | "deny" | "unknown";
  readonly reason: string;
  readonly rule: Rule | null;
}

/** What the layers below the gateway say to the call of an expectation that asks for them. */
export type JudgeBelow = (expectation: Expectation) => Judgement;

/** For policies of which nothing but the gateway's answers is known. */
export const NOTHING_BELOW: JudgeBelow = () => ({ outcome: "unknown", reason: "not_asked", rule: null });

/** An expectation that the policy does not meet. */
export interface Failure {
  readonly expectation: Expectation;
  readonly judgement: Judgement;
}

export interface TestOutcome {
  readonly test: PolicyTest;
  /** How many calls were judged. */
  readonly judged: number;
  readonly failed: number;
  /** The first of what failed, at most {@link MOST_FAILURES} in all tests together. */
  readonly failures: readonly Failure[];
}

export interface TestReport {
  readonly outcomes: readonly TestOutcome[];
  readonly coverage: CoverageReport;
}

/** More failures than these are counted and not kept: one wrong line can make a million cells fail. */
export const MOST_FAILURES = 1_000;

const EVERY = 10_000;

/** Does the policy meet every expectation? Yields now and then how many calls it has judged. */
export function* runTests(
  tests: readonly PolicyTest[],
  policy: Policy,
  below: JudgeBelow = NOTHING_BELOW,
): Generator<number, TestReport> {
  const coverage = new Coverage(policy);
  const outcomes: TestOutcome[] = [];
  let room = MOST_FAILURES;
  let done = 0;
  for (const test of tests) {
    const failures: Failure[] = [];
    let judged = 0;
    let failed = 0;
    for (const pair of pairsOf(test)) {
      for (const expectation of expectationsAt(test, pair, policy)) {
        const judgement = judge(expectation, policy, below);
        judged += 1;
        if ((done += 1) % EVERY === 0) yield done;
        coverage.note(expectation);
        if (isMet(expectation, judgement)) continue;
        failed += 1;
        if (failures.length < room) failures.push({ expectation, judgement });
        if (expectation.method === null) break;
      }
    }
    room -= failures.length;
    outcomes.push({ test, judged, failed, failures });
  }
  return { outcomes, coverage: coverage.report() };
}

const NO_LOCKS = indexLocks([]);

/** What would be said, were nothing locked: by the one layer, or by all, of which the first that says no decides. */
export function judge(expectation: Expectation, policy: Policy, below: JudgeBelow): Judgement {
  const { layer, role, backend, method, tool } = expectation;
  if (layer === "kubernetes" || layer === "aws") return below(expectation);
  const decision = decide(policy, NO_LOCKS, { role, user: null, keyId: null, backend, method, tool }, 0);
  const rule = decision.outcome === "unknown" ? null : decision.rule;
  const gateway: Judgement = { outcome: decision.outcome, reason: decision.reason, rule };
  return layer === "gateway" || gateway.outcome !== "allow" ? gateway : below(expectation);
}

export function isMet({ expect, reason }: Expectation, judgement: Judgement): boolean {
  return judgement.outcome === expect && (reason === null || judgement.reason === reason);
}
