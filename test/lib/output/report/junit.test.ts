import { describe, expect, it } from "vitest";
import { escapeXml } from "../../../../src/lib/output/report/escape-xml.ts";
import { junitReport } from "../../../../src/lib/output/report/junit.ts";
import { visible, visibleLine } from "../../../../src/lib/output/report/visible.ts";
import { checkReport, finding, NASTY, nastyReport, SEEDS } from "../../../support/check-report.ts";
import { readXml } from "../../../support/read-xml.ts";

describe("JUnit XML", () => {
  it("has a suite for each file, a failing case for each error or warning, and one for the rules not run", () => {
    const files = ["roles.yaml", "clean.yaml"].map((label) => ({ label, contents: "" }));
    const findings = [
      finding({ excerpt: "\t- eks-rw <&>" }),
      finding({ severity: "warning", code: "MC005", message: 'a "b"', hint: null, excerpt: null }),
      finding({ severity: "info", code: "MC402", file: "clean.yaml", message: "ops has all of dev" }),
    ];
    const skipped = [{ code: "MC201", why: "off" }];
    expect(junitReport(checkReport({ files, findings, skipped }))).toBe(
      `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="roles check" tests="4" failures="2" errors="0" skipped="1">
  <testsuite name="roles.yaml" tests="2" failures="2" errors="0" skipped="0">
    <testcase classname="roles.yaml" name="MC301 read-only-role-writes at 3:5: dev-readonly may write to eks-rw" file="roles.yaml" line="3"><failure type="error" message="dev-readonly may write to eks-rw">3 | &#9;- eks-rw &lt;&amp;&gt;
Remove the grant.</failure></testcase>
    <testcase classname="roles.yaml" name="MC005 empty-role at 3:5: a &quot;b&quot;" file="roles.yaml" line="3"><failure type="warning" message="a &quot;b&quot;"></failure></testcase>
  </testsuite>
  <testsuite name="clean.yaml" tests="1" failures="0" errors="0" skipped="0">
    <testcase classname="clean.yaml" name="roles check"/>
    <system-out>3:5: info MC402 ops has all of dev</system-out>
  </testsuite>
  <testsuite name="roles check: rules not run" tests="1" failures="0" errors="0" skipped="1">
    <testcase classname="roles check: rules not run" name="MC201 name-convention"><skipped message="off"/></testcase>
  </testsuite>
</testsuites>`,
    );
  });

  it("passes each file where nothing was found", () => {
    expect(readXml(junitReport(checkReport())).children).toEqual([
      {
        name: "testsuite",
        attributes: { name: "roles.yaml", tests: "1", failures: "0", errors: "0", skipped: "0" },
        children: [
          { name: "testcase", attributes: { classname: "roles.yaml", name: "roles check" }, children: [], text: "" },
        ],
        text: "",
      },
    ]);
  });

  it("has a suite for a file that only a finding names", () => {
    const report = checkReport({ files: [], findings: [finding({ file: "keys.json" })] });
    expect(readXml(junitReport(report)).children.map(({ attributes }) => attributes["name"])).toEqual(["keys.json"]);
  });

  it("is well-formed and complete whatever a file holds", () => {
    for (const seed of SEEDS) {
      const report = nastyReport(seed);
      const failures = readXml(junitReport(report)).children.flatMap(({ children }) =>
        children.flatMap(({ attributes: { line }, children: [failure] }) =>
          failure?.name === "failure" ? [JSON.stringify([line, failure.attributes["message"], failure.text])] : [],
        ),
      );
      expect(failures.sort(), `seed ${seed}`).toEqual(
        report.findings
          .filter(({ severity }) => severity !== "info")
          .map(({ place, message, excerpt, hint }) => {
            const lines = [
              excerpt === null ? null : `${place.line} | ${visibleLine(excerpt)}`,
              hint === null ? null : visible(hint),
            ];
            const text = lines
              .filter((line) => line !== null)
              .join("\n")
              .trim();
            return JSON.stringify([String(place.line), visible(message), text]);
          })
          .sort(),
      );
    }
  });
});

describe("text in XML", () => {
  it.each(NASTY)("of %j is well-formed, and says the same but for what XML cannot hold", (text) => {
    const { attributes, text: within } = readXml(`<a b="${escapeXml(text)}">|${escapeXml(text)}|</a>`);
    const said = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd").toWellFormed();
    expect([attributes["b"], within]).toEqual([said, `|${said}|`]);
  });
});
