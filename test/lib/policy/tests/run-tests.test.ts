import { describe, expect, it } from "vitest";
import type { Policy } from "../../../../src/lib/policy/decide.ts";
import { readPolicyTests } from "../../../../src/lib/policy/tests/read-tests.ts";
import { MOST_FAILURES, runTests, type TestReport } from "../../../../src/lib/policy/tests/run-tests.ts";
import { policyOf, type Backends } from "../../../support/policy-of.ts";

const BACKENDS: Backends = {
  "eks-ro": ["stage", "ro", ["get_pods", "delete_pod"]],
  "eks-rw": ["stage", "rw"],
  costs: ["shared", "ro"],
};
const POLICY = policyOf(
  "  dev:\n    - {backend: eks-ro, tools: {allow: ['get_*'], deny: [get_secret]}}\n    - costs\n  ops: [eks-rw]\n",
  BACKENDS,
);

function run(tests: string, policy: Policy = POLICY): TestReport {
  const labels = { roles: "roles.yaml", backends: "backends.yaml" };
  const reading = readPolicyTests("t.yaml", Buffer.from(tests), policy, labels);
  expect(reading.findings).toEqual([]);
  const running = runTests(reading.tests, policy);
  for (let step = running.next(); ; step = running.next()) if (step.done === true) return step.value;
}

/** `expected deny, got allow granted at dev -> eks-ro get_pods`, one a failure. */
const failuresOf = (item: string): readonly string[] =>
  run(`tests:\n  - ${item}\n`).outcomes.flatMap(({ failures }) =>
    failures.map(({ expectation, judgement }) => {
      const { role, backend, tool, method, expect: wanted } = expectation;
      return `${role} -> ${backend} ${tool ?? method ?? "itself"}: ${wanted}, ${judgement.outcome} ${judgement.reason}`;
    }),
  );

describe("a case", () => {
  it.each([
    "{role: dev, backend: eks-ro, expect: allow}",
    "{role: dev, backend: eks-ro, tool: get_pods, expect: allow}",
    "{role: dev, backend: eks-ro, tool: get_secret, expect: deny, reason: tool_not_granted}",
    "{role: dev, backend: eks-ro, method: resources/read, expect: deny, reason: method_not_granted}",
    "{role: dev, backend: eks-rw, expect: deny}",
    "{role: dev, backend: eks-rw, tool: x, expect: deny, reason: backend_not_granted}",
    "{role: qa, backend: costs, expect: deny, reason: role_unknown}",
    "{role: dev, backend: ghost, expect: deny, reason: backend_unknown}",
  ])("passes: %s", (item) => {
    expect(failuresOf(item)).toEqual([]);
  });

  it.each([
    [
      "{role: dev, backend: eks-ro, tool: delete_pod, expect: allow}",
      "dev -> eks-ro delete_pod: allow, deny tool_not_granted",
    ],
    ["{role: dev, backend: eks-ro, tool: get_pods, expect: deny}", "dev -> eks-ro get_pods: deny, allow granted"],
    ["{role: dev, backend: eks-rw, expect: allow}", "dev -> eks-rw itself: allow, deny backend_not_granted"],
    [
      "{role: dev, backend: eks-rw, expect: deny, reason: tool_not_granted}",
      "dev -> eks-rw itself: deny, deny backend_not_granted",
    ],
    ["{role: dev, backend: costs, expect: deny, reason: role_unknown}", "dev -> costs itself: deny, allow granted"],
  ])("fails: %s", (item, failure) => {
    expect(failuresOf(item)).toEqual([failure]);
  });
});

describe("a matrix", () => {
  const matrix = (allow: string): string => `matrix: {roles: all, backends: all, allow: ${allow}}`;
  const NARROWED = "{backend: eks-ro, tools: {allow: ['get_*'], deny: [get_secret]}}";

  it("passes when it lists exactly what is granted, in other words too", () => {
    expect(failuresOf(matrix(`{dev: [costs, ${NARROWED}], ops: [eks-rw]}`))).toEqual([]);
  });

  it.each([
    ["lacks a grant", `{dev: [costs, ${NARROWED}]}`, ["ops -> eks-rw itself: deny, allow granted"]],
    [
      "lists what is not granted, once for each cell",
      `{dev: [costs, ${NARROWED}, eks-rw], ops: [eks-rw]}`,
      ["dev -> eks-rw itself: allow, deny backend_not_granted"],
    ],
    [
      "expects a whole backend that is narrowed",
      "{dev: [costs, eks-ro], ops: [eks-rw]}",
      ["dev -> eks-ro resources/read: allow, deny method_not_granted"],
    ],
    [
      "expects a narrowed backend that is whole",
      `{dev: [{backend: costs, tools: {allow: [sum]}}, ${NARROWED}], ops: [eks-rw]}`,
      ["dev -> costs any_other_tool: deny, allow granted", "dev -> costs resources/read: deny, allow granted"],
    ],
    [
      "allows a tool that the grant denies",
      "{dev: [costs, {backend: eks-ro, tools: {allow: ['get_*']}}], ops: [eks-rw]}",
      ["dev -> eks-ro get_secret: allow, deny tool_not_granted"],
    ],
    [
      "denies a tool that the grant allows",
      "{dev: [costs, {backend: eks-ro, tools: {allow: ['get_*'], deny: [get_secret, get_pods]}}], ops: [eks-rw]}",
      ["dev -> eks-ro get_pods: deny, allow granted"],
    ],
    [
      "names other tools by a pattern of its own",
      "{dev: [costs, {backend: eks-ro, tools: {allow: ['get_p*']}}], ops: [eks-rw]}",
      ["dev -> eks-ro get_: deny, allow granted", "dev -> eks-ro get_x: deny, allow granted"],
    ],
  ])("fails when it %s", (_what, allow, failures) => {
    expect(failuresOf(matrix(allow))).toEqual(failures);
  });

  it("keeps so many failures, counts the others, and says how far it is", () => {
    const names = Array.from({ length: 120 }, (_, index) => `b${index}`);
    const roles = names.map((name) => `  ${name}: [${names.join(", ")}]\n`).join("");
    const policy = policyOf(roles, Object.fromEntries(names.map((name) => [name, ["stage", "ro"] as const])));
    const labels = { roles: "", backends: "" };
    const nothing = Buffer.from("tests:\n  - matrix: {roles: all, backends: all, allow: {}}\n");
    const { tests } = readPolicyTests("t.yaml", nothing, policy, labels);
    const running = runTests([...tests, ...tests], policy);
    expect([running.next().value, running.next().value]).toEqual([10_000, 20_000]);
    const { outcomes } = running.next().value as TestReport;
    expect(outcomes.map(({ judged, failed, failures }) => [judged, failed, failures.length])).toEqual([
      [14_400, 14_400, MOST_FAILURES],
      [14_400, 14_400, 0],
    ]);
  });
});

describe("coverage", () => {
  /** `3 of 5: what is missing`. */
  const covered = (...items: readonly string[]): string => {
    const { total, covered, gaps } = run(`tests:\n${items.map((item) => `  - ${item}\n`).join("")}`).coverage;
    const missing = gaps.map(
      ({ role, grant, pattern }) =>
        `${role} ${grant.backend}${pattern === null ? "" : ` ${pattern.list} ${pattern.text}`}`,
    );
    return `${covered} of ${total}: ${missing.join(", ")}`;
  };

  it.each([
    [
      ["{role: dev, backend: eks-rw, expect: deny}"],
      "0 of 5: dev eks-ro, dev eks-ro allow get_*, dev eks-ro deny get_secret, dev costs, ops eks-rw",
    ],
    [
      ["{role: dev, backend: eks-ro, expect: allow}"],
      "1 of 5: dev eks-ro allow get_*, dev eks-ro deny get_secret, dev costs, ops eks-rw",
    ],
    [
      ["{role: dev, backend: eks-ro, tool: get_pods, expect: allow}"],
      "2 of 5: dev eks-ro deny get_secret, dev costs, ops eks-rw",
    ],
    [["{role: dev, backend: eks-ro, tool: get_secret, expect: deny}"], "3 of 5: dev costs, ops eks-rw"],
    [
      ["{role: ops, backend: eks-rw, tool: x, expect: allow}", "{role: dev, backend: costs, expect: deny}"],
      "2 of 5: dev eks-ro, dev eks-ro allow get_*, dev eks-ro deny get_secret",
    ],
    [["matrix: {roles: all, backends: all, allow: {}}"], "3 of 5: dev eks-ro allow get_*, dev eks-ro deny get_secret"],
    [
      [
        "matrix: {roles: [dev], backends: all, allow: {dev: [costs, {backend: eks-ro, tools: {allow: ['get_*'], deny: [get_secret]}}]}}",
      ],
      "4 of 5: ops eks-rw",
    ],
  ])("of %o", (items, report) => {
    expect(covered(...items)).toBe(report);
  });

  it("does not count a grant to a backend that the registry lacks", () => {
    const policy = policyOf("  dev: [costs, ghost]\n", BACKENDS);
    expect(run("tests: [{role: dev, backend: costs, expect: allow}]\n", policy).coverage).toEqual({
      total: 1,
      covered: 1,
      gaps: [],
    });
  });
});
