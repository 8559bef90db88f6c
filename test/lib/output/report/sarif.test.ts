import { describe, expect, it } from "vitest";
import { redactText } from "../../../../src/lib/audit/redact.ts";
import { fingerprints } from "../../../../src/lib/output/report/fingerprints.ts";
import { sarifReport } from "../../../../src/lib/output/report/sarif.ts";
import { visible } from "../../../../src/lib/output/report/visible.ts";
import { VERSION } from "../../../../src/version.ts";
import { checkReport, finding, NASTY, nastyReport, SEEDS } from "../../../support/check-report.ts";
import { mintedKeys } from "../../../support/run-cli.ts";
import { sarifErrors } from "../../../support/sarif-schema.ts";

interface Log {
  readonly runs: readonly [
    { readonly results: readonly Result[]; readonly tool: { driver: { rules: readonly object[] } } },
  ];
}

interface Result {
  readonly ruleId: string;
  readonly message: { readonly text: string };
  readonly locations: readonly [
    { physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } } },
  ];
  readonly partialFingerprints: { readonly primaryLocationLineHash: string };
}

const PAGE = "# MC301\n\nA page.";
const pageOf = (code: string): string | null => (code === "MC301" ? PAGE : null);

function resultsOf(text: string): readonly Result[] {
  return (JSON.parse(text) as Log).runs[0].results;
}

describe("SARIF", () => {
  it("is one run with the rules that were broken, in document order, what is silenced among them", () => {
    const kept = finding();
    const silenced = finding({
      code: "MC005",
      severity: "warning",
      line: 2,
      column: 3,
      length: 12,
      excerpt: "  dev-readonly:",
    });
    const report = checkReport({
      findings: [kept],
      suppressed: [{ finding: silenced, reason: "agreed with \u001b ops" }],
    });
    const log: unknown = JSON.parse(sarifReport(report, pageOf));
    const [first, second] = fingerprints([silenced, kept], report.files);
    expect(log).toEqual({
      $schema: "https://json.schemastore.org/sarif-2.1.0.json",
      version: "2.1.0",
      runs: [
        {
          tool: {
            driver: {
              name: "mcpctl",
              version: VERSION,
              rules: [
                {
                  id: "MC005",
                  name: "empty-role",
                  shortDescription: { text: "A role that is granted nothing" },
                  help: { text: "A role that is granted nothing" },
                  defaultConfiguration: { level: "warning" },
                },
                {
                  id: "MC301",
                  name: "read-only-role-writes",
                  shortDescription: { text: "A role that is called read-only, and may write" },
                  help: { text: PAGE, markdown: PAGE },
                  defaultConfiguration: { level: "error" },
                },
              ],
            },
          },
          invocations: [{ executionSuccessful: true }],
          artifacts: [{ location: { uri: "roles.yaml", uriBaseId: "%SRCROOT%" }, roles: ["analysisTarget"] }],
          results: [
            {
              ruleId: "MC005",
              ruleIndex: 0,
              level: "warning",
              message: { text: "dev-readonly may write to eks-rw\nRemove the grant." },
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: { uri: "roles.yaml", uriBaseId: "%SRCROOT%" },
                    region: { startLine: 2, startColumn: 3, endColumn: 15, snippet: { text: "dev-readonly" } },
                    contextRegion: {
                      startLine: 2,
                      startColumn: 1,
                      endColumn: 16,
                      snippet: { text: "  dev-readonly:" },
                    },
                  },
                },
              ],
              partialFingerprints: { primaryLocationLineHash: first },
              suppressions: [{ kind: "inSource", justification: "agreed with \\u001b ops" }],
            },
            {
              ruleId: "MC301",
              ruleIndex: 1,
              level: "error",
              message: { text: "dev-readonly may write to eks-rw\nRemove the grant." },
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: { uri: "roles.yaml", uriBaseId: "%SRCROOT%" },
                    region: { startLine: 3, startColumn: 5, endColumn: 11, snippet: { text: "eks-rw" } },
                    contextRegion: { startLine: 3, startColumn: 1, endColumn: 11, snippet: { text: "  - eks-rw" } },
                  },
                },
              ],
              partialFingerprints: { primaryLocationLineHash: second },
              suppressions: [],
            },
          ],
          columnKind: "utf16CodeUnits",
        },
      ],
    });
    expect(sarifErrors(log)).toBe(null);
  });

  it("is a run without results or rules where nothing was found", () => {
    const log = JSON.parse(sarifReport(checkReport(), pageOf)) as Log;
    expect([log.runs[0].results, log.runs[0].tool.driver.rules, sarifErrors(log)]).toEqual([[], [], null]);
  });

  it("gives each finding the same fingerprint whether another is silenced or not", () => {
    const [first, second] = [finding({ line: 3 }), finding({ line: 5 })];
    const hashes = (report: Parameters<typeof checkReport>[0]): unknown =>
      resultsOf(sarifReport(checkReport(report), pageOf)).map(({ partialFingerprints }) => partialFingerprints);
    expect(hashes({ findings: [second], suppressed: [{ finding: first, reason: "agreed" }] })).toEqual(
      hashes({ findings: [first, second] }),
    );
  });

  it.each([
    ["charts/a b/roles#1?.yaml", "charts/a%20b/roles%231%3F.yaml", "%SRCROOT%"],
    ["../roles.yaml", "../roles.yaml", "%SRCROOT%"],
    ["a:b%20.yaml", "a%3Ab%2520.yaml", "%SRCROOT%"],
    ["/etc/rölés.yaml", "file:///etc/r%C3%B6l%C3%A9s.yaml", undefined],
    ["\ud800.yaml", "%EF%BF%BD.yaml", "%SRCROOT%"],
  ])("names the file %j as %s", (file, uri, uriBaseId) => {
    const log = sarifReport(checkReport({ findings: [finding({ file })] }), pageOf);
    expect(resultsOf(log)[0]?.locations[0].physicalLocation.artifactLocation).toEqual({
      uri,
      ...(uriBaseId === undefined ? {} : { uriBaseId }),
    });
    expect(sarifErrors(JSON.parse(log))).toBe(null);
  });

  it("tells no place that the excerpt does not reach", () => {
    const log = sarifReport(checkReport({ findings: [finding({ column: 300 })] }), pageOf);
    expect(resultsOf(log)[0]?.locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: "roles.yaml", uriBaseId: "%SRCROOT%" },
      region: { startLine: 3, startColumn: 300, endColumn: 306 },
    });
  });

  it("makes no link of what a file says, nor of a token that is taken out", () => {
    const [key] = mintedKeys(1);
    const message = `[a](https://evil.example) ${key?.token.reveal()}(https://evil.example)`;
    const log = redactText(sarifReport(checkReport({ findings: [finding({ message, hint: null })] }), pageOf));
    expect(resultsOf(log)[0]?.message).toEqual({
      text: `[a] (https://evil.example) [${key?.id}] (https://evil.example)`,
    });
  });

  it("is valid and complete whatever a file holds, also once it is redacted", () => {
    const [key] = mintedKeys(1);
    for (const seed of SEEDS) {
      const nasty = nastyReport(seed);
      const message = `\u001b${NASTY[seed % NASTY.length]}\b${key?.token.reveal()}`;
      const report = { ...nasty, findings: [...nasty.findings, finding({ message, excerpt: message, file: message })] };
      const text = redactText(sarifReport(report, pageOf));
      expect(sarifErrors(JSON.parse(text)), `seed ${seed}`).toBe(null);
      expect(text, `seed ${seed}`).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]*$/);
      expect(
        resultsOf(text)
          .map(({ ruleId, locations, message }) =>
            JSON.stringify([ruleId, locations[0].physicalLocation.region.startLine, message.text.split("\n")[0]]),
          )
          .sort(),
        `seed ${seed}`,
      ).toEqual(
        [...report.findings, ...report.suppressed.map(({ finding }) => finding)]
          .map(({ code, place, message }) =>
            JSON.stringify([code, place.line, visible(message).replaceAll("](", "] (")]),
          )
          .sort(),
      );
    }
  });
});

describe("the schema, which the tests above rely on", () => {
  it("refuses what SARIF does not know", () => {
    const log = JSON.parse(sarifReport(checkReport({ findings: [finding()] }), pageOf)) as { runs: object[] };
    expect(sarifErrors({ ...log, runs: [{ ...log.runs[0], columnKind: "bytes" }] })).toEqual([
      "/runs/0/columnKind must be equal to one of the allowed values",
    ]);
  });
});
