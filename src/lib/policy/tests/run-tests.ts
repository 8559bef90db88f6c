import { decide, type Decision, type Policy } from "../decide.ts";
import { indexLocks } from "../locks.ts";
import { Coverage, type CoverageReport } from "./coverage.ts";
import { expectationsAt, pairsOf } from "./expectations.ts";
import type { Expectation, PolicyTest } from "./policy-test.ts";

/** An expectation that the policy does not meet. */
export interface Failure {
  readonly expectation: Expectation;
  readonly decision: Decision;
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
export function* runTests(tests: readonly PolicyTest[], policy: Policy): Generator<number, TestReport> {
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
        const decision = judge(expectation, policy);
        judged += 1;
        if ((done += 1) % EVERY === 0) yield done;
        coverage.note(expectation);
        if (isMet(expectation, decision)) continue;
        failed += 1;
        if (failures.length < room) failures.push({ expectation, decision });
        if (expectation.method === null) break;
      }
    }
    room -= failures.length;
    outcomes.push({ test, judged, failed, failures });
  }
  return { outcomes, coverage: coverage.report() };
}

const NO_LOCKS = indexLocks([]);

/** What the gateway would say, were nothing locked. */
export function judge({ role, backend, method, tool }: Expectation, policy: Policy): Decision {
  return decide(policy, NO_LOCKS, { role, user: null, keyId: null, backend, method, tool }, 0);
}

export function isMet({ expect, reason }: Expectation, decision: Decision): boolean {
  return decision.outcome === expect && (reason === null || decision.reason === reason);
}
