import { formatFinding } from "../../lib/output/findings.ts";
import type { View } from "../../lib/output/view.ts";
import type { CheckReport } from "../../lib/policy/check-report.ts";
import type { Finding } from "../../lib/policy/source.ts";

/** A report in every form that it can be printed in. */
export function reportView(report: CheckReport): View {
  return {
    data: reportData(report),
    text: (paint) => report.findings.map((finding) => `${formatFinding(finding, paint)}\n`).join("\n"),
  };
}

function reportData({ files, findings, suppressed, skipped }: CheckReport): object {
  const count = (severity: Finding["severity"]): number => findings.filter((each) => each.severity === severity).length;
  return {
    files: files.map(({ label, contents }) => ({ file: label, contents })),
    errors: count("error"),
    warnings: count("warning"),
    infos: count("info"),
    findings: findings.map(findingData),
    suppressed: suppressed.map(({ finding, reason }) => ({ ...findingData(finding), reason })),
    skipped,
  };
}

function findingData({ isUnreadable, fix, ...finding }: Finding): object {
  return { ...finding, is_unreadable: isUnreadable, is_fixable: fix !== undefined };
}
