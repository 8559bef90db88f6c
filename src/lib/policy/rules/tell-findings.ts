import type { Finding } from "../source.ts";
import { ruleOf } from "./catalogue.ts";
import type { RuleSettings } from "./settings.ts";

/** May neither configuration nor comment say otherwise? */
export function isFixed({ code, isUnreadable }: Finding): boolean {
  return isUnreadable || ruleOf(code).isFatal;
}

/** The finding as the team wants it told. */
export function withLevel(finding: Finding, levels: RuleSettings["levels"]): Finding {
  const level = isFixed(finding) ? undefined : levels.get(finding.code);
  return level === undefined || level === "skip" ? finding : { ...finding, severity: level };
}

/** By file in the order given, then by place, then by rule. */
export function placeOrder(files: readonly string[]): (a: Finding, b: Finding) => number {
  const rank = new Map(files.map((file, index) => [file, index]));
  return (a, b) =>
    (rank.get(a.place.file) ?? 0) - (rank.get(b.place.file) ?? 0) ||
    a.place.line - b.place.line ||
    a.place.column - b.place.column ||
    (a.code < b.code ? -1 : a.code > b.code ? 1 : 0);
}

export function onlyOnce(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>();
  return findings.filter(
    ({ code, place, message }) => seen.size < seen.add(JSON.stringify([code, place, message])).size,
  );
}
