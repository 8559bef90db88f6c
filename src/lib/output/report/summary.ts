import type { CheckReport, Skipped } from "../../policy/check-report.ts";
import { RULES } from "../../policy/rules/catalogue.ts";
import type { Severity } from "../../policy/source.ts";
import { plural } from "../../plural.ts";
import { visible } from "./visible.ts";

/** What was checked, found, silenced and left out, in one line that ends with a full stop; `quote` shows a reason. */
export function summarize(report: CheckReport, quote: (text: string) => string = visible): string {
  const { files, findings, suppressed, skipped } = report;
  const count = (severity: Severity): number => findings.filter((finding) => finding.severity === severity).length;
  const counts = [
    some(count("error"), "error"),
    some(count("warning"), "warning"),
    count("info") === 0 ? "" : `${count("info")} info`,
    suppressed.length === 0 ? "" : `${suppressed.length} suppressed`,
    skipped.length === 0 ? "" : `${some(skipped.length, "rule")} skipped (${whatWasSkipped(skipped, quote)})`,
  ].filter((part) => part !== "");
  return `${plural(files.length, "file")} checked: ${(findings.length === 0 ? ["nothing found", ...counts] : counts).join(", ")}.`;
}

function some(count: number, noun: string): string {
  return count === 0 ? "" : plural(count, noun);
}

/** `MC201 off; MC403, MC501-MC505 no keys were read`: the rules of each reason, in the order of the catalogue. */
function whatWasSkipped(skipped: readonly Skipped[], quote: (text: string) => string): string {
  return [...Map.groupBy(skipped, ({ why }) => why)]
    .map(([why, rules]) => `${ranges(rules.map(({ code }) => code))} ${quote(why)}`)
    .join("; ");
}

/** The codes, with three or more that follow each other in the catalogue told as a range. */
function ranges(codes: readonly string[]): string {
  const wanted = new Set(codes);
  const runs: string[][] = [[]];
  for (const { code } of RULES) {
    if (wanted.has(code)) runs.at(-1)?.push(code);
    else runs.push([]);
  }
  return runs.flatMap((run) => (run.length > 2 ? [`${run[0]}-${run.at(-1)}`] : run)).join(", ");
}
