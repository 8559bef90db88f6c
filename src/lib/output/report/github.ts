import type { CheckReport } from "../../policy/check-report.ts";
import { ruleOf } from "../../policy/rules/catalogue.ts";
import { formatPlace, type Finding, type Severity } from "../../policy/source.ts";
import { summarize } from "./summary.ts";
import { visible } from "./visible.ts";

/** How many of each kind GitHub shows for one step; of all kinds it shows 50 for one job. */
const SHOWN_OF_EACH = 10;

const COMMAND: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", info: "notice" };
const SEVERITIES: readonly Severity[] = ["error", "warning", "info"];

/**
 * Workflow commands that mark the findings in a pull request, the worst first, as many as GitHub shows; the others as plain
 * lines of the log, then the summary. No text of a file can become a command of its own.
 */
export function githubReport(report: CheckReport): string {
  const bySeverity = Map.groupBy(report.findings, ({ severity }) => severity);
  const lines = SEVERITIES.flatMap((severity) => (bySeverity.get(severity) ?? []).map(lineOf));
  return [...lines, plainLine(summarize(report))].join("\n");
}

function lineOf(finding: Finding, index: number): string {
  if (index < SHOWN_OF_EACH) return annotation(finding);
  const { severity, place, code, message } = finding;
  return plainLine(`${severity} ${visible(formatPlace(place))} ${code} ${visible(message)}`);
}

function annotation({ severity, place, length, code, message, hint }: Finding): string {
  const properties = {
    file: visible(place.file),
    line: place.line,
    endLine: place.line,
    col: place.column,
    endColumn: place.column + length,
    title: `${code} ${ruleOf(code).slug}`,
  };
  const listed = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(String(value))}`);
  const lines = hint === null ? [message] : [message, hint];
  return `::${COMMAND[severity]} ${listed.join(",")}::${escapeData(lines.map(visible).join("\n"))}`;
}

/** As actions/toolkit escapes them (packages/core/src/command.ts); the runner undoes exactly this. */
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

/** The runner takes `::name::` at the start of a line for a command, and `##[name]` anywhere in it; ours begin with a word. */
function plainLine(text: string): string {
  return text.replace(/#(?=#)/g, "# ");
}
