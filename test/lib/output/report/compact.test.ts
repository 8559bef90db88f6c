import { describe, expect, it } from "vitest";
import { compactReport } from "../../../../src/lib/output/report/compact.ts";
import { checkReport, finding, nastyReport, SEEDS } from "../../../support/check-report.ts";

describe("compact output", () => {
  it("has a line for each finding, in their order, and the summary", () => {
    const findings = [
      finding({ severity: "warning", code: "MC005", message: "dev is granted nothing", line: 1, column: 1 }),
      finding(),
      finding({ file: "a\nb.yaml", message: "\u001b[2J" }),
    ];
    expect(compactReport(checkReport({ findings }))).toBe(
      [
        "roles.yaml:1:1: warning MC005 dev is granted nothing",
        "roles.yaml:3:5: error MC301 dev-readonly may write to eks-rw",
        "a\\u000ab.yaml:3:5: error MC301 \\u001b[2J",
        "1 file checked: 2 errors, 1 warning.",
      ].join("\n"),
    );
  });

  it("is the summary alone where nothing was found", () => {
    expect(compactReport(checkReport())).toBe("1 file checked: nothing found.");
  });

  it("has one line a finding whatever a file holds", () => {
    for (const seed of SEEDS) {
      const report = nastyReport(seed);
      const lines = compactReport(report).split(/\r\n|[\r\n\u0085\u2028\u2029]/);
      expect(
        lines.map((line) => /: (error|warning|info) MC\d{3} /.test(line)),
        `seed ${seed}`,
      ).toEqual([...report.findings.map(() => true), false]);
    }
  });
});
