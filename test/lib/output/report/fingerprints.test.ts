import { describe, expect, it } from "vitest";
import { fingerprints } from "../../../../src/lib/output/report/fingerprints.ts";
import type { Finding } from "../../../../src/lib/policy/source.ts";
import { finding } from "../../../support/check-report.ts";

const LINES = ["roleMapping:", "  dev:", "  - eks-rw", "  ops:", "  - eks-rw", "  - aws-rw"];

/** MC301 on each line that grants write access, with what its file says of it. */
function prints(lines: readonly string[], file = "roles.yaml"): Readonly<Record<string, string>> {
  const found: readonly Finding[] = lines.flatMap((text, index) =>
    text.includes("-rw") ? [finding({ file, line: index + 1, excerpt: text })] : [],
  );
  const hashes = fingerprints(found, [{ label: file, contents: lines.join("\n") }]);
  return Object.fromEntries(found.map(({ place }, index) => [`${place.line}`, hashes[index] as string]));
}

describe("fingerprints", () => {
  it("are the same for the same file, and different for each finding", () => {
    const first = prints(LINES);
    expect(first).toEqual({
      "3": "191c91cdbaf48625:1",
      "5": "191c91cdbaf48625:2",
      "6": "8eccec5eba39119b:1",
    });
    expect(prints(LINES)).toEqual(first);
  });

  it("move with their lines, whatever is put in before or after", () => {
    const before = prints(LINES);
    const after = prints(["# by the platform team", "", ...LINES, "  - github-rw", "  qa:"]);
    expect([after["5"], after["7"], after["8"]]).toEqual([before["3"], before["5"], before["6"]]);
  });

  it("stay when a line is indented, ends with CRLF, or a byte order mark comes or goes", () => {
    const before = Object.values(prints(["- eks-rw", ...LINES]));
    expect(Object.values(prints(["\ufeff- eks-rw", ...LINES.map((line) => `  ${line}\r`)]))).toEqual(before);
  });

  it("differ from file to file and from rule to rule", () => {
    const [there] = fingerprints([finding({ file: "b.yaml" })], []);
    const [other] = fingerprints([finding({ code: "MC302" })], []);
    expect(new Set([there, other, fingerprints([finding()], [])[0]]).size).toBe(3);
  });

  it("look at the whole line, of which an excerpt is the beginning", () => {
    const [start, excerpt] = ["x".repeat(200), "x".repeat(200)];
    const found = [1, 2].map((line) => finding({ line, excerpt }));
    const hashes = fingerprints(found, [{ label: "roles.yaml", contents: `${start}a\n${start}b` }]);
    expect(hashes.map((hash) => hash.split(":")[1])).toEqual(["1", "1"]);
  });

  it("take the excerpt where the file is not at hand, and nothing where there is none", () => {
    const file = { label: "roles.yaml", contents: "\n\n  - eks-rw" };
    expect(fingerprints([finding()], [])).toEqual(fingerprints([finding()], [file]));
    expect(fingerprints([finding({ excerpt: null, line: 9 })], [file])).toEqual(
      fingerprints([finding({ excerpt: "" })], []),
    );
  });
});
