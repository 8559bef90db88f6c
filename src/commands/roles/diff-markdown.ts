import { inCode, MOST_OF_A_COMMENT } from "../../lib/output/report/markdown.ts";
import type { RoleChange } from "../../lib/policy/diff/policy-diff.ts";
import {
  backendWords,
  changeWords,
  directionOf,
  effectWords,
  headline,
  logWords,
  summarizeDiff,
  useWords,
} from "./diff-words.ts";
import type { Comparison } from "./diff-view.ts";

/** Longer tables are folded. */
const MOST_OPEN = 25;
const HEADER = ["| | backend | what |", "|---|---|---|"];
const LEGEND = "`+` grows, `-` shrinks, `~` both or not comparable, `=` the same calls";

/** A comparison for a pull request: names come from files that anybody may have written, and stand in code spans. */
export function diffMarkdown(comparison: Comparison): string {
  const { before, after, diff, effects, uses, failedOn } = comparison;
  const head = [
    `### roles diff`,
    "",
    `**${summarizeDiff(comparison)}**`,
    "",
    `${inCode(before)} → ${inCode(after)}`,
    "",
  ];
  if (failedOn.length > 0) head.push(`Fails on ${failedOn.join(" and ")}.`, "");
  if (diff.roles.length + diff.backends.length > 0) head.push(LEGEND, "");
  if (effects !== null && effects.length > 0) head.push(...effects.map((each) => `- ${inCode(effectWords(each))}`), "");
  if (uses !== null) head.push(...uses.lost.map((use) => `- ${inCode(useWords(use))}`), "", ...logWords(uses), "");
  const parts = diff.roles.map(roleTable);
  if (diff.backends.length > 0)
    parts.push(["registry", "", ...diff.backends.map((each) => `- ${inCode(backendWords(each))}`), ""].join("\n"));
  return fit(head.join("\n"), parts);
}

function roleTable(role: RoleChange): string {
  const rows = role.grants.map(
    (change) =>
      `| \`${directionOf(change)}\` | ${inCode(change.backend)} | ${inCode(changeWords(change).join(", "))} |`,
  );
  const title = inCode(headline(role));
  if (rows.length === 0) return `${title}\n`;
  const table = [...HEADER, ...rows].join("\n");
  if (rows.length <= MOST_OPEN) return `${title}\n\n${table}\n`;
  return `<details><summary>${headlineText(role)}: ${rows.length} grants</summary>\n\n${table}\n\n</details>\n`;
}

/** A role's name has no character that HTML or Markdown would take for something else but `_`. */
function headlineText(role: RoleChange): string {
  return headline(role).replaceAll("_", "&#95;");
}

function fit(head: string, parts: readonly string[]): string {
  let text = head;
  for (const [index, part] of parts.entries()) {
    if (text.length + part.length > MOST_OF_A_COMMENT)
      return `${text}\n${parts.length - index} more parts, which the command itself shows.`;
    text += `\n${part}`;
  }
  return text;
}
