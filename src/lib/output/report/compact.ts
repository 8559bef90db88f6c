import type { CheckReport } from "../../policy/check-report.ts";
import { formatPlace, type Finding } from "../../policy/source.ts";
import { summarize } from "./summary.ts";
import { visible } from "./visible.ts";

/** One line a finding, as compilers print it, then the summary. */
export function compactReport(report: CheckReport): string {
  return [...report.findings.map(compactLine), summarize(report)].join("\n");
}

function compactLine({ place, severity, code, message }: Finding): string {
  return `${visible(formatPlace(place))}: ${severity} ${code} ${visible(message)}`;
}
