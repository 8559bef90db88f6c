import { inCode, MOST_OF_A_COMMENT } from "../../lib/output/report/markdown.ts";
import type { Change, ReplayReport } from "../../lib/policy/replay.ts";
import { formatTime } from "../../lib/time.ts";
import { plural } from "../../lib/plural.ts";

const HEADER = [
  "| calls | role | backend | tool or method | user | first | last | why |",
  "|--:|---|---|---|---|---|---|---|",
];

/** A heading, the summary, and a table for each kind of change, for a pull request or the summary of a CI job. */
export function replayMarkdown(report: ReplayReport, summary: string, warnings: readonly string[]): string {
  const lines = ["### Replay of recorded calls", "", inCode(summary), ...warnings.flatMap((line) => ["", line])];
  let room = MOST_OF_A_COMMENT - lines.join("\n").length;
  for (const [title, changes, total] of [
    ["Would be refused", report.refused, report.counts.refused],
    ["Would be let through", report.allowed, report.counts.allowed],
  ] as const) {
    if (total === 0) continue;
    lines.push("", `#### ${title}`, "", ...HEADER);
    let left = total;
    for (const change of changes) {
      const row = rowOf(change);
      room -= row.length + 1;
      if (room < 0) break;
      lines.push(row);
      left -= change.count;
    }
    if (left > 0) lines.push("", `${plural(left, "call")} of other kinds more, which -o json lists.`);
  }
  return lines.join("\n");
}

function rowOf({ count, role, backend, tool, method, user, first, last, reason }: Change): string {
  const names = [role, backend, tool ?? method ?? "-", user ?? "-"].map((name) => inCode(name));
  return `| ${count} | ${names.join(" | ")} | ${formatTime(first)} | ${formatTime(last)} | ${reason} |`;
}
