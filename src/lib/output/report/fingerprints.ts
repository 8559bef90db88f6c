import { createHash } from "node:crypto";
import type { CheckReport } from "../../policy/check-report.ts";
import type { Finding } from "../../policy/source.ts";

/**
 * What a finding keeps while its line moves and others come and go: its rule, its file, the text of its line, and which of
 * those that are alike it is; `<16 hex>:<number from 1>`, as GitHub's own. The findings are in document order.
 */
export function fingerprints(findings: readonly Finding[], files: CheckReport["files"]): readonly string[] {
  const lineOf = lineReader(files);
  const counts = new Map<string, number>();
  return findings.map((finding) => {
    const { code, place } = finding;
    const line = lineOf(place.file, place.line) ?? finding.excerpt ?? "";
    const hash = createHash("sha256")
      .update(JSON.stringify([code, place.file, line.trim()]))
      .digest("hex")
      .slice(0, 16);
    const count = (counts.get(hash) ?? 0) + 1;
    counts.set(hash, count);
    return `${hash}:${count}`;
  });
}

/** The whole line of a file that was checked, or null; a file is split once, when first asked for. */
function lineReader(files: CheckReport["files"]): (label: string, line: number) => string | null {
  const contents = new Map(files.map((file) => [file.label, file.contents]));
  const split = new Map<string, readonly string[]>();
  return (label, line) => {
    const text = contents.get(label);
    if (text === undefined) return null;
    const lines = split.get(label) ?? text.split("\n");
    split.set(label, lines);
    return lines[line - 1] ?? null;
  };
}
