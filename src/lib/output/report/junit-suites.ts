import { escapeXml } from "./escape-xml.ts";
import { visible } from "./visible.ts";

/** One `testsuite`; its cases are XML already. */
export interface Suite {
  readonly name: string;
  readonly cases: readonly string[];
  readonly failures: number;
  readonly errors: number;
  readonly skipped: number;
  /** What is told beside the cases, as XML. */
  readonly output: string;
}

/** These suites as one JUnit document. */
export function junitDocument(title: string, suites: readonly Suite[]): string {
  const total = (of: (suite: Suite) => number): number => suites.reduce((sum, suite) => sum + of(suite), 0);
  const counts = countsOf(
    total(({ cases }) => cases.length),
    total(({ failures }) => failures),
    total(({ errors }) => errors),
    total(({ skipped }) => skipped),
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${inXml(title)}" ${counts}>`,
    ...suites.flatMap(suiteLines),
    "</testsuites>",
  ].join("\n");
}

function suiteLines({ name, cases, failures, errors, skipped, output }: Suite): readonly string[] {
  return [
    `  <testsuite name="${inXml(name)}" ${countsOf(cases.length, failures, errors, skipped)}>`,
    ...cases.map((each) => `    ${each}`),
    ...(output === "" ? [] : [`    <system-out>${output}</system-out>`]),
    "  </testsuite>",
  ];
}

function countsOf(tests: number, failures: number, errors: number, skipped: number): string {
  return `tests="${tests}" failures="${failures}" errors="${errors}" skipped="${skipped}"`;
}

/** One line of text as it stands in XML. */
export function inXml(text: string): string {
  return escapeXml(visible(text));
}
