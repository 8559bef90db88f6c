import type { Expectation } from "./policy-test.ts";
import type { Finding } from "../source.ts";
import type { CoverageReport } from "./coverage.ts";
import type { Mutant } from "./mutants.ts";
import type { TestReport } from "./run-tests.ts";
import type { MutationReport } from "./try-mutants.ts";

/** What `roles test` did and found. */
export interface TestRun {
  /** The test files, as people know them. */
  readonly files: readonly string[];
  /** Why a file could not be used; nothing was run then. */
  readonly problems: readonly Finding[];
  /** Null where nothing was run. */
  readonly report: TestReport | null;
  /** Null where no mutant was tried. */
  readonly mutation: MutationReport | null;
  /** The least coverage in percent; null where none was asked for. */
  readonly threshold: number | null;
  readonly durationMs: number;
}

/** Percent with one digit, rounded down: all is only all. */
export function coveragePercent({ covered, total }: CoverageReport): number {
  return total === 0 ? 100 : Math.floor((covered * 1_000) / total) / 10;
}

export function isBelow({ covered, total }: CoverageReport, threshold: number | null): boolean {
  return threshold !== null && covered * 100 < threshold * total;
}

export function failedTests({ outcomes }: TestReport): number {
  return outcomes.filter(({ failed }) => failed > 0).length;
}

/** The smallest test that would notice this change. */
export function killingCase({
  role,
  backend,
  opens,
}: Mutant): Pick<Expectation, "role" | "backend" | "method" | "tool"> {
  return {
    role: role.name,
    backend: backend.name,
    method: opens.tool === null ? opens.method : null,
    tool: opens.tool,
  };
}
