import { describe, expect, it } from "vitest";
import { applyEdits } from "../../../src/lib/policy/line-edits.ts";
import { mend } from "../../../src/lib/policy/mend.ts";
import { readRoles, type RolesReading } from "../../../src/lib/policy/role-file.ts";
import { checkPolicy } from "../../../src/lib/policy/rules/check-policy.ts";
import { roleShape } from "../../../src/lib/policy/grant-shape.ts";
import { requestOf } from "../../support/check-text.ts";
import { seededNumbers } from "../../support/seeded.ts";

const mended = (text: string): string => mend(requestOf({ roles: [text] })).request.roles[0]?.source.text ?? "";
const grantsOf = ({ roles }: RolesReading): readonly string[] =>
  [...roles.values()].map((role) => `${role.name} ${roleShape(role)}`);

describe("mend", () => {
  it.each([
    ["quotes a word", "roleMapping:\n  on: [no, eks-ro] # on\n", 'roleMapping:\n  "on": ["no", eks-ro] # on\n'],
    ["quotes a number", "roleMapping:\n  012:\n  - 1_0 # ten\n", 'roleMapping:\n  "012":\n  - "1_0" # ten\n'],
    [
      "removes the second of two equal lines",
      "roleMapping:\n  dev:\n    - eks-ro # first\n    - eks-ro\n",
      "roleMapping:\n  dev:\n    - eks-ro # first\n",
    ],
    ["removes it with CRLF", "roleMapping:\r\n  dev:\r\n  - a\r\n  - a\r\n", "roleMapping:\r\n  dev:\r\n  - a\r\n"],
    ["removes it at the end of a file", "roleMapping:\n  dev:\n  - a\n  - a", "roleMapping:\n  dev:\n  - a\n"],
    [
      "removes a comment that silences nothing",
      "roleMapping:\n  dev: [eks-ro] # mcpctl-ignore MC302: x\n",
      "roleMapping:\n  dev: [eks-ro]\n",
    ],
    [
      "removes it with its line",
      "\ufeffroleMapping:\n  # mcpctl-ignore MC302: x\n  dev: [eks-ro]\n",
      "\ufeffroleMapping:\n  dev: [eks-ro]\n",
    ],
    [
      "does so in a ConfigMap, where it lies",
      "kind: ConfigMap\ndata:\n  r: |-\n    roleMapping:\n      # mcpctl-ignore MC302: x\n      dev:\n        - no\n        - no\n",
      'kind: ConfigMap\ndata:\n  r: |-\n    roleMapping:\n      dev:\n        - "no"\n',
    ],
  ])("%s", (_what, before, after) => {
    expect(mended(before)).toBe(after);
    expect(mended(after)).toBe(after);
  });

  it.each([
    ["a second line that a comment explains", "roleMapping:\n  dev:\n  - a\n  - a # why\n"],
    [
      "a second line that narrows the first",
      "roleMapping:\n  dev:\n  - a\n  - { backend: a, tools: { allow: [x] } }\n",
    ],
    ["a second grant in a flow list", "roleMapping:\n  dev: [a, a]\n"],
    ["a suppression that has expired", "roleMapping:\n  dev:\n  - aws-rw # mcpctl-ignore MC302 until=2020-01-01: x\n"],
    ["a suppression of a rule that was not run", "roleMapping:\n  dev: [eks-ro] # mcpctl-ignore MC502: x\n"],
    ["a text in quotes inside another file", 'a: 1\nb: "roleMapping:\\n  on: [a]\\n"\n'],
    ["what cannot be read", "roleMapping: [\n"],
    ["a typo", "roleMapping:\n  dev: [eks-r0]\n"],
  ])("leaves %s", (_what, text) => {
    expect(mended(text)).toBe(text);
  });

  it("mends the registry as well", () => {
    const backends = 'backends:\n  a: { service: no, environment: e, access: ro, owner: o, url: "http://a" }\n';
    expect(mend(requestOf({ roles: ["roleMapping: {dev: [a]}\n"], backends })).request.registry.source.text).toBe(
      backends.replace("no", '"no"'),
    );
  });

  it("is done once, and changes no grant that was read, on 2,000 random files", () => {
    const random = seededNumbers(7);
    const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T;
    let changed = 0;
    for (let round = 0; round < 2_000; round += 1) {
      const text = randomFile(pick, random);
      const request = requestOf({ roles: [text] });
      const { request: once, repairs } = mend(request);
      const [repair] = repairs;
      const [before, after] = [request.roles[0], once.roles[0]] as [RolesReading, RolesReading];
      expect(mended(after.source.text)).toBe(after.source.text);
      const wasReadable = !before.findings.some(({ isUnreadable }) => isUnreadable);
      expect(grantsOf(after)).toEqual(wasReadable ? grantsOf(before) : grantsOf(after));
      expect(wasReadable && checkPolicy(once).findings.length > checkPolicy(request).findings.length).toBe(false);
      expect(repair?.after).toBe(after.source.text);
      expect(applyEdits(text, repair?.edits ?? new Map())).toBe(after.source.text);
      if (after.source.text !== text) changed += 1;
    }
    expect(changed).toBeGreaterThan(500);
  });
});

type Pick = <T>(items: readonly T[]) => T;

function randomFile(pick: Pick, random: (below: number) => number): string {
  const comment = (): string =>
    pick([
      "",
      "",
      " # why",
      " # mcpctl-ignore MC302: x",
      " # mcpctl-ignore MC301 until=2020-01-01: x",
      " # mcpctl-ignore",
    ]);
  const name = (): string => pick(["eks-ro", "aws-rw", "costs", "no", "012", "a", '"on"', "'eks-ro'"]);
  const roles = Array.from({ length: 1 + random(3) }, (_, role) => {
    const lines = Array.from({ length: random(5) }, () =>
      pick([
        `    - ${name()}${comment()}\n`,
        `    ${comment().trim()}\n`,
        `    - { backend: ${name()}, tools: { deny: [x] } }\n`,
      ]),
    );
    return `  ${pick(["dev", "ops", "y", "qa-readonly"])}${role}:${comment()}\n${lines.join("") || "    []\n"}`;
  });
  const text = `roleMapping:\n${roles.join("")}`;
  const wrapped = pick([
    text,
    `kind: ConfigMap\ndata:\n  roles.yaml: |\n${text.replace(/^/gm, "    ").trimEnd()}\n`,
    `values: 1\n${text}`,
  ]);
  return pick([wrapped, wrapped.replaceAll("\n", "\r\n"), `\ufeff${wrapped}`]);
}

describe("any bytes at all", () => {
  it("are read, judged and mended without a crash", () => {
    const random = seededNumbers(11);
    const seeds = [
      "roleMapping:\n  dev-readonly: # mcpctl-ignore MC301: x\n    - eks-ro\n    - &a aws-rw\n    - *a\n",
      "kind: ConfigMap\ndata:\n  r: |\n    roleMapping:\n      dev: [eks-ro, {backend: costs, tools: {allow: ['*']}}]\n",
      "a: {b: {roleMapping: {on: [no]}}}\n---\nroleMapping: {dev: []}\n",
    ].map((text) => Buffer.from(text));
    const splices = [
      "\0",
      "\ufeff",
      "\r",
      "__proto__",
      "constructor",
      "<<: *a",
      "%YAML 1.1\n",
      "!!set ",
      "\u202e",
      "\u200b",
      "*",
      "&a ",
      "[",
      "}",
      "'",
      '"',
      "#",
      "|\n",
      "\ud83d",
    ];
    const codes = new Set<string>();
    for (let round = 0; round < 3_000; round += 1) {
      let bytes: Buffer = seeds[random(seeds.length)] as Buffer;
      for (let edit = random(4); edit >= 0; edit -= 1) {
        const at = random(bytes.length + 1);
        const cut = random(3) === 0 ? random(8) : 0;
        const put =
          random(2) === 0 ? Buffer.from(splices[random(splices.length)] as string) : Buffer.from([random(256)]);
        bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + cut)]);
      }
      const request = { ...requestOf({ roles: ["roleMapping: {a: []}"] }), roles: [readRoles("roles.yaml", bytes)] };
      for (const { code } of checkPolicy(mend(request).request).findings) codes.add(code);
    }
    expect(codes.size).toBeGreaterThan(15);
  });
});
