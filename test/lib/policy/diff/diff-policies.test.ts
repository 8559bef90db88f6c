import { describe, expect, it } from "vitest";
import { decide, type Policy } from "../../../../src/lib/policy/decide.ts";
import { diffPolicies } from "../../../../src/lib/policy/diff/diff-policies.ts";
import { type GrantChange, type PolicyDiff, type RoleChange } from "../../../../src/lib/policy/diff/policy-diff.ts";
import { indexLocks } from "../../../../src/lib/policy/locks.ts";
import type { Grant } from "../../../../src/lib/policy/role-file.ts";
import { grantShape, roleShape } from "../../../../src/lib/policy/grant-shape.ts";
import { readPolicy } from "../../../support/policy-of.ts";
import { seededNumbers } from "../../../support/seeded.ts";

const REGISTRY = {
  "eks-ro": "service: eks, environment: stage, access: ro",
  "eks-rw": "service: eks, environment: stage, access: rw",
  "aws-rw": "service: aws, environment: prod, access: rw",
  "aws-ro": "service: aws, environment: prod, access: ro",
};
const policy = (roles: string, registry: Readonly<Record<string, string>> = REGISTRY): Policy =>
  policyFrom(roles, registry);
const words = (change: GrantChange): string =>
  [
    change.grows ? "+" : "",
    change.shrinks ? "-" : "",
    change.backend,
    change.isWrite ? "write" : "",
    change.isProduction ? "prod" : "",
    ...change.registry,
    change.gained.kind === "some" ? `gains ${change.gained.tool}` : "",
    change.lost.kind === "some" ? `loses ${change.lost.tool}` : "",
  ]
    .filter((word) => word !== "")
    .join(" ");
const summary = ({ roles }: PolicyDiff): readonly string[] =>
  roles.map(
    ({ role, kind, from, grants }) =>
      `${kind} ${from === null ? "" : `${from} -> `}${role}: ${grants.map(words).join("; ")}`,
  );
const diff = (before: string, after: string, registry = REGISTRY): readonly string[] =>
  summary(diffPolicies(policy(before), policy(after, registry)));

describe("diffPolicies", () => {
  it.each([
    ["nothing, whatever the order and the comments", "a: [eks-ro, aws-ro]", "a: [aws-ro, eks-ro] # x", []],
    ["a grant added", "a: [eks-ro]", "a: [eks-ro, aws-rw]", ["changed a: + aws-rw write prod"]],
    ["a grant removed", "a: [eks-ro, aws-ro]", "a: [eks-ro]", ["changed a: - aws-ro prod"]],
    ["a grant narrowed", "a: [eks-ro]", "a: [{backend: eks-ro, tools: {allow: [x]}}]", ["changed a: - eks-ro loses y"]],
    [
      "a grant narrowed otherwise",
      "a: [{backend: eks-ro, tools: {allow: [x]}}]",
      "a: [{backend: eks-ro, tools: {allow: [q]}}]",
      ["changed a: + - eks-ro gains q loses x"],
    ],
    [
      "a narrowing that says everything, for resources are still left out",
      "a: [eks-ro]",
      "a: [{backend: eks-ro, tools: {allow: ['*']}}]",
      ["changed a: - eks-ro"],
    ],
    [
      "another way to write the same tools",
      "a: [{backend: eks-ro, tools: {allow: [x, '*']}}]",
      "a: [{backend: eks-ro, tools: {allow: ['*']}}]",
      ["changed a: eks-ro"],
    ],
    ["a role added and one removed", "a: [eks-ro]", "b: [aws-ro]", ["added b: + aws-ro prod", "removed a: - eks-ro"]],
    ["a role renamed", "a: [eks-ro, aws-ro]", "b: [aws-ro, eks-ro]", ["renamed a -> b: "]],
    [
      "no rename where two could be meant",
      "a: [eks-ro]\n  c: [eks-ro]",
      "b: [eks-ro]",
      ["added b: + eks-ro", "removed a: - eks-ro", "removed c: - eks-ro"],
    ],
    ["a grant of a backend that nobody registered", "a: [eks-ro]", "a: [eks-ro, nope]", ["changed a: nope"]],
    [
      "what writes to production first",
      "a: [eks-ro]\n  b: []",
      "a: [eks-ro, eks-rw]\n  b: [aws-ro, aws-rw]",
      ["changed b: + aws-rw write prod; + aws-ro prod", "changed a: + eks-rw write"],
    ],
  ])("tells %s", (_what, before, after, expected) => {
    expect(diff(before, after)).toEqual(expected);
  });

  it.each([
    ["access", { access: "rw" }, "+ eks-ro write access ro -> rw"],
    ["environment", { environment: "prod" }, "+ - eks-ro prod environment stage -> prod"],
    ["service", { service: "gke" }, "+ - eks-ro service eks -> gke"],
    ["url", { url: "http://other" }, "+ - eks-ro URL http://eks-ro:8080/mcp -> http://other/mcp"],
    ["serviceAccount", { serviceAccount: "a/b" }, "+ - eks-ro ServiceAccount none -> a/b"],
    [
      "iamRole",
      { iamRole: '"arn:aws:iam::111122223333:role/r"' },
      "+ - eks-ro IAM role none -> arn:aws:iam::111122223333:role/r",
    ],
  ])("counts another %s of a backend for every grant of it", (_field, fields, expected) => {
    const text = { service: "eks", environment: "stage", access: "ro", ...fields };
    const registry = {
      ...REGISTRY,
      "eks-ro": Object.entries(text)
        .map(([name, value]) => `${name}: ${value}`)
        .join(", "),
    };
    expect(diff("a: [eks-ro]\n  b: [aws-ro]", "a: [eks-ro]\n  b: [aws-ro]", registry)).toEqual([
      `changed a: ${expected}`,
    ]);
  });

  it("says nothing of another owner, and of a backend that is gone that its grants grant nothing", () => {
    const { "eks-ro": _gone, ...rest } = REGISTRY;
    expect(diff("a: [eks-ro]", "a: [eks-ro]", rest as typeof REGISTRY)).toEqual(["changed a: - eks-ro"]);
    const before = policy("a: [eks-ro]");
    expect(diffPolicies(before, policyFrom("a: [eks-ro]", REGISTRY, "somebody else"))).toEqual({
      roles: [],
      backends: [],
    });
  });
});

describe("diffPolicies, on 400 random pairs", () => {
  const random = seededNumbers(3);
  const pairs = Array.from({ length: 400 }, (): readonly [Policy, Policy] => [
    randomPolicy(random),
    randomPolicy(random),
  ]);

  it("is empty between a policy and itself", () => {
    for (const [a] of pairs) expect(diffPolicies(a, a)).toEqual({ roles: [], backends: [] });
  });

  it("is the same, turned round, the other way round", () => {
    for (const [a, b] of pairs)
      expect(byName(turn(diffPolicies(a, b)).roles)).toEqual(byName(diffPolicies(b, a).roles));
  });

  it("makes the second of the first", () => {
    for (const [a, b] of pairs) expect(apply(a, diffPolicies(a, b))).toEqual(grantsOf(b));
  });

  it("tells growth exactly where a call is possible that was not", () => {
    let [grown, not] = [0, 0];
    for (const [a, b] of pairs) {
      for (const { role, from, kind, grants } of diffPolicies(a, b).roles) {
        for (const change of grants) {
          if (change.registry.length > 0) continue;
          const oldRole = kind === "renamed" ? (from as string) : role;
          expect([role, change.backend, change.grows]).toEqual([
            role,
            change.backend,
            isMore(a, oldRole, b, role, change.backend),
          ]);
          expect([role, change.backend, change.shrinks]).toEqual([
            role,
            change.backend,
            isMore(b, role, a, oldRole, change.backend),
          ]);
          if (change.grows) grown += 1;
          else not += 1;
        }
      }
    }
    expect([grown > 200, not > 200]).toEqual([true, true]);
  });
});

/** The policy of these roles (the lines below `roleMapping:`) and these backends (service, environment, access and what else). */
function policyFrom(roles: string, backends: Readonly<Record<string, string>>, owner = "platform"): Policy {
  const entries = Object.entries(backends).map(([name, fields]) => {
    const url = fields.includes("url:") ? "" : `, url: "http://${name}:8080"`;
    return `  ${name}: { ${fields}, owner: ${owner}${url} }\n`;
  });
  return readPolicy(`roleMapping:\n  ${roles}\n`, `backends:${entries.length === 0 ? " {}" : ""}\n${entries.join("")}`);
}

function randomPolicy(random: (below: number) => number): Policy {
  const names = ["eks-ro", "eks-rw", "aws-ro", "aws-rw", "nope"];
  const tools = [
    "",
    "",
    ", tools: {allow: [x]}",
    ", tools: {allow: ['x*', q]}",
    ", tools: {deny: [x]}",
    ", tools: {allow: []}",
  ];
  const roles = ["a", "b", "c", "d"]
    .filter(() => random(3) > 0)
    .map((role) => {
      const grants = names
        .filter(() => random(2) === 0)
        .map((name) => `{backend: ${name}${tools[random(tools.length)]}}`);
      return `${role}: [${grants.join(", ")}]`;
    });
  const registry = Object.fromEntries(
    Object.entries(REGISTRY)
      .filter(() => random(5) > 0)
      .map(([name, text]) => [
        name,
        random(4) === 0 ? text.replace("stage", "prod").replace("access: ro", "access: rw") : text,
      ]),
  );
  return policyFrom(roles.join("\n  ") || "z: []", registry);
}

function isMore(old: Policy, oldRole: string, now: Policy, role: string, backend: string): boolean {
  const asks = [
    ["tools/list", null],
    ["resources/read", null],
    ...["x", "xy", "q", "z"].map((tool) => ["tools/call", tool]),
  ] as const;
  const can = (policy: Policy, name: string, [method, tool]: (typeof asks)[number]): boolean => {
    const request = { role: name, user: null, keyId: null, backend, method, tool };
    return decide(policy, indexLocks([]), request, 0).outcome === "allow";
  };
  return asks.some((ask) => can(now, role, ask) && !can(old, oldRole, ask));
}

function grantsOf({ roles }: Policy): ReadonlyMap<string, string> {
  return new Map([...roles.values()].map((role) => [role.name, roleShape(role)] as const));
}

/** What the diff says, done to the first policy. */
function apply({ roles }: Policy, { roles: changes }: PolicyDiff): ReadonlyMap<string, string> {
  const result = new Map([...roles.values()].map((role) => [role.name, new Map(role.grants)] as const));
  for (const { role, kind, from, grants } of changes) {
    const own = new Map<string, Grant>(result.get(from ?? role) ?? []);
    if (from !== null) result.delete(from);
    for (const { backend, after } of grants) {
      if (after === null) own.delete(backend);
      else own.set(backend, after);
    }
    if (kind === "removed") result.delete(role);
    else result.set(role, own);
  }
  return new Map(
    [...result].map(
      ([name, grants]) => [name, JSON.stringify([...grants.values()].map(grantShape).toSorted())] as const,
    ),
  );
}

function turn({ roles, backends }: PolicyDiff): PolicyDiff {
  const kinds = { added: "removed", removed: "added", renamed: "renamed", changed: "changed" } as const;
  return {
    backends,
    roles: roles.map((change): RoleChange => ({
      role: change.from ?? change.role,
      kind: kinds[change.kind],
      from: change.from === null ? null : change.role,
      grants: change.grants.map((each) => ({
        ...each,
        before: each.after,
        after: each.before,
        backendBefore: each.backendAfter,
        backendAfter: each.backendBefore,
        grows: each.shrinks,
        shrinks: each.grows,
        gained: each.lost,
        lost: each.gained,
        registry: each.registry.map((text) => text.replace(/^(.*) (\S+) -> (\S+)$/, "$1 $3 -> $2")),
      })),
    })),
  };
}

/** In one order, for growth stands before shrinkage. */
function byName(roles: readonly RoleChange[]): readonly RoleChange[] {
  return roles
    .map((role) => ({ ...role, grants: role.grants.toSorted((a, b) => (a.backend < b.backend ? -1 : 1)) }))
    .toSorted((a, b) => (a.role < b.role ? -1 : 1));
}
