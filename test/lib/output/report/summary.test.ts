import { describe, expect, it } from "vitest";
import { summarize } from "../../../../src/lib/output/report/summary.ts";
import { checkReport, finding, manyFindings } from "../../../support/check-report.ts";

const FILE = checkReport().files[0] as { label: string; contents: string };
const KEYS = "no keys were read (--keys)";

describe("the summary of a check", () => {
  it.each([
    ["a clean file", checkReport(), "1 file checked: nothing found."],
    ["no file", checkReport({ files: [] }), "0 files checked: nothing found."],
    [
      "one of each",
      checkReport({ findings: [finding(), finding({ severity: "warning" }), finding({ severity: "info" })] }),
      "1 file checked: 1 error, 1 warning, 1 info.",
    ],
    [
      "several files",
      checkReport({ files: [FILE, FILE], findings: manyFindings(3, "error") }),
      "2 files checked: 3 errors.",
    ],
    [
      "what is silenced",
      checkReport({ suppressed: [{ finding: finding(), reason: "agreed" }] }),
      "1 file checked: nothing found, 1 suppressed.",
    ],
    [
      "a reason that steers",
      checkReport({ skipped: [{ code: "MC201", why: "off\u001b[2J" }] }),
      "1 file checked: nothing found, 1 rule skipped (MC201 off\\u001b[2J).",
    ],
  ])("tells %s", (_what, report, line) => {
    expect(summarize(report)).toBe(line);
  });

  it("tells which rules were skipped and why, those that follow each other as a range", () => {
    const skipped = [
      { code: "MC201", why: "off" },
      ...["MC403", "MC501", "MC502", "MC503", "MC505"].map((code) => ({ code, why: KEYS })),
      { code: "MC204", why: "off" },
      { code: "MC203", why: "off" },
    ];
    expect(summarize(checkReport({ findings: manyFindings(2, "warning"), skipped }))).toBe(
      `1 file checked: 2 warnings, 8 rules skipped (MC201, MC203, MC204 off; MC403, MC501-MC503, MC505 ${KEYS}).`,
    );
  });
});
