import { describe, expect, it } from "vitest";
import { githubReport } from "../../../../src/lib/output/report/github.ts";
import { visible } from "../../../../src/lib/output/report/visible.ts";
import { ruleOf } from "../../../../src/lib/policy/rules/catalogue.ts";
import type { Finding } from "../../../../src/lib/policy/source.ts";
import { checkReport, finding, manyFindings, nastyReport, SEEDS } from "../../../support/check-report.ts";
import { commandsIn, withoutWeightless, type WorkflowCommand } from "../../../support/workflow-commands.ts";

const KINDS = ["error", "warning", "info"] as const;

/** What the runner should read of the findings that GitHub shows. */
function expected(findings: readonly Finding[]): readonly WorkflowCommand[] {
  return KINDS.flatMap((kind) => findings.filter(({ severity }) => severity === kind).slice(0, 10)).map((each) => ({
    name: each.severity === "info" ? "notice" : each.severity,
    properties: {
      file: visible(each.place.file),
      line: String(each.place.line),
      endLine: String(each.place.line),
      col: String(each.place.column),
      endColumn: String(each.place.column + each.length),
      title: `${each.code} ${ruleOf(each.code).slug}`,
    },
    data: [each.message, ...(each.hint === null ? [] : [each.hint])].map(visible).join("\n"),
  }));
}

describe("output for GitHub", () => {
  it("is workflow commands, the worst first, and the summary", () => {
    const findings = [
      finding({ severity: "info", code: "MC402", message: "ops has all of dev", hint: null }),
      finding({ severity: "warning", code: "MC005", message: "dev is granted nothing", line: 1, column: 1 }),
      finding({ file: "a,b:c%.yaml", message: "100% of: a, b" }),
    ];
    expect(githubReport(checkReport({ findings }))).toBe(
      [
        "::error file=a%2Cb%3Ac%25.yaml,line=3,endLine=3,col=5,endColumn=11,title=MC301 read-only-role-writes::100%25 of: a, b%0ARemove the grant.",
        "::warning file=roles.yaml,line=1,endLine=1,col=1,endColumn=7,title=MC005 empty-role::dev is granted nothing%0ARemove the grant.",
        "::notice file=roles.yaml,line=3,endLine=3,col=5,endColumn=11,title=MC402 superset-role::ops has all of dev",
        "1 file checked: 1 error, 1 warning, 1 info.",
      ].join("\n"),
    );
  });

  it("is the summary alone where nothing was found", () => {
    expect(githubReport(checkReport())).toBe("1 file checked: nothing found.");
  });

  it.each([
    [10, []],
    [11, ["error roles.yaml:11:5 MC301 dev-readonly may write to eks-rw"]],
  ])("marks ten of %i errors, and loses none", (count, plain) => {
    const findings = [...manyFindings(count, "error"), finding({ severity: "warning" })];
    const output = githubReport(checkReport({ findings }));
    expect(commandsIn(output)).toEqual(expected(findings));
    expect(output.split("\n").filter((line) => !line.startsWith("::"))).toEqual([
      ...plain,
      `1 file checked: ${count} errors, 1 warning.`,
    ]);
  });

  it("counts each kind for itself", () => {
    const findings = KINDS.flatMap((kind) => manyFindings(12, kind));
    expect(commandsIn(githubReport(checkReport({ findings }))).map(({ name }) => name)).toEqual(
      ["error", "warning", "notice"].flatMap((name) => Array.from({ length: 10 }, () => name)),
    );
  });

  it("gives the runner the commands it means and no other, whatever a file holds", () => {
    for (const seed of SEEDS) {
      const report = nastyReport(seed);
      const output = githubReport(report);
      expect(commandsIn(output), `seed ${seed}`).toEqual(expected(report.findings));
      expect(commandsIn(withoutWeightless(output)), `seed ${seed}`).toHaveLength(expected(report.findings).length);
      expect(output.split("\n"), `seed ${seed}`).toHaveLength(report.findings.length + 1);
    }
  });
});

describe("the runner's reading, which the tests above rely on", () => {
  it.each([
    ["::error::x", [{ name: "error", properties: {}, data: "x" }]],
    [
      "  ::error file=a%3Ab,line=2::x%0Ay %2525",
      [{ name: "error", properties: { file: "a:b", line: "2" }, data: "x\ny %25" }],
    ],
    ["a ##[warning]x", [{ name: "warning", properties: {}, data: "x" }]],
    ["a\r::notice::x", [{ name: "notice", properties: {}, data: "x" }]],
    ["a ::error::x", []],
    ["::nothing::x", []],
  ])("of %j", (line, commands) => {
    expect(commandsIn(line)).toEqual(commands);
  });
});
