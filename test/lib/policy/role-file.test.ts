import { describe, expect, it } from "vitest";
import { readRoles } from "../../../src/lib/policy/role-file.ts";
import type { Finding } from "../../../src/lib/policy/source.ts";

const read = (text: string) => readRoles("roles.yaml", Buffer.from(text));
const grantsOf = (text: string): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries([...read(text).roles].map(([name, { grants }]) => [name, [...grants.keys()]]));
/** `line:column code message`, and `(read)` where the file could be read all the same. */
const brief = ({ place, code, message, isUnreadable }: Finding): string =>
  `${place.line}:${place.column} ${code} ${message}${isUnreadable ? "" : " (read)"}`;
const problems = (text: string): readonly string[] => read(text).findings.map(brief);
const item = (text: string): string => `roleMapping:\n  dev:\n    - ${text}\n`;

const place = (line: number, column: number) => ({ file: "roles.yaml", line, column });

describe("a role file that is read", () => {
  it("holds roles and grants in order, each with its place", () => {
    const { roles, findings } = read("roleMapping:\n  dev: [eks-ro, aws-ro]\n  ops:\n    - backend: eks-ro\n");
    expect(findings).toEqual([]);
    expect(
      [...roles.values()].map(({ name, place, grants }) => ({ name, place, grants: [...grants.values()] })),
    ).toEqual([
      {
        name: "dev",
        place: place(2, 3),
        grants: [
          { backend: "eks-ro", tools: null, place: place(2, 9) },
          { backend: "aws-ro", tools: null, place: place(2, 17) },
        ],
      },
      { name: "ops", place: place(3, 3), grants: [{ backend: "eks-ro", tools: null, place: place(4, 7) }] },
    ]);
  });

  it.each([
    ["{backend: a}", null],
    ["{backend: a, tools: {allow: [x]}}", { allow: ["x"], deny: [] }],
    ["{backend: a, tools: {deny: ['*_delete_*']}}", { allow: null, deny: ["*_delete_*"] }],
    ["{backend: a, tools: {allow: [], deny: []}}", { allow: [], deny: [] }],
    ["{backend: a, tools: {allow: []}}", { allow: [], deny: [] }],
  ])("narrows a grant by %s", (text, tools) => {
    expect(read(item(text)).findings).toEqual([]);
    expect(read(item(text)).roles.get("dev")?.grants.get("a")?.tools).toEqual(tools);
  });

  const PLAIN = "roleMapping:\n  dev:\n    - eks-ro\n";
  it.each([
    ["plain", PLAIN],
    ["with a byte order mark", `\ufeff${PLAIN}`],
    ["with CRLF", PLAIN.replaceAll("\n", "\r\n")],
    ["with both", `\ufeff${PLAIN.replaceAll("\n", "\r\n")}`],
    ["without its last line end", PLAIN.trimEnd()],
    ["as JSON", '{"roleMapping": {"dev": ["eks-ro"]}}'],
    ["with comments and a document marker", `# roles\n---\n${PLAIN}...\n`],
    ["between empty documents", `---\n---\n${PLAIN}---\n`],
    ["in a ConfigMap", `kind: ConfigMap\ndata:\n  roles.yaml: |\n${indent(PLAIN)}`],
    [
      "in a ConfigMap, folded to one line of JSON",
      `kind: ConfigMap\ndata:\n  r: '{"roleMapping": {"dev": ["eks-ro"]}}'\n`,
    ],
    ["in a ConfigMap with CRLF", `kind: ConfigMap\ndata:\n  r: |\n${indent(PLAIN)}`.replaceAll("\n", "\r\n")],
    ["in Helm values, as a mapping", `replicas: 2\nauth:\n${indent(PLAIN)}`],
    ["in Helm values, at the top", `replicas: 2\n${PLAIN}`],
    [
      "in a List of objects",
      `kind: List\nitems:\n  - kind: Other\n  - data:\n      r: |\n        roleMapping:\n          dev: [eks-ro]\n`,
    ],
    ["with quoted names", '"roleMapping":\n  "dev":\n    - "eks-ro"\n'],
    ["through an alias", "roleMapping:\n  dev: [&a eks-ro]\n"],
  ])("is the same %s", (_what, text) => {
    expect(problems(text)).toEqual([]);
    expect(grantsOf(text)).toEqual({ dev: ["eks-ro"] });
  });

  it("joins several documents, each with its own places", () => {
    const { roles, findings } = read("roleMapping:\n  dev: [a]\n---\nroleMapping:\n  ops: [b]\n");
    expect(findings).toEqual([]);
    expect([...roles.values()].map(({ name, place }) => [name, place.line])).toEqual([
      ["dev", 2],
      ["ops", 5],
    ]);
  });

  it("tells the place of a grant in its file wherever the file embeds it", () => {
    const places = [
      "kind: C\ndata:\n  r: |\n    # first\n    roleMapping:\n      dev:\n        - eks-ro\n",
      "kind: C\ndata:\n  r: |-\n\n\n    roleMapping:\n      dev:\n        - eks-ro\n",
      "kind: C\ndata:\n  r: |1\n    roleMapping:\n      dev:\n        - eks-ro\n",
      'kind: C\ndata:\n  r: "roleMapping: {dev: [eks-ro]}"\n',
    ].map((text) => read(text).roles.get("dev")?.grants.get("eks-ro")?.place);
    expect(places.map((place) => place && `${place.line}:${place.column}`)).toEqual(["7:11", "8:11", "6:11", "3:6"]);
  });

  it("may hold no role at all, and roles without grants", () => {
    expect(problems("roleMapping: {}\n")).toEqual([]);
    expect(grantsOf("roleMapping:\n  dev: []\n")).toEqual({ dev: [] });
  });
});

describe("a role file that could be read two ways", () => {
  it.each([
    ["a role twice", "roleMapping:\n  dev: [a]\n  dev: [b]\n", '3:3 MC101 the name "dev" stands here and in line 2'],
    [
      "a role twice, quoted once",
      'roleMapping:\n  dev: [a]\n  "dev": [b]\n',
      '3:3 MC101 the name "dev" stands here and in line 2',
    ],
    [
      "a role in two documents",
      "roleMapping:\n  dev: [a]\n---\nroleMapping:\n  dev: [b]\n",
      '5:3 MC101 the role "dev" stands here and at roles.yaml:2:3',
    ],
    [
      "roleMapping twice",
      "roleMapping: {}\nroleMapping: {}\n",
      '2:1 MC101 the name "roleMapping" stands here and in line 1',
    ],
    ["an unknown field", item("{backend: a, tool: {}}"), '3:20 MC002 unknown field "tool" in item 1 of "dev"'],
    [
      "an unknown field of tools",
      item("{backend: a, tools: {allow: [], except: []}}"),
      '3:39 MC002 unknown field "except" in "tools"',
    ],
    ["tools that are null", item("{backend: a, tools: }"), '3:27 MC002 "tools" must be a mapping, and is empty'],
    ["tools that are empty", item("{backend: a, tools: {}}"), '3:27 MC002 "tools" is empty, which says nothing'],
    [
      "an allow list that is null",
      item("{backend: a, tools: {allow: null}}"),
      '3:35 MC002 "allow" must be a list, and is empty',
    ],
    [
      "a deny list that is one text",
      item("{backend: a, tools: {deny: x}}"),
      '3:34 MC002 "deny" must be a list, and is the text "x"',
    ],
    [
      "a grant without its backend",
      item("{tools: {allow: []}}"),
      '3:7 MC002 item 1 of "dev" lacks the field "backend"',
    ],
    [
      "a merge key",
      "a: &a {dev: [x]}\nroleMapping:\n  <<: *a\n",
      "3:3 MC102 a merge key `<<` is merged by some parsers and a name to others",
    ],
    [
      "a %YAML directive",
      "%YAML 1.1\n---\nroleMapping: {}\n",
      "1:1 MC109 a %YAML directive changes how the rest is read",
    ],
    ["a tag", item("!!str eks-ro"), "3:13 MC109 the tag tag:yaml.org,2002:str changes how the value is read"],
    [
      "a tag on a name",
      "roleMapping:\n  !!str dev: [a]\n",
      "2:9 MC109 the tag tag:yaml.org,2002:str changes how the name is read",
    ],
    ["a name that is null", "roleMapping:\n  null: [a]\n", "2:3 MC002 a name must be a text; put it in quotes"],
    ["a name that is empty", "roleMapping:\n  ? \n  : [a]\n", "2:5 MC002 a name must be a text; put it in quotes"],
    ["a name that is a number", "roleMapping:\n  12: [a]\n", "2:3 MC002 a name must be a text; put it in quotes"],
    ["a name that is a list", "roleMapping:\n  ? [a]\n  : [b]\n", "2:5 MC002 a name must be a plain text"],
    [
      "the country code of Norway",
      "roleMapping:\n  no: [a]\n",
      "2:3 MC104 no without quotes is one value in YAML 1.1 and another in 1.2",
    ],
    ["a backend called on", item("on"), "3:7 MC104 on without quotes is one value in YAML 1.1 and another in 1.2"],
    ["an octal number", item("012"), "3:7 MC105 012 without quotes is one value in YAML 1.1 and another in 1.2"],
    [
      "a number in base 60",
      item("12:30"),
      "3:7 MC105 12:30 without quotes is one value in YAML 1.1 and another in 1.2",
    ],
    ["a date", item("2026-11-20"), "3:7 MC105 2026-11-20 without quotes is one value in YAML 1.1 and another in 1.2"],
    [
      "a number with underscores",
      item("1_000"),
      "3:7 MC105 1_000 without quotes is one value in YAML 1.1 and another in 1.2",
    ],
    ["a lone CR", "roleMapping:\r  dev: [a]\n", "1:13 MC110 U+000D: parsers differ on this character"],
    ["NEL", "roleMapping:\n  dev: [a]\u0085", "2:11 MC110 U+0085: parsers differ on this character"],
    [
      "LS in a comment",
      "# x\u2028roleMapping:\nroleMapping: {}\n",
      "1:4 MC110 U+2028: parsers differ on this character",
    ],
    ["PS", "roleMapping: {}\u2029", "1:16 MC110 U+2029: parsers differ on this character"],
    ["a control character", "roleMapping: {}\u0007\n", "1:16 MC110 U+0007: parsers differ on this character"],
    ["a second byte order mark", "roleMapping: {}\n\ufeff", "2:1 MC110 U+FEFF: parsers differ on this character"],
    [
      "two role mappings in one wrapper",
      "kind: C\na: {roleMapping: {}}\nb: {roleMapping: {}}\n",
      "3:5 MC002 the file holds a second `roleMapping`",
    ],
    [
      "a role mapping and the text of another",
      "a: {roleMapping: {}}\nb: |\n  roleMapping: {}\n",
      "2:4 MC002 the file holds a second `roleMapping`",
    ],
    [
      "a role mapping and another hidden in JSON",
      `a: {roleMapping: {}}\nb: '{"roleMapping": {}}'\n`,
      "2:4 MC002 the file holds a second `roleMapping`",
    ],
    [
      "a role mapping and another hidden by indentation",
      "a: {roleMapping: {}}\nb: |1\n   roleMapping: {}\n",
      "2:4 MC002 the file holds a second `roleMapping`",
    ],
    [
      "an embedded file with more than its role mapping",
      "kind: C\nr: |\n  other: 1\n  roleMapping: {}\n",
      "3:3 MC002 the embedded file has more than `roleMapping`",
    ],
    [
      "a control character that only the embedded text has",
      'kind: C\nr: "roleMapping: {}\\u0085"\n',
      "2:4 MC110 U+0085: parsers differ on this character",
    ],
  ])("has as its one finding %s", (_what, text, finding) => {
    expect(problems(text)).toEqual([finding]);
  });

  it("is told a backend that stands twice in one role, and can be read", () => {
    expect(problems("roleMapping:\n  dev:\n    - a\n    - {backend: a, tools: {allow: [x]}}\n")).toEqual([
      '4:7 MC004 dev is granted "a" here and in line 3 (read)',
    ]);
  });
});

describe("a role file that cannot be read", () => {
  it.each([
    ["is empty", "", "1:1 MC006 the file is empty"],
    ["holds comments only", "# roles\n", "1:1 MC006 the file is empty"],
    ["is a list", "- a\n", "1:1 MC002 the file is not a mapping with `roleMapping:`"],
    ["is a text", "roleMapping\n", "1:1 MC002 the file is not a mapping with `roleMapping:`"],
    ["is another file", "backends: {}\n", "1:1 MC002 the file holds no `roleMapping`"],
    ["has nothing under roleMapping", "roleMapping:\n", '1:13 MC002 "roleMapping" must be a mapping, and is empty'],
    ["has a role of nothing", "roleMapping:\n  dev:\n", '2:7 MC002 "dev" must be a list, and is empty'],
    [
      "has a role that is one text",
      "roleMapping:\n  dev: eks-ro\n",
      '2:8 MC002 "dev" must be a list, and is the text "eks-ro"',
    ],
    [
      "has a role called by a number",
      "roleMapping:\n  '12': eks-ro\n",
      '2:9 MC002 "12" must be a list, and is the text "eks-ro"',
    ],
    [
      "has a role with a capital",
      "roleMapping:\n  Dev: []\n",
      '2:3 MC203 "Dev" in "roleMapping" is no name: names are in lower case',
    ],
    [
      "has __proto__ for a role",
      "roleMapping:\n  __proto__: []\n",
      '2:3 MC002 "__proto__" in "roleMapping" is not a valid name',
    ],
    ["grants a pattern", item('"eks-*"'), '3:7 MC305 "eks-*" in item 1 of "dev" is no name: there are no wildcards'],
    ["grants an empty item", item(""), '3:7 MC002 item 1 of "dev" must be a text or a mapping, and is empty'],
    ["grants a list", item("[a]"), '3:7 MC002 item 1 of "dev" must be a text or a mapping, and is a list'],
    [
      "lost a dash",
      "roleMapping:\n  dev:\n    - eks-ro\n      aws-ro\n",
      '3:7 MC107 "eks-ro aws-ro" in item 1 of "dev" is read as one name',
    ],
    [
      "has a comment glued to a name",
      item("eks-ro#x"),
      '3:7 MC108 "eks-ro#x" in item 1 of "dev" is read as a name, the # included',
    ],
    ["grants a bare star", item("*"), "3:7 MC305 `*` is an alias to YAML, and no wildcard"],
    [
      "grants a star with more behind it",
      item("*-ro"),
      "3:7 MC305 *-ro is an alias without an anchor before it; * is no wildcard",
    ],
    [
      "grants a name with a Cyrillic letter",
      item("\u0435ks-ro"),
      '3:7 MC204 "\u0435ks-ro" in item 1 of "dev" is no name: it holds U+0435, which is not what it looks like, or cannot be seen',
    ],
    [
      "grants a name with a zero-width space",
      item("eks\u200b-ro"),
      '3:7 MC204 "eks\u200b-ro" in item 1 of "dev" is no name: it holds U+200B, which is not what it looks like, or cannot be seen',
    ],
    [
      "grants a path",
      item("prod/eks-ro"),
      '3:7 MC205 "prod/eks-ro" in item 1 of "dev" is no name: / and : separate parts of a key\'s record',
    ],
    ["is indented with a tab", "roleMapping:\n\tdev: []\n", "2:1 MC106 Tabs are not allowed as indentation"],
  ])("%s", (_what, text, finding) => {
    expect(problems(text)).toEqual([finding]);
  });

  it("is not UTF-8", () => {
    expect(readRoles("roles.yaml", Uint8Array.of(0x72, 0xff)).findings.map(brief)).toEqual([
      "1:1 MC001 the file is not UTF-8",
    ]);
  });

  it("tells every misfit at once, in the order of the file", () => {
    expect(problems("roleMapping:\n  Dev: [a]\n  ops: [B, c]\n  qa: x\n")).toEqual([
      '2:3 MC203 "Dev" in "roleMapping" is no name: names are in lower case',
      '3:9 MC203 "B" in item 1 of "ops" is no name: names are in lower case',
      '4:7 MC002 "qa" must be a list, and is the text "x"',
    ]);
  });

  it("shows the line of the file itself, also where it embeds the roles", () => {
    const excerpts = [
      "\ufeffroleMapping: x\n",
      "kind: C\ndata:\n  r: |\n    roleMapping:\n      dev: x\n",
      'kind: C\ndata:\n  r: "roleMapping: x"\n',
    ].map((text) => read(text).findings.map(({ place, excerpt }) => [`${place.line}:${place.column}`, excerpt]));
    expect(excerpts).toEqual([
      [["1:14", "roleMapping: x"]],
      [["5:12", "      dev: x"]],
      [["3:6", '  r: "roleMapping: x"']],
    ]);
  });

  it("is nested too deeply, or multiplies itself", () => {
    expect(problems(`roleMapping: ${"[".repeat(100)}${"]".repeat(100)}\n`)).toEqual([
      "1:46 MC001 nested too deeply to be read",
    ]);
    const levels = Array.from(
      { length: 9 },
      (_, at) => `l${at + 1}: &l${at + 1} [${`*l${at}, `.repeat(9)}*l${at}]\n`,
    ).join("");
    const [bomb] = problems(`l0: &l0 [x]\n${levels}roleMapping: {}\n`);
    expect(bomb).toMatch(/^\d+:\d+ MC103 aliases repeat more values than can be read$/);
  });
});

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "    ");
}
