import type { CheckReport } from "../../src/lib/policy/check-report.ts";
import type { Finding, Severity } from "../../src/lib/policy/source.ts";
import { seededNumbers } from "./seeded.ts";

interface FindingOptions extends Partial<Omit<Finding, "place">> {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** MC301 in line 3 of roles.yaml, unless told otherwise. */
export function finding({ file = "roles.yaml", line = 3, column = 5, ...more }: FindingOptions = {}): Finding {
  return {
    code: "MC301",
    severity: "error",
    message: "dev-readonly may write to eks-rw",
    place: { file, line, column },
    length: 6,
    excerpt: "  - eks-rw",
    hint: "Remove the grant.",
    isUnreadable: false,
    ...more,
  };
}

/** A report about one small role file without findings, unless told otherwise. */
export function checkReport(more: Partial<CheckReport> = {}): CheckReport {
  return {
    title: "roles check",
    files: [{ label: "roles.yaml", contents: "roleMapping:\n  dev-readonly:\n  - eks-rw\n" }],
    findings: [],
    suppressed: [],
    skipped: [],
    ...more,
  };
}

export function manyFindings(count: number, severity: Severity): readonly Finding[] {
  return Array.from({ length: count }, (_, index) => finding({ severity, line: index + 1 }));
}

/** Texts that steer, break or fool what they are printed into, one way each. */
export const NASTY: readonly string[] = [
  "\u001b[31mred\u001b]8;;https://evil.example\u0007",
  "a ]]> b <![CDATA[ c",
  "::set-output name=x::y",
  "\n::error::forged",
  "\r\n  ::add-mask::*",
  "\u0085::stop-commands::x",
  "\u2028::error::x",
  "\u00ad::error::x",
  "x ##[error]forged",
  "###\u200d#[group]forged",
  "100%0A::error::x %25 %",
  "a, line=1:b",
  "a|b || c\\|d \\",
  "`code` ``more`` ```",
  "` ",
  "<script>alert(1)</script><!-- & &amp; \" '",
  "@everyone #1 https://evil.example www.evil.example [a](https://evil.example) ![b](x)",
  "**bold** _it_ ~~no~~ $x$",
  "user\u202etxt.exe",
  "zero\u200bwidth\ufeff",
  "hangul\u3164filler\ufe0f",
  "\ud800 half",
  "half \udc00",
  "nul\u0000\u0008\u000c",
  "\ufffe\uffff",
  "\u{e0001}\u{e0041}",
  "{0} {{1}}",
  "tab\there",
  "",
  " ",
];

/** Findings with nasty texts in every place that a file can fill, the same for the same seed. */
export function nastyReport(seed: number): CheckReport {
  const number = seededNumbers(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[number(items.length)] as Item;
  const nasty = (): string => Array.from({ length: 1 + number(3) }, () => pick(NASTY)).join(pick(["", " ", "b"]));
  const labels = ["roles.yaml", `a/${nasty()}`, nasty()];
  const nastyFinding = (): Finding =>
    finding({
      code: pick(["MC003", "MC301", "MC005", "MC402"]),
      severity: pick(["error", "warning", "info"]),
      file: pick(labels),
      line: 1 + number(9),
      column: 1 + number(12),
      length: 1 + number(12),
      message: nasty(),
      excerpt: pick([null, nasty()]),
      hint: pick([null, nasty()]),
    });
  return checkReport({
    files: labels.slice(0, 2).map((label) => ({ label, contents: nasty() })),
    findings: Array.from({ length: number(40) }, nastyFinding),
    suppressed: Array.from({ length: number(3) }, () => ({ finding: nastyFinding(), reason: nasty() })),
    skipped: Array.from({ length: number(3) }, (_, index) => ({ code: `MC50${index + 1}`, why: nasty() })),
  });
}

/** What a test of many random reports runs over. */
export const SEEDS: readonly number[] = Array.from({ length: 200 }, (_, seed) => seed);
