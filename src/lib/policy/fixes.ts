import type { Finding, Fix } from "./source.ts";

/** The text with every fix applied; of two that overlap, the first. */
export function applyFixes(text: string, findings: readonly Finding[]): string {
  const fixes = findings.flatMap(({ fix }): readonly Fix[] => (fix === undefined ? [] : [fix]));
  let result = "";
  let at = 0;
  for (const { from, to, text: put } of fixes.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (from < at) continue;
    result += text.slice(at, from) + put;
    at = to;
  }
  return result + text.slice(at);
}
