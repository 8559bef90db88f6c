import { AppError } from "../../errors.ts";
import type { Policy } from "../decide.ts";
import { expectationsAt } from "./expectations.ts";
import { mostMutants, mutantsOf, mutatedPolicy, type Mutant } from "./mutants.ts";
import type { CaseTest, Expectation, MatrixTest, PolicyTest } from "./policy-test.ts";
import { isMet, judge, NOTHING_BELOW, type JudgeBelow } from "./run-tests.ts";

export interface MutationReport {
  readonly tried: number;
  readonly survived: number;
  /** The first of those that no test noticed, at most {@link MOST_SURVIVORS}; production first. */
  readonly survivors: readonly Mutant[];
}

export const MOST_SURVIVORS = 1_000;
const MOST_MUTANTS = 5_000_000;
const EVERY = 1_000;

/**
 * Does every dangerous change make a test fail that now passes? Only expectations of the changed role and backend are judged
 * again, for no other can come out otherwise. Yields now and then how many were tried.
 * @throws AppError invalid when there would be too many
 */
export function* tryMutants(
  tests: readonly PolicyTest[],
  policy: Policy,
  below: JudgeBelow = NOTHING_BELOW,
): Generator<number, MutationReport> {
  const most = mostMutants(policy);
  if (most > MOST_MUTANTS) {
    throw new AppError(
      "invalid",
      "too_many_mutants",
      `${most} changes would have to be tried, and ${MOST_MUTANTS} are the limit`,
    );
  }
  const index = new TestIndex(tests, policy);
  const survivors: Mutant[] = [];
  let tried = 0;
  let survived = 0;
  for (const mutant of mutantsOf(policy)) {
    if ((tried += 1) % EVERY === 0) yield tried;
    if (isNoticed(mutant, index, policy, below)) continue;
    survived += 1;
    if (survivors.length < MOST_SURVIVORS) survivors.push(mutant);
  }
  return { tried, survived, survivors };
}

function isNoticed(mutant: Mutant, index: TestIndex, policy: Policy, below: JudgeBelow): boolean {
  const mutated = mutatedPolicy(mutant, policy);
  for (const expectation of index.at(mutant.role.name, mutant.backend.name)) {
    if (isMet(expectation, judge(expectation, mutated, below))) continue;
    if (isMet(expectation, judge(expectation, policy, below))) return true;
  }
  return false;
}

/** Finds what tests expect of one role and backend. */
class TestIndex {
  readonly #policy: Policy;
  readonly #cases = new Map<string, Map<string, CaseTest[]>>();
  readonly #matrices: readonly MatrixTest[];

  constructor(tests: readonly PolicyTest[], policy: Policy) {
    this.#policy = policy;
    this.#matrices = tests.filter((test) => test.kind === "matrix");
    for (const test of tests) if (test.kind === "case") this.#add(test);
  }

  *at(role: string, backend: string): Iterable<Expectation> {
    for (const { expectation } of this.#cases.get(role)?.get(backend) ?? []) yield expectation;
    for (const matrix of this.#matrices) {
      if (!matrix.roles.has(role) || !matrix.backends.has(backend)) continue;
      yield* expectationsAt(matrix, [role, backend], this.#policy);
    }
  }

  #add(test: CaseTest): void {
    const { role, backend } = test.expectation;
    const byBackend = this.#cases.get(role) ?? new Map<string, CaseTest[]>();
    this.#cases.set(role, byBackend);
    const there = byBackend.get(backend);
    if (there === undefined) byBackend.set(backend, [test]);
    else there.push(test);
  }
}
