import { Chalk } from "chalk";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { formatFinding } from "../../../src/lib/output/findings.ts";
import { printable } from "../../../src/lib/output/printable.ts";
import { render } from "../../../src/lib/output/render.ts";
import type { Finding } from "../../../src/lib/policy/source.ts";

const plain = new Chalk({ level: 0 });
const coloured = new Chalk({ level: 1 });
const VIEW = {
  data: [{ id: "k_1", role: null }],
  table: {
    columns: ["KEY", "ROLE"],
    rows: [
      ["k_1", "-"],
      ["k_22", "dev\u001b[31m\u202e"],
    ],
  },
  names: ["k_1", "k_22"],
};

describe("render", () => {
  it.each(["json", "yaml"] as const)("lets no text of %s steer a terminal, and changes none", async (format) => {
    const data = { reason: "a\u009b2J\u202e\u0007\u007f\nb \\u009b" };
    const text = await render({ data }, { format, isTerminal: true, paint: plain });
    expect(text.replaceAll("\n", "")).toBe(printable(text.replaceAll("\n", "")));
    expect(parse(text)).toEqual(data);
  });

  it.each([
    ["json", '[\n  {\n    "id": "k_1",\n    "role": null\n  }\n]\n'],
    ["yaml", '- id: "k_1"\n  role: null\n'],
    ["name", "k_1\nk_22\n"],
    ["table", "k_1\t-\nk_22\tdev\\u001b[31m\\u202e\n"],
    [null, "k_1\t-\nk_22\tdev\\u001b[31m\\u202e\n"],
  ] as const)("prints %s to a pipe", async (format, text) => {
    expect(await render(VIEW, { format, isTerminal: false, paint: plain })).toBe(text);
  });

  it.each(["json", "yaml"] as const)(
    "prints as %s nothing that could steer a terminal, and the same data",
    async (format) => {
      const bad = "\u001b[2J\u009b\u0085\u202e\u2028\u007f\t\n\\ ü😀";
      const data = [{ text: bad, more: bad.repeat(20), list: [bad, null] }];
      const printed = await render({ data }, { format, isTerminal: true, paint: plain });
      expect(printed).not.toMatch(/[\u001b\u007f-\u009f\u2028\u202e]/);
      expect(format === "json" ? JSON.parse(printed) : parse(printed)).toEqual(data);
    },
  );

  it("draws the table with a header on a terminal", async () => {
    expect(await render(VIEW, { format: null, isTerminal: true, paint: plain })).toBe(
      "KEY   ROLE\nk_1   -\nk_22  dev\\u001b[31m\\u202e\n",
    );
    const header = (await render(VIEW, { format: "table", isTerminal: true, paint: coloured })).split("\n")[0];
    expect(header).toContain("\u001b[1mKEY\u001b[22m");
  });

  it("prints nothing for an empty table, and [] for empty data", async () => {
    const empty = { data: [], table: { columns: ["KEY"], rows: [] }, names: [] };
    const printed = [true, false].flatMap((isTerminal) =>
      ([null, "name", "json", "yaml"] as const).map((format) => render(empty, { format, isTerminal, paint: plain })),
    );
    expect(await Promise.all(printed)).toEqual(["", "", "[]\n", "[]\n", "", "", "[]\n", "[]\n"]);
  });

  it("prefers a text of the view's own, and leaves its line end alone", async () => {
    const view = { data: {}, text: () => "yes\n", table: VIEW.table };
    expect(await render(view, { format: null, isTerminal: true, paint: plain })).toBe("yes\n");
    expect(await render(view, { format: "text", isTerminal: false, paint: plain })).toBe("yes\n");
  });
});

describe("printable", () => {
  it("shows what could reorder or break a line", () => {
    expect(printable("a\u061cb\u2028c\u2029d\u200ee\u2069")).toBe("a\\u061cb\\u2028c\\u2029d\\u200ee\\u2069");
  });

  it("leaves letters of every script as they are", () => {
    const text = "ü ß ش שלום \u060c\u061b\u061f\u2027 日本 😀";
    expect(printable(text)).toBe(text);
  });

  it("shows what could steer a terminal", () => {
    expect(printable("a\u001b[2J\u0007\u0000\r\n\t\u007f\u0085\u009b\u200e\u202e\u2066ü😀")).toBe(
      "a\\u001b[2J\\u0007\\u0000\\u000d\\u000a\\u0009\\u007f\\u0085\\u009b\\u200e\\u202e\\u2066ü😀",
    );
  });
});

const finding = (more: Partial<Finding> = {}): Finding => ({
  code: "MC003",
  severity: "error",
  message: "no such backend",
  place: { file: "roles.yaml", line: 12, column: 7 },
  length: 6,
  excerpt: "    - eks-r0",
  hint: "Did you mean eks-ro?",
  isUnreadable: false,
  ...more,
});
const lines = (excerpt: string, column: number) =>
  formatFinding(finding({ excerpt, length: 1, hint: null, place: { file: "f", line: 1, column } }), plain)
    .split("\n")
    .slice(1);

describe("formatFinding", () => {
  it("marks the spot under the line", () => {
    expect(formatFinding(finding(), plain)).toBe(
      "roles.yaml:12:7 error MC003 no such backend\n  12 |     - eks-r0\n     |       ^~~~~~\n  Did you mean eks-ro?",
    );
  });

  it("marks it after tabs and after what had to be made visible", () => {
    expect(lines("\ta\tb", 4)).toEqual(["  1 | \ta\tb", "    | \t \t^"]);
    expect(lines("\u202eab", 3)).toEqual(["  1 | \\u202eab", "    |        ^"]);
  });

  it("says only what it knows", () => {
    expect(formatFinding(finding({ excerpt: null, hint: null, severity: "warning" }), plain)).toBe(
      "roles.yaml:12:7 warning MC003 no such backend",
    );
  });

  it("lets no text of a file steer the terminal", () => {
    const nasty = finding({
      message: "\u001b[2J",
      hint: "\u001b[2J",
      excerpt: "\u202e",
      place: { file: "\u001b[2J", line: 1, column: 1 },
    });
    expect(formatFinding(nasty, plain)).not.toMatch(/[\u001b\u202e]/);
  });

  it.each([
    ["error", "\u001b[31merror\u001b[39m"],
    ["warning", "\u001b[33mwarning\u001b[39m"],
    ["info", "\u001b[36minfo\u001b[39m"],
  ] as const)("paints an %s", (severity, painted) => {
    expect(formatFinding(finding({ severity }), coloured)).toContain(painted);
  });
});
