import type { ChalkInstance } from "chalk";
import { formatPlace, type Finding } from "../policy/source.ts";
import { printable, printableLine } from "./printable.ts";

/** One finding for people: place, severity, rule and message, then the source line with the spot marked. */
export function formatFinding(finding: Finding, paint: ChalkInstance): string {
  const paintSeverity =
    finding.severity === "error" ? paint.red : finding.severity === "warning" ? paint.yellow : paint.cyan;
  const lines = [
    `${printable(formatPlace(finding.place))} ${paintSeverity(finding.severity)} ${finding.code} ${printable(finding.message)}`,
  ];
  if (finding.excerpt !== null) {
    // Its tabs stay, so that the mark below stands under its spot.
    const number = String(finding.place.line);
    const margin = " ".repeat(number.length);
    const from = Math.max(finding.place.column - 1, 0);
    const before = printableLine(finding.excerpt.slice(0, from)).replace(/[^\t]/g, " ");
    const marked = printableLine(finding.excerpt.slice(from, from + finding.length));
    lines.push(
      `  ${paint.dim(`${number} |`)} ${printableLine(finding.excerpt)}`,
      `  ${paint.dim(`${margin} |`)} ${before}${paintSeverity(`^${"~".repeat(Math.max(marked.length - 1, 0))}`)}`,
    );
  }
  if (finding.hint !== null) lines.push(`  ${printable(finding.hint)}`);
  return lines.join("\n");
}
