import type { CheckReport } from "../../policy/check-report.ts";
import { ruleOf } from "../../policy/rules/catalogue.ts";
import { formatPlace, type Finding } from "../../policy/source.ts";
import { plural } from "../../plural.ts";
import { summarize } from "./summary.ts";
import { atMost, visible } from "./visible.ts";

/** Of a comment, of which GitHub takes 65,536 characters. */
export const MOST_OF_A_COMMENT = 60_000;
const MOST_OF_A_CELL = 400;
const HEADER = ["| severity | where | rule | what |", "|---|---|---|---|"];

/** A heading, the summary and a table of the findings, for a pull request or the summary of a CI job. */
export function markdownReport(report: CheckReport): string {
  const head = [`### ${report.title}`, "", summarize(report, inCode)];
  if (report.findings.length === 0) return head.join("\n");
  const lines = [...head, "", ...HEADER];
  // Room for the line that tells how many are left out.
  let room = MOST_OF_A_COMMENT - lines.join("\n").length - 100;
  let shown = 0;
  for (const finding of report.findings) {
    const row = rowOf(finding);
    room -= row.length + 1;
    if (room < 0) break;
    lines.push(row);
    shown += 1;
  }
  const left = report.findings.length - shown;
  return (left === 0 ? lines : [...lines, "", `${plural(left, "finding")} more, which the check itself lists.`]).join(
    "\n",
  );
}

function rowOf({ severity, place, code, message, hint }: Finding): string {
  const what = hint === null ? inCode(message) : `${inCode(message)}<br>${inCode(hint)}`;
  return `| ${severity} | ${inCode(formatPlace(place))} | ${code} ${ruleOf(code).slug} | ${what} |`;
}

/**
 * Text that Markdown shows as it is: nothing in a code span is a mention, a link, an image or HTML. A bar ends a cell of a
 * table whatever it stands in, so that it stands between two spans.
 */
export function inCode(text: string): string {
  const parts = atMost(visible(text), MOST_OF_A_CELL).split("|");
  return parts.map((part) => (part === "" ? "" : codeSpan(part))).join("&#124;");
}

function codeSpan(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  // A space at both ends is taken away again, unless there is nothing else.
  const padded = /^[ `]|[ `]$/.test(text) && text.trim() !== "" ? ` ${text} ` : text;
  return `${fence}${padded}${fence}`;
}
