import { formatPlace } from "../../policy/source.ts";
import type { Gap } from "../../policy/tests/coverage.ts";
import type { Mutant } from "../../policy/tests/mutants.ts";
import { describeCall } from "../../policy/tests/policy-test.ts";
import type { Failure } from "../../policy/tests/run-tests.ts";
import { coveragePercent, failedTests, isBelow, killingCase, type TestRun } from "../../policy/tests/test-run.ts";
import { plural } from "../../plural.ts";

/** What was expected and what is, then the line of the roles that decided. */
export function describeFailure({ expectation, judgement }: Failure): readonly string[] {
  const { expect, reason, place } = expectation;
  const wanted = reason === null ? expect : `${expect} (${reason})`;
  const { outcome, rule } = judgement;
  const got = outcome === "allow" ? "allow" : `${outcome} (${judgement.reason})`;
  const why = rule === null ? [] : [`  ${rule.place === null ? "" : `${formatPlace(rule.place)}: `}${rule.text}`];
  return [`${formatPlace(place)}: ${describeCall(expectation)}: expected ${wanted}, got ${got}`, ...why];
}

export function describeGap({ role, grant, pattern }: Gap): string {
  const what = pattern === null ? "" : `, tools ${pattern.list} ${pattern.text}`;
  return `${formatPlace(grant.place)}: ${role} -> ${grant.backend}${what}`;
}

const CHANGES: Readonly<Record<Mutant["kind"], (mutant: Mutant) => string>> = {
  granted: () => "granted",
  widened: () => "granted whole, not only some tools",
  deny_dropped: ({ pattern }) => `no longer denied ${pattern}`,
};

export function describeMutant(mutant: Mutant): string {
  const { role, backend, grant, kind } = mutant;
  const traits = `${backend.environment}, ${backend.access}`;
  return `${formatPlace(grant.place)}: ${role.name} -> ${backend.name} (${traits}) ${CHANGES[kind](mutant)}`;
}

/** The smallest case that would notice the change, as a line of a test file. */
export function caseLine(mutant: Mutant): string {
  const fields = Object.entries(killingCase(mutant)).filter(([, value]) => value !== null);
  return `- { ${fields.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(", ")}, expect: deny }`;
}

/** `2 tests passed, 0 failed (58 calls). ...`: the whole run in one line. */
export function summarizeTests({ report, mutation, threshold, durationMs }: TestRun): string {
  if (report === null) return "Nothing was run.";
  const { outcomes, coverage } = report;
  const failed = failedTests(report);
  const calls = outcomes.reduce((sum, { judged }) => sum + judged, 0);
  const against = threshold === null ? "" : `, ${isBelow(coverage, threshold) ? "below" : "at least"} ${threshold} %`;
  const parts = [
    `${plural(outcomes.length - failed, "test")} passed, ${failed} failed (${plural(calls, "call")}).`,
    `Coverage ${coveragePercent(coverage)} %: ${coverage.covered} of ${coverage.total} grants and tool patterns${against}.`,
    ...(mutation === null ? [] : [`${plural(mutation.tried, "change")} tried, ${mutation.survived} unnoticed.`]),
    `${durationMs} ms.`,
  ];
  return parts.join(" ");
}
