import { describe, expect, it } from "vitest";
import { inCode, markdownReport } from "../../../../src/lib/output/report/markdown.ts";
import { atMost, visible } from "../../../../src/lib/output/report/visible.ts";
import { formatPlace } from "../../../../src/lib/policy/source.ts";
import { checkReport, finding, manyFindings, NASTY, nastyReport, SEEDS } from "../../../support/check-report.ts";

const HEAD = "### roles check\n\n";

/** The text that code spans and entities for bars between them show; null where anything else stands beside them. */
function shownBy(markdown: string): string | null {
  let rest = markdown;
  let text = "";
  while (rest !== "") {
    const [whole = "", fence = "", code = ""] = /^(`+)(?!`)(.*?)(?<!`)\1(?!`)/.exec(rest) ?? /^&#124;/.exec(rest) ?? [];
    if (whole === "") return null;
    const isPadded = code.startsWith(" ") && code.endsWith(" ") && code.trim() !== "";
    text += fence === "" ? "|" : isPadded ? code.slice(1, -1) : code;
    rest = rest.slice(whole.length);
  }
  return text;
}

const shown = (text: string): string => atMost(visible(text), 400);

describe("a check as Markdown", () => {
  it("is a heading, the summary and a table", () => {
    const findings = [finding(), finding({ severity: "warning", code: "MC005", message: "a|b", hint: null })];
    expect(markdownReport(checkReport({ findings }))).toBe(
      `${HEAD}1 file checked: 1 error, 1 warning.

| severity | where | rule | what |
|---|---|---|---|
| error | \`roles.yaml:3:5\` | MC301 read-only-role-writes | \`dev-readonly may write to eks-rw\`<br>\`Remove the grant.\` |
| warning | \`roles.yaml:3:5\` | MC005 empty-role | \`a\`&#124;\`b\` |`,
    );
  });

  it("has no table where nothing was found", () => {
    expect(markdownReport(checkReport())).toBe(`${HEAD}1 file checked: nothing found.`);
  });

  it("shows in code why a rule was skipped", () => {
    expect(markdownReport(checkReport({ skipped: [{ code: "MC201", why: "@off" }] }))).toBe(
      `${HEAD}1 file checked: nothing found, 1 rule skipped (MC201 \`@off\`).`,
    );
  });

  it("stays below the size of a comment, and says how much is left out", () => {
    const message = "x".repeat(1_000);
    const findings = Array.from({ length: 300 }, (_, index) => finding({ line: index + 1, message }));
    const text = markdownReport(checkReport({ findings }));
    const rows = text.split("\n").filter((line) => line.startsWith("| error"));
    expect(text.length).toBeLessThanOrEqual(60_000);
    expect(text.length).toBeGreaterThan(59_000);
    expect(text.split("\n").at(-1)).toBe(`${300 - rows.length} findings more, which the check itself lists.`);
  });

  it("leaves nothing out as long as it fits", () => {
    const rows = markdownReport(checkReport({ findings: manyFindings(400, "error") })).split("\n");
    expect(rows).toHaveLength(6 + 400);
  });

  it.each([
    ["plain", "`plain`"],
    ["a|b", "`a`&#124;`b`"],
    ["||", "&#124;&#124;"],
    ["`", "`` ` ``"],
    ["a``b", "```a``b```"],
    [" a ", "`  a  `"],
    [" ", "` `"],
    ["", ""],
    ["<b>@all</b>\n", "`<b>@all</b>\\u000a`"],
  ])("shows %j in code", (text, markdown) => {
    expect(inCode(text)).toBe(markdown);
  });

  it.each(NASTY)("shows %j and nothing else", (text) => {
    expect(shownBy(inCode(text))).toBe(shown(text));
  });

  it("is a table of its findings and nothing else, whatever a file holds", () => {
    for (const seed of SEEDS) {
      const report = nastyReport(seed);
      const rows = markdownReport(report).split("\n").slice(6);
      const read = rows.map((line) => {
        const [severity, where = "", rule, what = ""] = line.slice(2, -2).split(" | ");
        return [severity, shownBy(where), rule?.slice(0, 5), what.split("<br>").map(shownBy)];
      });
      expect(read, `seed ${seed}`).toEqual(
        report.findings.map(({ severity, place, code, message, hint }) => [
          severity,
          shown(formatPlace(place)),
          code,
          [shown(message), ...(hint === null ? [] : [shown(hint)])],
        ]),
      );
    }
  });
});
