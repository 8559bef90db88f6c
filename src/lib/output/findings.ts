import type { ChalkInstance } from "chalk";
import { formatPlace, type Finding } from "../policy/source.ts";
import { printable } from "./printable.ts";

/** One finding for people: place, severity, rule and message, then the source line with the spot marked. */
export function formatFinding(finding: Finding, paint: ChalkInstance): string {
  const paintSeverity =
    finding.severity === "error" ? paint.red : finding.severity === "warning" ? paint.yellow : paint.cyan;
  const lines = [
    `${printable(formatPlace(finding.place))} ${paintSeverity(finding.severity)} ${finding.code} ${printable(finding.message)}`,
  ];
  if (finding.excerpt !== null) {
    const number = String(finding.place.line);
    const margin = " ".repeat(number.length);
    const from = Math.max(finding.place.column - 1, 0);
    const before = showable(finding.excerpt.slice(0, from)).replace(/[^\t]/g, " ");
    const marked = showable(finding.excerpt.slice(from, from + finding.length));
    lines.push(
      `  ${paint.dim(`${number} |`)} ${showable(finding.excerpt)}`,
      `  ${paint.dim(`${margin} |`)} ${before}${paintSeverity(`^${"~".repeat(Math.max(marked.length - 1, 0))}`)}`,
    );
  }
  if (finding.hint !== null) lines.push(`  ${printable(finding.hint)}`);
  return lines.join("\n");
}

/** A source line as a terminal may see it; its tabs stay, so that the mark below stands under its spot. */
function showable(line: string): string {
  return line.split("\t").map(printable).join("\t");
}
