import { describe, expect, it } from "vitest";
import { dot } from "../../../src/lib/output/picture/dot.ts";
import { mermaid } from "../../../src/lib/output/picture/mermaid.ts";
import { svg } from "../../../src/lib/output/picture/svg.ts";
import type { Matrix } from "../../../src/lib/policy/matrix.ts";
import { matrixOf } from "../../../src/lib/policy/matrix.ts";
import { policyOf, type Backends } from "../../support/policy-of.ts";
import { xmlProblem } from "../../support/well-formed-xml.ts";

const ALL = { roles: [], backends: [], environments: [], isWriteOnly: false };
const SMALL = matrixOf(
  policyOf("  dev: [ro, {backend: rw, tools: {allow: [x]}}]\n", { ro: ["stage", "ro"], rw: ["prod", "rw"] }),
  ALL,
);

/** The names of files are checked before anything is drawn; a picture must not rely on that. */
const EVIL = [
  'a"]; x["b',
  "a\\",
  '\\N"',
  "<script>alert(1)</script>",
  "%%{init: {}}%%",
  'a\nclick r0 "javascript:x"',
  "\u202e\u0000]]>&#0;",
  "`**x**`",
];
const place = { file: "f", line: 1, column: 1 };
const BACKENDS = EVIL.map((name) => ({
  name,
  service: "s",
  environment: name,
  access: "rw" as const,
  owner: "o",
  url: "",
  path: "mcp",
  place,
}));
const HOSTILE: Matrix = {
  roles: EVIL.map((name) => ({ name, grants: new Map(), place })),
  backends: BACKENDS,
  cells: BACKENDS.map((backend) => ({
    role: { name: backend.name, grants: new Map(), place },
    backend,
    grant: { backend: backend.name, tools: null, place },
  })),
  ungranted: 0,
};

describe("mermaid", () => {
  it("draws environments as boxes, write access as thick lines and production with a border", () => {
    expect(mermaid(SMALL)).toBe(`flowchart LR
  r0(["dev"])
  subgraph e0["stage"]
    b0["ro"]
  end
  subgraph e1["prod"]
    b1["rw"]
  end
  r0 -->|"ro"| b0
  r0 ==>|"rw, some tools"| b1
  classDef production stroke:#b3261e,stroke-width:3px
  class b1 production`);
  });

  it("has nothing but its own words and texts of entities in quotes", () => {
    const lines = mermaid(HOSTILE).split("\n");
    const known =
      /^(flowchart LR| {2}r\d+\(\["[^"<>%`&]*"\]\)| {2}subgraph e\d+\["[^"<>%`&]*"\]| {4}b\d+\["[^"<>%`&]*"\]| {2}end| {2}r\d+ ==>\|"rw"\| b\d+)$/;
    expect(lines.filter((line) => !known.test(line))).toEqual([]);
    expect(lines).toHaveLength(1 + EVIL.length * 5);
  });
});

describe("dot", () => {
  it("draws environments as clusters, write access as thick lines, some tools as dashed ones", () => {
    expect(dot(SMALL)).toBe(`digraph roles {
  rankdir=LR;
  node [shape=box, fontname="sans-serif"];
  r0 [label="dev", style=rounded];
  subgraph cluster_0 {
    label="stage";
    b0 [label="ro\\nro"];
  }
  subgraph cluster_1 {
    label="prod";
    b1 [label="rw\\nrw", color="#b3261e", penwidth=2];
  }
  r0 -> b0;
  r0 -> b1 [penwidth=3, style=dashed];
}`);
  });

  it("lets no text end its quotes, begin an escape or an entity", () => {
    const lines = dot(HOSTILE).split("\n");
    const quoted = '"(?:[^"\\\\&]|\\\\\\\\|\\\\"|\\\\n|&amp;)*"';
    const known = new RegExp(
      `^(digraph roles \\{| {2}rankdir=LR;| {2}node .*| {2}r\\d+ \\[label=${quoted}, style=rounded\\];| {2}subgraph cluster_\\d+ \\{| {4}label=${quoted};| {4}b\\d+ \\[label=${quoted}\\];| {2}\\}| {2}r\\d+ -> b\\d+ \\[penwidth=3\\];|\\})$`,
    );
    expect(lines.filter((line) => !known.test(line))).toEqual([]);
    expect(lines).toHaveLength(4 + EVIL.length * 6);
  });
});

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Where each text of a picture stands; its height is what letters of 13 pixels take. */
function textBoxes(picture: string): readonly Box[] {
  const pattern = /<text x="([\d.]+)" y="([\d.]+)" textLength="(\d+)"([^>]*)>/g;
  return [...picture.matchAll(pattern)].map(([, x, y, length, more]) => {
    const [left, bottom, long] = [Number(x), Number(y), Number(length)];
    return more?.includes("rotate(-90") === true
      ? { left: left - 10, right: left + 3, top: bottom - long, bottom }
      : { left, right: left + long, top: bottom - 10, bottom: bottom + 3 };
  });
}

const overlap = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

describe("svg", () => {
  const sizes = (roles: number, backends: number, long = ""): Matrix => {
    const names = Array.from({ length: backends }, (_, index) => `b${index}${long}`);
    const registry: Backends = Object.fromEntries(
      names.map((name, index) => [name, [index % 3 === 0 ? "prod" : "stage", index % 2 === 0 ? "rw" : "ro"]]),
    );
    const mapping = Array.from(
      { length: roles },
      (_, index) => `  r${index}${long}: [${names.filter((_name, at) => (at + index) % 2 === 0).join(", ")}]\n`,
    );
    return matrixOf(policyOf(mapping.join(""), registry), ALL);
  };

  it.each([
    ["2 roles and 11 backends", sizes(2, 11)],
    ["1 of each", sizes(1, 1)],
    ["names as long as they may be", sizes(3, 4, "x".repeat(58))],
    ["as many lying names as there may be", sizes(6, 5)],
    ["upright names", sizes(7, 5, "-readonly")],
    ["many", sizes(40, 60)],
  ])("of %s is XML whose texts lie within it and do not overlap", (_what, matrix) => {
    const picture = svg(matrix);
    expect(xmlProblem(picture)).toBeNull();
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(picture) ?? [];
    const boxes = textBoxes(picture);
    expect(boxes).toHaveLength(matrix.roles.length + matrix.backends.length * 2 + matrix.cells.length + 1);
    const outside = boxes.filter(
      ({ left, top, right, bottom }) => left < 0 || top < 0 || right > Number(width) || bottom > Number(height),
    );
    expect(outside).toEqual([]);
    expect(boxes.flatMap((a, index) => boxes.slice(index + 1).filter((b) => overlap(a, b)))).toEqual([]);
  });

  it("holds no script, link, style, handler or reference, whatever the names are", () => {
    const picture = svg(HOSTILE);
    expect(xmlProblem(picture)).toBeNull();
    const elements = [...picture.matchAll(/<\/?([a-z]+)/gi)].map(([, name]) => name);
    expect(new Set(elements)).toEqual(new Set(["svg", "title", "rect", "text"]));
    const attributes = [...picture.replace(/<\?xml.*\?>/, "").matchAll(/ ([a-z:A-Z-]+)=/g)].map(([, name]) => name);
    expect(new Set(attributes)).toEqual(
      new Set([
        "fill",
        "font-family",
        "font-size",
        "font-weight",
        "height",
        "lengthAdjust",
        "role",
        "rx",
        "textLength",
        "transform",
        "viewBox",
        "width",
        "x",
        "xmlns",
        "y",
      ]),
    );
    expect(picture.match(/https?:[^"]*/g)).toEqual(["http://www.w3.org/2000/svg"]);
  });
});
