import type { CheckReport, Skipped } from "../../policy/check-report.ts";
import { ruleOf } from "../../policy/rules/catalogue.ts";
import type { Finding } from "../../policy/source.ts";
import { escapeXml } from "./escape-xml.ts";
import { inXml, junitDocument, type Suite } from "./junit-suites.ts";
import { visibleLine } from "./visible.ts";

/**
 * The report as JUnit XML: a suite for each file, a failing case for each error or warning, one that passes for a file without
 * either, and a suite of the rules that were not run. What is only worth knowing stands in system-out.
 */
export function junitReport(report: CheckReport): string {
  const byFile = Map.groupBy(report.findings, ({ place }) => place.file);
  const files = new Set([...report.files.map(({ label }) => label), ...byFile.keys()]);
  const suites = [...files].map((label) => fileSuite(label, byFile.get(label) ?? [], report.title));
  if (report.skipped.length > 0) suites.push(skippedSuite(report.skipped, report.title));
  return junitDocument(report.title, suites);
}

function fileSuite(label: string, findings: readonly Finding[], title: string): Suite {
  const failing = findings.filter(({ severity }) => severity !== "info");
  const passed = `<testcase classname="${inXml(label)}" name="${inXml(title)}"/>`;
  return {
    name: label,
    cases: failing.length === 0 ? [passed] : failing.map(failingCase),
    failures: failing.length,
    errors: 0,
    skipped: 0,
    output: findings
      .filter(({ severity }) => severity === "info")
      .map(infoLine)
      .join("\n"),
  };
}

function failingCase({ code, severity, place, message, hint, excerpt }: Finding): string {
  // Who reads the report tells cases apart by their names alone, and two findings may share a place.
  const name = `${code} ${ruleOf(code).slug} at ${place.line}:${place.column}: ${message}`;
  const line = excerpt === null ? [] : [escapeXml(`${place.line} | ${visibleLine(excerpt)}`)];
  const body = [...line, ...(hint === null ? [] : [inXml(hint)])].join("\n");
  const failure = `<failure type="${severity}" message="${inXml(message)}">${body}</failure>`;
  return `<testcase classname="${inXml(place.file)}" name="${inXml(name)}" file="${inXml(place.file)}" line="${place.line}">${failure}</testcase>`;
}

function infoLine({ code, place, message }: Finding): string {
  return inXml(`${place.line}:${place.column}: info ${code} ${message}`);
}

function skippedSuite(skipped: readonly Skipped[], title: string): Suite {
  const name = `${title}: rules not run`;
  const cases = skipped.map(
    ({ code, why }) =>
      `<testcase classname="${inXml(name)}" name="${inXml(`${code} ${ruleOf(code).slug}`)}"><skipped message="${inXml(why)}"/></testcase>`,
  );
  return { name, cases, failures: 0, errors: 0, skipped: skipped.length, output: "" };
}
