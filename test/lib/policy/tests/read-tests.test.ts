import { describe, expect, it } from "vitest";
import type { AllowedCell } from "../../../../src/lib/policy/tests/policy-test.ts";
import { readPolicyTests } from "../../../../src/lib/policy/tests/read-tests.ts";
import { policyOf } from "../../../support/policy-of.ts";

const POLICY = policyOf("  dev: [eks-ro]\n  ops: [eks-rw]\n", { "eks-ro": ["stage", "ro"], "eks-rw": ["stage", "rw"] });
const LABELS = { roles: "roles.yaml", backends: "backends.yaml" };
const read = (text: string | Uint8Array) => readPolicyTests("t.yaml", Buffer.from(text), POLICY, LABELS);
const place = (line: number, column: number) => ({ file: "t.yaml", line, column });

/** What is told of one item, as `line:column message | hint`. */
const told = (item: string): readonly string[] =>
  read(`tests:\n  - ${item}\n`).findings.map(
    ({ place: { line, column }, message, hint }) => `${line}:${column} ${message} | ${hint}`,
  );

describe("readPolicyTests", () => {
  it("reads a case with its place, and calls it by what it asks where it has no name", () => {
    const { tests, findings } = read(
      "tests:\n  - {role: dev, backend: eks-rw, tool: x, expect: deny, reason: backend_not_granted}\n",
    );
    const expectation = {
      layer: "gateway",
      args: new Map(),
      role: "dev",
      backend: "eks-rw",
      method: "tools/call",
      tool: "x",
      expect: "deny",
      reason: "backend_not_granted",
      place: place(2, 5),
    };
    const name = "dev -> eks-rw, tool x: deny";
    expect({ tests, findings }).toEqual({
      tests: [{ kind: "case", name, place: place(2, 5), expectation }],
      findings: [],
    });
  });

  it("reads a matrix, `all` being every role and backend", () => {
    const allow = "{dev: [eks-ro], ops: [{backend: eks-rw, tools: {allow: [a], deny: [b]}}]}";
    expect(
      read(`tests:\n  - name: m\n    matrix:\n      roles: all\n      backends: all\n      allow: ${allow}\n`),
    ).toEqual({
      tests: [
        {
          kind: "matrix",
          name: "m",
          place: place(2, 5),
          roles: new Set(["dev", "ops"]),
          backends: new Set(["eks-ro", "eks-rw"]),
          allow: new Map<string, ReadonlyMap<string, AllowedCell>>([
            ["dev", new Map([["eks-ro", { tools: null, place: place(6, 21) }]])],
            ["ops", new Map([["eks-rw", { tools: { allow: ["a"], deny: ["b"] }, place: place(6, 36) }]])],
          ]),
        },
      ],
      findings: [],
    });
  });

  it("joins several documents", () => {
    const one = "tests: [{role: dev, backend: eks-ro, expect: allow}]\n";
    expect(read(`${one}---\n${one}`).tests.map((test) => test.place)).toEqual([place(1, 9), place(3, 9)]);
  });

  it.each([
    ["{role: dev, backend: eks-ro, layer: gateway, expect: allow}"],
    ["{role: dev, backend: eks-ro, tool: x, layer: kubernetes, args: {namespace: stage}, expect: deny}"],
    ["{role: dev, backend: eks-ro, tool: x, layer: all, expect: deny}"],
    ["{role: gone, backend: eks-ro, expect: deny, reason: role_unknown}"],
    ["{role: dev, backend: gone, expect: deny, reason: backend_unknown}"],
    ["{role: dev, backend: eks-ro, method: resources/read, expect: allow}"],
    ["matrix: {roles: [dev], backends: [eks-ro], allow: {}}"],
  ])("takes %s", (item) => {
    expect(told(item)).toEqual([]);
  });

  it.each([
    ["{role: dve, backend: eks-ro, expect: deny}", '2:12 there is no role "dve" in roles.yaml | Did you mean dev?'],
    [
      "{role: dev, backend: eks-r0, expect: deny}",
      '2:26 there is no backend "eks-r0" in backends.yaml | Did you mean eks-ro?',
    ],
    [
      "{role: qa, backend: eks-ro, expect: deny, reason: backend_unknown}",
      '2:12 there is no role "qa" in roles.yaml | Correct it; a case about what is not there says `reason: role_unknown`.',
    ],
    [
      "{role: dev, backend: eks-ro, layer: kubernetes, expect: deny}",
      "2:34 what kubernetes says depends on the tool, and none is named | Add `tool`.",
    ],
    [
      "{role: dev, backend: eks-ro, tool: x, args: {a: b}, expect: deny}",
      "2:43 the gateway does not look at `args` | Remove them, or name another `layer`.",
    ],
    [
      "{role: dev, backend: eks-ro, tool: x, layer: aws, expect: deny, reason: role_unknown}",
      "2:69 `reason` is from the gateway's list, and another layer is asked | Remove it.",
    ],
    [
      "{layer: aws, matrix: {roles: [dev], backends: [eks-ro], allow: {}}}",
      "2:13 a matrix is of roles and backends, which the gateway alone knows | Write cases.",
    ],
    [
      "{role: dev, backend: eks-ro, tool: x, method: ping, expect: allow}",
      "2:43 a tool is called by tools/call, so `method` beside `tool` says nothing | Remove it.",
    ],
    [
      "{role: dev, backend: eks-ro, method: tools/call, expect: allow}",
      "2:5 tools/call calls a tool, and none is named | Name it as `tool` instead of the method.",
    ],
    [
      "{role: dev, backend: eks-ro, expect: allow, reason: role_unknown}",
      "2:49 `reason` tells why a call is denied, and this one is to be allowed | Remove it.",
    ],
    ["{role: dev, backend: eks-ro}", '2:5 item 1 of "tests" lacks the field "expect" | null'],
    ["{role: dev, backend: eks-ro, expect: alow}", '2:42 "expect" must be one of allow, deny | Did you mean allow?'],
    [
      "{role: dev, backend: eks-ro, expect: deny, reason: key_unknown}",
      '2:56 "reason" must be one of role_unknown, backend_unknown, backend_not_granted, tool_not_granted, method_not_granted | Did you mean role_unknown?',
    ],
    [
      "{rol: dev, role: dev, backend: eks-ro, expect: allow}",
      '2:6 unknown field "rol" in item 1 of "tests" | Remove it, or correct its name.',
    ],
    ["eks-ro", '2:5 item 1 of "tests" must be a mapping, and is the text "eks-ro"'],
    [
      "matrix: {roles: all, backends: [], allow: {}}",
      "2:36 the matrix is empty, so it would pass whatever the roles say | null",
    ],
    ["matrix: {roles: every, backends: all, allow: {}}", '2:21 "roles" must be one of all | null'],
    ["matrix: {roles: [dev, dev], backends: all, allow: {}}", '2:27 "dev" stands here twice | Remove one of the two.'],
    [
      "matrix: {roles: [dev], backends: all, allow: {dev: [eks-ro, eks-ro]}}",
      '2:65 "eks-ro" stands here twice | Remove one of the two.',
    ],
    [
      "matrix: {roles: [dev], backends: all, allow: {ops: []}}",
      '2:51 the matrix does not hold the role "ops" that it allows something | Add it to `roles`, or remove it here.',
    ],
    [
      "matrix: {roles: all, backends: [eks-ro], allow: {ops: [eks-rw]}}",
      '2:60 the matrix does not hold the backend "eks-rw" that it allows | Add it to `backends`, or remove it here.',
    ],
    ["matrix: {roles: [dev], backends: all, allow: null}", '2:50 "allow" must be a mapping, and is empty'],
  ])("refuses %s", (item, message) => {
    expect(told(item).map((line) => line.slice(0, message.length))).toEqual([message]);
  });

  it.each([
    ["", "1:1 MC006 the file holds no test"],
    ["tests: []\n", "1:1 MC006 the file holds no test"],
    ["tests:\n", '1:7 MC002 "tests" must be a list, and is empty'],
    ["- a\n", "1:1 MC002 the file must be a mapping, and is a list"],
    ["tests: [\n", "MC001"],
    ["tests: &a [*a]\n", ""],
    ["tests: []\u0000", "1:10 MC110"],
    [Uint8Array.of(0xff, 0xfe), "1:1 MC001 the file is not UTF-8"],
    ["__proto__: {}\ntests: []\n", '1:1 MC002 unknown field "__proto__" in the file'],
  ])("has no test for %o, and says why", (text, message) => {
    const { tests, findings } = read(text);
    expect(tests).toEqual([]);
    expect(findings[0]?.isUnreadable).toBe(true);
    const [first] = findings.map((f) => `${f.place.line}:${f.place.column} ${f.code} ${f.message}`);
    expect(first).toContain(message);
  });

  it("tells fifty wrong names and no more", () => {
    const items = Array.from({ length: 60 }, (_, index) => `  - {role: r${index}, backend: eks-ro, expect: deny}\n`);
    expect(read(`tests:\n${items.join("")}`).findings).toHaveLength(50);
  });
});
