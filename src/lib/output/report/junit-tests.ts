import type { Finding } from "../../policy/source.ts";
import type { TestOutcome, TestReport } from "../../policy/tests/run-tests.ts";
import { isBelow, type TestRun } from "../../policy/tests/test-run.ts";
import type { MutationReport } from "../../policy/tests/try-mutants.ts";
import { inXml, junitDocument, type Suite } from "./junit-suites.ts";
import { caseLine, describeFailure, describeGap, describeMutant } from "./test-words.ts";

const TITLE = "roles test";

/** How many grants that no test speaks about one failure names. */
const MOST_GAPS = 100;

/**
 * A run as JUnit XML: a suite for each file, with a case for each test or an error for what makes it unusable; then one that
 * tells of coverage, and one of the changes that no test noticed.
 */
export function junitTests({ files, problems, report, mutation, threshold }: TestRun): string {
  if (report === null) {
    const byFile = Map.groupBy(problems, ({ place }) => place.file);
    return junitDocument(
      TITLE,
      files.map((file) => unusableSuite(file, byFile.get(file) ?? [])),
    );
  }
  const byFile = Map.groupBy(report.outcomes, ({ test }) => test.place.file);
  return junitDocument(TITLE, [
    ...files.map((file) => fileSuite(file, byFile.get(file) ?? [])),
    ...(threshold === null ? [] : [coverageSuite(report, threshold)]),
    ...(mutation === null ? [] : [mutationSuite(mutation)]),
  ]);
}

const NONE = { failures: 0, errors: 0, skipped: 0, output: "" } as const;

function unusableSuite(file: string, problems: readonly Finding[]): Suite {
  const cases = problems.map(({ place, message, hint }) =>
    failing("error", file, `${place.line}:${place.column}: ${message}`, {
      message,
      lines: hint === null ? [] : [hint],
    }),
  );
  return { ...NONE, name: file, cases, errors: cases.length };
}

function fileSuite(file: string, outcomes: readonly TestOutcome[]): Suite {
  const cases = outcomes.map(({ test, judged, failed, failures }) => {
    // Who reads the report tells cases apart by their names alone.
    const name = `${test.name} (line ${test.place.line})`;
    if (failed === 0) return passing(file, name);
    const message = `${failed} of ${judged} calls came out otherwise than expected`;
    return failing("failure", file, name, { message, lines: failures.flatMap(describeFailure) });
  });
  return { ...NONE, name: file, cases, failures: outcomes.filter(({ failed }) => failed > 0).length };
}

function coverageSuite({ coverage }: TestReport, threshold: number): Suite {
  const suite = `${TITLE}: coverage`;
  const name = `at least ${threshold} % of the grants are spoken about`;
  if (!isBelow(coverage, threshold)) return { ...NONE, name: suite, cases: [passing(suite, name)] };
  const message = `tests speak about ${coverage.covered} of ${coverage.total}`;
  const lines = coverage.gaps.slice(0, MOST_GAPS).map(describeGap);
  return { ...NONE, name: suite, cases: [failing("failure", suite, name, { message, lines })], failures: 1 };
}

function mutationSuite({ tried, survived, survivors }: MutationReport): Suite {
  const suite = `${TITLE}: dangerous changes`;
  const cases = survivors.map((mutant) =>
    failing("failure", suite, describeMutant(mutant), { message: "no test noticed it", lines: [caseLine(mutant)] }),
  );
  const passed = survived === 0 ? [passing(suite, `all ${tried} are noticed`)] : [];
  return { ...NONE, name: suite, cases: [...cases, ...passed], failures: cases.length };
}

function passing(suite: string, name: string): string {
  return `<testcase classname="${inXml(suite)}" name="${inXml(name)}"/>`;
}

function failing(
  element: "failure" | "error",
  suite: string,
  name: string,
  { message, lines }: { readonly message: string; readonly lines: readonly string[] },
): string {
  const body = lines.map((line) => inXml(line)).join("\n");
  return `<testcase classname="${inXml(suite)}" name="${inXml(name)}"><${element} message="${inXml(message)}">${body}</${element}></testcase>`;
}
