import type { ChalkInstance } from "chalk";
import { formatPlace, type Finding } from "../policy/source.ts";
import { printable } from "./printable.ts";

/** One finding for people: place, severity, rule and message, then the source line with the spot marked. */
export function formatFinding(finding: Finding, paint: ChalkInstance): string {
  const paintSeverity = finding.severity === "error" ? paint.red : finding.severity === "warning" ? paint.yellow : paint.cyan;
  const lines = [`${formatPlace(finding.place)} ${paintSeverity(finding.severity)} ${finding.code} ${printable(finding.message)}`];
  if (finding.excerpt !== null) {
    const number = String(finding.place.line);
    const margin = " ".repeat(number.length);
    const before = finding.excerpt.slice(0, Math.max(finding.place.column - 1, 0)).replace(/[^\t]/g, " ");
    lines.push(`  ${paint.dim(`${number} |`)} ${finding.excerpt}`, `  ${paint.dim(`${margin} |`)} ${before}${paintSeverity("^")}`);
  }
  if (finding.hint !== null) lines.push(`  ${printable(finding.hint)}`);
  return lines.join("\n");
}
