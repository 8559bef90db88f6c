import type { ChalkInstance } from "chalk";
import { formatFinding } from "../../lib/output/findings.ts";
import { printable } from "../../lib/output/printable.ts";
import { junitTests } from "../../lib/output/report/junit-tests.ts";
import { plural } from "../../lib/plural.ts";
import type { View } from "../../lib/output/view.ts";
import { formatPlace } from "../../lib/policy/source.ts";
import type { TestOutcome } from "../../lib/policy/tests/run-tests.ts";
import type { TestRun } from "../../lib/policy/tests/test-run.ts";
import {
  caseLine,
  describeFailure,
  describeGap,
  describeMutant,
  summarizeTests,
} from "../../lib/output/report/test-words.ts";
import { testData } from "./test-data.ts";

/** Lists longer than this hide what stands beside them; JSON has the rest. */
const MOST_LISTED = 20;

/** From so many missing cases on, a matrix is shorter. */
const MANY = 4;

/** A run in every form that it can be printed in. */
export function testView(run: TestRun, isVerbose: boolean): View {
  return {
    data: testData(run),
    text: (paint) => testText(run, isVerbose, paint),
    forms: { junit: () => junitTests(run) },
  };
}

function testText(run: TestRun, isVerbose: boolean, paint: ChalkInstance): string {
  const { problems, report } = run;
  if (report === null) return problems.map((problem) => `${formatFinding(problem, paint)}\n`).join("\n");
  const shown = report.outcomes.filter(({ failed }) => isVerbose || failed > 0);
  return [
    ...shown.flatMap((outcome) => outcomeLines(outcome, paint)),
    ...gapLines(run),
    ...survivorLines(run, paint),
    summarizeTests(run),
  ].join("\n");
}

function outcomeLines({ test, judged, failed, failures }: TestOutcome, paint: ChalkInstance): readonly string[] {
  const where = `${printable(formatPlace(test.place))} ${printable(test.name)}`;
  if (failed === 0) return [`${paint.green("ok")}    ${where}`];
  const counts = test.kind === "matrix" ? ` (${failed} of ${plural(judged, "call")})` : "";
  const lines = failures.slice(0, MOST_LISTED).flatMap(describeFailure);
  return [
    `${paint.red("FAIL")}  ${where}${counts}`,
    ...indented(withRest(lines, failed - Math.min(failures.length, MOST_LISTED))),
    "",
  ];
}

function gapLines({ report }: TestRun): readonly string[] {
  const gaps = report?.coverage.gaps ?? [];
  if (gaps.length === 0) return [];
  const lines = gaps.slice(0, MOST_LISTED).map(describeGap);
  return ["No test speaks about:", ...indented(withRest(lines, gaps.length - lines.length)), ""];
}

function survivorLines({ mutation }: TestRun, paint: ChalkInstance): readonly string[] {
  if (mutation === null || mutation.survived === 0) return [];
  const some = mutation.survivors.slice(0, MOST_LISTED);
  const lines = some.flatMap((mutant) => [describeMutant(mutant), `  ${caseLine(mutant)}`]);
  const head = `${paint.red("SURVIVED")}  No test noticed these changes; the case below each would:`;
  const advice = mutation.survived < MANY ? [] : ["A matrix of all roles and backends notices all that is granted."];
  return [head, ...indented([...withRest(lines, mutation.survived - some.length), ...advice]), ""];
}

function withRest(lines: readonly string[], left: number): readonly string[] {
  return left <= 0 ? lines : [...lines, `and ${left} more`];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${printable(line)}`);
}
