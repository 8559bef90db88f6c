import { describe, expect, it } from "vitest";
import { type AccessRequest, decide, type Policy } from "../../../src/lib/policy/decide.ts";
import { indexLocks, type Lock } from "../../../src/lib/policy/locks.ts";
import { readRegistry } from "../../../src/lib/policy/registry.ts";
import { readRoles } from "../../../src/lib/policy/role-file.ts";

const NOW = Date.parse("2026-11-20T10:00:00Z");
const ROLES = `roleMapping:
  dev:
    - eks-ro
    - backend: postgres-ro
      tools: { allow: ["pg_*"], deny: ["pg_drop"] }
    - backend: github-ro
      tools: { allow: [] }
    - ghost
`;
const backend = (name: string): string =>
  `  ${name}: { service: s, environment: e, access: ro, owner: o, url: "http://${name}" }\n`;
const BACKENDS = `backends:\n${["eks-ro", "eks-rw", "postgres-ro", "github-ro"].map(backend).join("")}`;
const NO_LOCKS = indexLocks([]);

const policyOf = (roles: string, backends: string): Policy => ({
  roles: readRoles("roles.yaml", Buffer.from(roles)).roles,
  registry: readRegistry("backends.yaml", Buffer.from(backends)).registry,
});
const POLICY = policyOf(ROLES, BACKENDS);
const ask = (more: Partial<AccessRequest> = {}): AccessRequest => ({
  role: "dev",
  user: "agent",
  keyId: "k_0123456789ab",
  backend: "eks-ro",
  method: "tools/call",
  tool: "eks_get_pods",
  ...more,
});
const lock = (target: Lock["target"], value: string, until: number | null = null, id = `lock_${target}`): Lock => ({
  id,
  target,
  value,
  reason: "why",
  tell: false,
  revokes: false,
  by: "alice",
  at: "2026-11-20T03:12:45Z",
  until,
});

const narrowed = (method: string | null, tool: string | null = null): AccessRequest =>
  ask({ backend: "postgres-ro", method, tool });
const github = (method: string | null, tool: string | null) =>
  decide(POLICY, NO_LOCKS, ask({ backend: "github-ro", method, tool }), NOW).outcome;

describe("decide", () => {
  it("allows by the line that grants, and tells its place", () => {
    const decision = decide(POLICY, NO_LOCKS, ask(), NOW);
    expect(decision).toEqual({
      outcome: "allow",
      reason: "granted",
      rule: { text: "role dev lists eks-ro", place: { file: "roles.yaml", line: 3, column: 7 } },
      grant: { backend: "eks-ro", tools: null, place: { file: "roles.yaml", line: 3, column: 7 } },
      backend: POLICY.registry.get("eks-ro"),
    });
  });

  it.each([
    [
      "a backend that the role does not list",
      { backend: "eks-rw" },
      "backend_not_granted",
      { text: "role dev does not list eks-rw", place: { file: "roles.yaml", line: 2, column: 3 } },
    ],
    ["a role that is not there", { role: "oncall" }, "role_unknown", null],
    ["a backend that is not in the registry, granted or not", { backend: "ghost" }, "backend_unknown", null],
    ["a backend that nobody knows", { backend: "nope" }, "backend_unknown", null],
    [
      "a tool that is not allowed",
      { backend: "postgres-ro", tool: "dblink" },
      "tool_not_granted",
      {
        text: "role dev narrows postgres-ro to tools that leave out dblink",
        place: { file: "roles.yaml", line: 4, column: 7 },
      },
    ],
  ])("denies %s", (_what, request, reason, rule) => {
    expect(decide(POLICY, NO_LOCKS, ask(request), NOW)).toEqual({ outcome: "deny", reason, rule, lock: null });
  });

  it.each([
    ["initialize", null, "allow"],
    ["ping", null, "allow"],
    ["server/discover", null, "allow"],
    ["notifications/initialized", null, "allow"],
    ["notifications/cancelled", null, "allow"],
    ["tools/list", null, "allow"],
    [null, null, "allow"],
    ["tools/call", "pg_stat", "allow"],
    ["tools/call", "pg_drop", "tool_not_granted"],
    ["tools/call", "PG_stat", "tool_not_granted"],
    ["tools/call", "", "tool_not_granted"],
    ["tools/call", null, "tool_not_granted"],
    ["tools/Call", "pg_stat", "method_not_granted"],
    ["tools/list/x", null, "method_not_granted"],
    ["notifications", null, "method_not_granted"],
    ["resources/list", null, "method_not_granted"],
    ["resources/read", null, "method_not_granted"],
    ["resources/subscribe", null, "method_not_granted"],
    ["prompts/list", null, "method_not_granted"],
    ["prompts/get", null, "method_not_granted"],
    ["completion/complete", null, "method_not_granted"],
    ["logging/setLevel", null, "method_not_granted"],
    ["sampling/createMessage", null, "method_not_granted"],
    ["tasks/list", null, "method_not_granted"],
    ["", null, "method_not_granted"],
  ])("through a narrowed grant, %j %j: %s", (method, tool, expected) => {
    const decision = decide(POLICY, NO_LOCKS, narrowed(method, tool), NOW);
    expect(decision.outcome === "allow" ? "allow" : decision.reason).toBe(expected);
    expect(decide(POLICY, NO_LOCKS, ask({ method, tool }), NOW).outcome).toBe("allow");
  });

  it("reaches the backend and no tool through `allow: []`", () => {
    expect([
      github(null, null),
      github("initialize", null),
      github("tools/list", null),
      github("tools/call", "x"),
    ]).toEqual(["allow", "allow", "allow", "deny"]);
  });
});

describe("what is not known", () => {
  it("is never yes and never no", () => {
    expect(decide(POLICY, null, ask(), NOW)).toEqual({ outcome: "unknown", reason: "locks_unavailable" });
    expect(decide(null, NO_LOCKS, ask(), NOW)).toEqual({ outcome: "unknown", reason: "policy_unavailable" });
    expect(decide(null, null, ask({ backend: "nope" }), NOW)).toEqual({
      outcome: "unknown",
      reason: "locks_unavailable",
    });
  });
});

describe("a lock", () => {
  it.each([
    ["key", "k_0123456789ab", "key_locked"],
    ["user", "agent", "user_locked"],
    ["role", "dev", "role_locked"],
    ["backend", "eks-ro", "backend_locked"],
    ["all", "", "all_locked"],
  ] as const)("on a %s denies what was granted, with its reason and its id", (target, value, reason) => {
    const made = lock(target, value);
    expect(decide(POLICY, indexLocks([made]), ask(), NOW)).toEqual({
      outcome: "deny",
      reason,
      rule: { text: `lock lock_${target} on ${target === "all" ? "everything" : `${target} ${value}`}`, place: null },
      lock: made,
    });
  });

  it.each([
    ["another key", lock("key", "k_ffffffffffff")],
    ["another user", lock("user", "agent-2")],
    ["a role called like the user", lock("role", "agent")],
    ["a user called like the role", lock("user", "dev")],
    ["another backend", lock("backend", "eks-rw")],
    ["a time that has come", lock("all", "", NOW)],
  ])("on %s lets the call through", (_what, made) => {
    expect(decide(POLICY, indexLocks([made]), ask(), NOW).outcome).toBe("allow");
  });

  it("holds until its very end, and one that holds longer outlives another", () => {
    const index = indexLocks([lock("all", "", NOW - 1, "lock_a"), lock("all", "", NOW + 1, "lock_b")]);
    expect([NOW, NOW + 1].map((now) => decide(POLICY, index, ask(), now).outcome)).toEqual(["deny", "allow"]);
  });

  it("on the caller is told before one on everyone", () => {
    const all = [
      lock("backend", "eks-ro"),
      lock("role", "dev"),
      lock("all", ""),
      lock("user", "agent"),
      lock("key", "k_0123456789ab"),
    ];
    const told = all.map((_, count) => decide(POLICY, indexLocks(all.slice(0, count + 1)), ask(), NOW));
    expect(told.map((decision) => decision.reason)).toEqual([
      "backend_locked",
      "role_locked",
      "all_locked",
      "user_locked",
      "key_locked",
    ]);
  });

  it("beats the grant, and is told before any other reason", () => {
    const index = indexLocks([lock("user", "agent")]);
    for (const request of [
      { backend: "nope" },
      { role: "oncall" },
      { backend: "eks-rw" },
      { backend: "postgres-ro", tool: "x" },
    ]) {
      expect(decide(POLICY, index, ask(request), NOW).reason).toBe("user_locked");
    }
  });

  it("on users and keys says nothing where nobody in particular asks", () => {
    const index = indexLocks([lock("user", "agent"), lock("key", "k_0123456789ab")]);
    expect(decide(POLICY, index, ask({ user: null, keyId: null }), NOW).outcome).toBe("allow");
  });
});

describe("taking any one fact away", () => {
  const LOCKS = [lock("user", "agent-2"), lock("backend", "github-ro"), lock("key", "k_ffffffffffff", NOW - 1)];
  const requests = ["dev", "oncall"].flatMap((role) =>
    ["eks-ro", "eks-rw", "postgres-ro", "github-ro", "ghost", "nope"].flatMap((name) =>
      ["agent", "agent-2"].flatMap((user) =>
        [null, "tools/list", "tools/call", "resources/list"].flatMap((method) =>
          ["pg_stat", "pg_drop", "dblink", null].map((tool) => ask({ role, backend: name, user, method, tool })),
        ),
      ),
    ),
  );
  const answers = (policy: Policy, locks: readonly Lock[]): readonly boolean[] =>
    requests.map((request) => decide(policy, indexLocks(locks), request, NOW).outcome === "allow");
  const before = answers(POLICY, LOCKS);
  const revived = (after: readonly boolean[]): readonly AccessRequest[] =>
    requests.filter((_, at) => after[at] === true && before[at] === false);

  it.each<[string, string, string]>([
    ["a whole grant", ROLES.replace("    - eks-ro\n", ""), BACKENDS],
    ["an allowed pattern", ROLES.replace('allow: ["pg_*"]', "allow: []"), BACKENDS],
    ["a role", "roleMapping: {}\n", BACKENDS],
    ["the dead grant", ROLES.replace("    - ghost\n", ""), BACKENDS],
    ...["eks-ro", "eks-rw", "postgres-ro", "github-ro"].map((name): [string, string, string] => [
      `the backend ${name}`,
      ROLES,
      BACKENDS.replace(backend(name), ""),
    ]),
  ])("%s opens nothing", (_what, roles, backends) => {
    expect([roles, backends]).not.toEqual([ROLES, BACKENDS]);
    expect(revived(answers(policyOf(roles, backends), LOCKS))).toEqual([]);
  });

  it("opens something only when it was a denial: a denied pattern, or a lock", () => {
    const undenied = revived(answers(policyOf(ROLES.replace('deny: ["pg_drop"]', "deny: []"), BACKENDS), LOCKS));
    expect(new Set(undenied.map(({ tool }) => tool))).toEqual(new Set(["pg_drop"]));
    for (const [at, { target, value }] of LOCKS.entries()) {
      const opened = revived(
        answers(
          POLICY,
          LOCKS.filter((_, index) => index !== at),
        ),
      );
      expect(opened.every((request) => (target === "user" ? request.user : request.backend) === value)).toBe(true);
      expect(opened.length > 0).toBe(target !== "key");
    }
  });
});
