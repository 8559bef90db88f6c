import { describe, expect, it } from "vitest";
import type { Finding } from "../../../src/lib/policy/source.ts";
import { checkText, type CheckedText } from "../../support/check-text.ts";

const ROLE = "roleMapping:\n  ops:\n";
const brief = ({ code, place, message }: Finding): string => `${place.line}:${place.column} ${code} ${message}`;

function check(
  text: string,
  more: Partial<CheckedText> = {},
): { told: readonly string[]; suppressed: readonly string[] } {
  const settings = { levels: new Map([["MC404", "skip"]] as const) };
  const report = checkText({ roles: [text], settings, ...more });
  return {
    told: report.findings.map(brief),
    suppressed: report.suppressed.map(
      ({ finding, reason }) => `${finding.code} in line ${finding.place.line}: ${reason}`,
    ),
  };
}

const FOUND = "3:7 MC302 aws-rw writes to aws in prod, and no reason is stated";

describe("a suppression", () => {
  it.each([
    ["at the end of the line", `${ROLE}    - aws-rw # mcpctl-ignore MC302: on call\n`, 3],
    ["alone above it", `${ROLE}    # mcpctl-ignore MC302: on call\n    - aws-rw\n`, 4],
    [
      "above it, other comments and empty lines between",
      `${ROLE}    # mcpctl-ignore MC302: on call\n\n    # x\n    - aws-rw\n`,
      6,
    ],
    ["with a day to come", `${ROLE}    - aws-rw # mcpctl-ignore MC302 until=2026-11-21: on call\n`, 3],
    ["on its last day", `${ROLE}    - aws-rw # mcpctl-ignore MC302 until=2026-11-20: on call\n`, 3],
    ["for two rules at once", `${ROLE}    - aws-rw # mcpctl-ignore MC302,MC302: on call\n`, 3],
    ["in a file with CRLF", `${ROLE}    - aws-rw # mcpctl-ignore MC302: on call\n`.replaceAll("\n", "\r\n"), 3],
    ["behind a byte order mark", `\ufeff${ROLE}    - aws-rw # mcpctl-ignore MC302: on call\n`, 3],
    [
      "in a ConfigMap",
      "kind: ConfigMap\ndata:\n  r: |\n    roleMapping:\n      ops:\n      - aws-rw # mcpctl-ignore MC302: on call\n",
      6,
    ],
    ["in Helm values", "a: 1\ngateway:\n  roleMapping:\n    ops:\n    - aws-rw # mcpctl-ignore MC302: on call\n", 5],
  ])("silences %s", (_where, text, line) => {
    expect(check(text)).toEqual({ told: [], suppressed: [`MC302 in line ${line}: on call`] });
  });

  it.each([
    ["names no rule", "# mcpctl-ignore: on call", "names no rule, or gives no reason"],
    ["gives no reason", "# mcpctl-ignore MC302", "names no rule, or gives no reason"],
    ["gives an empty reason", "# mcpctl-ignore MC302: ", "names no rule, or gives no reason"],
    ["is a bit different", "# mcpctl-ignore-next-line MC302: x", "names no rule, or gives no reason"],
    ["stands behind other words", "# see wiki, mcpctl-ignore MC302: x", "names no rule, or gives no reason"],
    ["names a rule that there is not", "# mcpctl-ignore MC999: x", "there is no rule MC999 to suppress"],
    ["names a rule that always holds", "# mcpctl-ignore MC004: x", "MC004 cannot be suppressed"],
    ["names itself", "# mcpctl-ignore MC407: x", "MC407 cannot be suppressed"],
    [
      "has a day that there is not",
      "# mcpctl-ignore MC302 until=2027-02-30: x",
      '"2027-02-30" is no day; it must be like 2027-03-31',
    ],
  ])("silences nothing when it %s", (_what, comment, problem) => {
    const told = check(`${ROLE}    - aws-rw ${comment}\n`).told;
    expect(told).toHaveLength(2);
    expect([told[0], told[1]?.endsWith(problem)]).toEqual([FOUND, true]);
  });

  it("silences nothing once it has expired, and is told", () => {
    expect(check(`${ROLE}    - aws-rw # mcpctl-ignore MC302 until=2026-11-19: on call\n`)).toEqual({
      told: [FOUND, "3:14 MC407 the suppression has expired"],
      suppressed: [],
    });
  });

  it("is told when it silences nothing, but not of a rule that was not run", () => {
    const text = `${ROLE}    - eks-ro # mcpctl-ignore MC302: x\n`;
    expect(check(text).told).toEqual(["3:14 MC407 nothing breaks MC302 here"]);
    expect(
      check(text, {
        settings: {
          levels: new Map([
            ["MC302", "skip"],
            ["MC404", "skip"],
          ]),
        },
      }).told,
    ).toEqual([]);
    expect(check(`${ROLE}    - eks-ro # mcpctl-ignore MC502: x\n`).told).toEqual([]);
  });

  it("is none inside a text, and speaks of no more than its line", () => {
    const text = `note: "# mcpctl-ignore MC302: x"\n${ROLE}    - aws-rw\n    - argo-sync # mcpctl-ignore MC302: x\n`;
    expect(check(text)).toEqual({
      told: ["4:7 MC302 aws-rw writes to aws in prod, and no reason is stated"],
      suppressed: ["MC302 in line 5: x"],
    });
  });

  it("silences nothing in an embedded text that has no lines of its own", () => {
    const text = 'a: 1\nb: "roleMapping:\\n  ops:\\n  - aws-rw # mcpctl-ignore MC302: x\\n  - argo-sync\\n"\n';
    expect(check(text).told.map((line) => line.slice(0, 9))).toEqual(["2:4 MC302", "2:4 MC302", "2:4 MC407"]);
  });

  it("silences a finding of the registry in the registry", () => {
    const backends = (comment: string): string =>
      `backends:\n  a-ro: { service: a, environment: e, access: rw, owner: o, url: "http://a" }${comment}\n`;
    const roles = "roleMapping: {ops: [a-ro]}\n";
    expect(check(roles, { backends: backends("") }).told).toEqual(['2:3 MC202 "a-ro" is registered with access rw']);
    expect(check(roles, { backends: backends(" # mcpctl-ignore MC202: historical") })).toEqual({
      told: [],
      suppressed: ["MC202 in line 2: historical"],
    });
  });

  it("is not heeded when that was asked", () => {
    expect(check(`${ROLE}    - aws-rw # mcpctl-ignore MC302: on call\n`, { heedsSuppressions: false })).toEqual({
      told: [FOUND],
      suppressed: [],
    });
  });
});
