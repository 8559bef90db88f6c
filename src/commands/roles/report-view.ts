import { formatFinding } from "../../lib/output/findings.ts";
import { summarize } from "../../lib/output/report/summary.ts";
import type { View } from "../../lib/output/view.ts";
import type { CheckReport } from "../../lib/policy/check-report.ts";
import type { Finding } from "../../lib/policy/source.ts";
import { rulePage } from "./explain-rule.ts";

/** A report in every form that it can be printed in. */
export function reportView(report: CheckReport): View {
  return {
    data: reportData(report),
    text: (paint) =>
      [...report.findings.map((finding) => `${formatFinding(finding, paint)}\n`), summarize(report)].join("\n"),
    forms: {
      compact: async () => (await import("../../lib/output/report/compact.ts")).compactReport(report),
      github: async () => (await import("../../lib/output/report/github.ts")).githubReport(report),
      junit: async () => (await import("../../lib/output/report/junit.ts")).junitReport(report),
      markdown: async () => (await import("../../lib/output/report/markdown.ts")).markdownReport(report),
      sarif: async () => (await import("../../lib/output/report/sarif.ts")).sarifReport(report, rulePage),
    },
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
