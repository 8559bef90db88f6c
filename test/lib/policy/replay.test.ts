import { describe, expect, it } from "vitest";
import { CallLog } from "../../../src/lib/audit/call-log.ts";
import type { AuditEntry } from "../../../src/lib/audit/format-record.ts";
import { decide, type Policy } from "../../../src/lib/policy/decide.ts";
import { indexLocks } from "../../../src/lib/policy/locks.ts";
import { readRegistry } from "../../../src/lib/policy/registry.ts";
import { Replay, type Change, type ReplayReport } from "../../../src/lib/policy/replay.ts";
import { readRoles } from "../../../src/lib/policy/role-file.ts";
import { auditLine, auditLog, refusalLine } from "../../support/audit-lines.ts";
import { seededNumbers } from "../../support/seeded.ts";

const ROLES = `roleMapping:
  dev-readonly:
    - eks-ro
    - { backend: postgres-ro, tools: { allow: ["pg_*"], deny: [pg_kill] } }
  ops:
    - eks-rw
`;
const backend = (name: string): string =>
  `  ${name}: { service: s, environment: dev, access: ro, owner: o, url: "http://${name}" }\n`;
const REGISTRY = `backends:\n${["eks-ro", "eks-rw", "postgres-ro"].map(backend).join("")}`;

function policyOf(roles: string): Policy {
  const read = readRoles("roles.yaml", Buffer.from(roles));
  const { registry, findings } = readRegistry("backends.yaml", Buffer.from(REGISTRY));
  expect([...read.findings, ...findings]).toEqual([]);
  return { roles: read.roles, registry };
}

const POLICY = policyOf(ROLES);

function replay(log: string, maxKinds?: number): ReplayReport {
  const all = new Replay(POLICY, maxKinds);
  const lines = new CallLog({ since: null, take: (call) => all.add(call) });
  lines.addLines(log);
  lines.end();
  return all.report();
}

const REFUSED = { type: "mcp_refusal", decision: "deny", reason: "backend_not_granted" } as const;
const AT = Date.parse("2026-11-20T09:00:00.245Z");
const NONE: ReplayReport = {
  refused: [],
  allowed: [],
  counts: { refused: 0, allowed: 0, stillAllowed: 0, stillRefused: 0, unlistedRefused: 0, unlistedAllowed: 0 },
  unknown: { undecided: 0, besidePolicy: 0, altered: 0, nameless: 0 },
  beside: new Map(),
};
const refused = (change: Partial<Change>): Change => ({
  role: "dev-readonly",
  user: "incident-agent-01",
  backend: "eks-rw",
  method: "tools/call",
  tool: "eks_get_pods",
  count: 1,
  first: AT,
  last: AT,
  reason: "backend_not_granted",
  rule: { text: "role dev-readonly does not list eks-rw", place: { file: "roles.yaml", line: 2, column: 3 } },
  ...change,
});

describe("a replay", () => {
  it("of calls that would be answered alike only counts them", () => {
    const log = auditLine() + refusalLine("backend_not_granted", { request_id: "req_bbbbbb", backend: "eks-rw" });
    expect(replay(log)).toEqual({ ...NONE, counts: { ...NONE.counts, stillAllowed: 1, stillRefused: 1 } });
  });

  it("tells which calls would be refused, with their count, their first and last time, and the line that decides", () => {
    const log = auditLog([
      { backend: "eks-rw", ts: "2026-11-20T09:00:00.245Z" },
      { backend: "eks-rw", ts: "2026-11-19T09:00:00.245Z" },
      { backend: "eks-rw", ts: "2026-11-20T08:00:00.245Z" },
      { backend: "eks-rw", user: "alice" },
    ]);
    expect(replay(log)).toEqual({
      ...NONE,
      refused: [refused({ count: 3, first: AT - 86_400_000 }), refused({ user: "alice" })],
      counts: { ...NONE.counts, refused: 4 },
    });
  });

  it("tells which calls would be let through, and why they were refused", () => {
    const log = refusalLine("tool_not_granted", { backend: "postgres-ro", tool_name: "pg_stat" });
    const rule = { text: "role dev-readonly lists postgres-ro", place: { file: "roles.yaml", line: 4, column: 7 } };
    expect(replay(log)).toEqual({
      ...NONE,
      allowed: [refused({ backend: "postgres-ro", tool: "pg_stat", reason: "tool_not_granted", rule })],
      counts: { ...NONE.counts, allowed: 1 },
    });
  });

  it.each([
    ["was not decided", "undecided", auditLine({ type: "mcp_refusal", decision: "unknown", reason: "draining" })],
    ["has its tool cut", "altered", auditLine({ tool_name: `[cut: 900 bytes, sha256 ${"0".repeat(64)}] x` })],
    ["names no role", "nameless", auditLine({ role: null })],
    ["names no backend", "nameless", auditLine({ backend: null })],
    ["calls a tool without naming it", "nameless", auditLine({ tool_name: null })],
  ] as const)("does not judge a call that %s", (_what, why, log) => {
    expect(replay(log)).toEqual({ ...NONE, unknown: { ...NONE.unknown, [why]: 1 } });
  });

  it.each(["key_expired", "user_locked", "rate_limited", "path_unknown", "record_too_large"] as const)(
    "does not judge a call that was refused for %s: no role file would have let it through",
    (reason) => {
      expect(replay(refusalLine(reason))).toEqual({
        ...NONE,
        unknown: { ...NONE.unknown, besidePolicy: 1 },
        beside: new Map([[reason, 1]]),
      });
    },
  );

  it("judges what was let through and ended by something else", () => {
    const log =
      auditLine({ reason: "backend_timeout" }) + auditLine({ request_id: "req_bbbbbb", reason: "role_locked" });
    expect(replay(log)).toEqual({ ...NONE, counts: { ...NONE.counts, stillAllowed: 2 } });
  });

  it("counts what it has no room to list", () => {
    const log = auditLog(["a", "b", "a", "c"].map((user) => ({ backend: "eks-rw", user })));
    expect(replay(log, 2)).toEqual({
      ...NONE,
      refused: [refused({ user: "a", count: 2 })],
      counts: { ...NONE.counts, refused: 4, unlistedRefused: 2 },
    });
    expect(replay(log, 0)).toEqual({ ...NONE, counts: { ...NONE.counts, refused: 4, unlistedRefused: 4 } });
  });

  it("answers as decide does on each line that JSON.parse reads", () => {
    const pick = seededNumbers(11);
    const one = <T>(items: readonly T[]): T => items[pick(items.length)] as T;
    const changes = Array.from({ length: 3000 }, (): Partial<AuditEntry> => {
      const method = one(["tools/call", "tools/call", "tools/list", "resources/read", "notifications/x", null]);
      return {
        role: one(["dev-readonly", "ops", "gone", "__proto__"]),
        backend: one(["eks-ro", "eks-rw", "postgres-ro", "gone"]),
        user: one(["a", "b"]),
        method,
        tool_name: method === "tools/call" ? one(["pg_stat", "pg_kill", "eks_get_pods", "toString"]) : null,
        ...(pick(2) === 0 ? {} : REFUSED),
      };
    });
    const log = auditLog(changes);
    const naive = new Map<string, number>();
    for (const line of log.trimEnd().split("\n")) {
      const { role, user, backend: to, method, tool_name: tool, decision } = JSON.parse(line) as Record<string, string>;
      const request = { role: role as string, user: null, keyId: null, backend: to as string, method: method ?? null };
      const now = decide(POLICY, indexLocks([]), { ...request, tool: tool ?? null }, 0);
      const key = JSON.stringify(now.outcome === decision ? now.outcome : [now.outcome, role, user, to, method, tool]);
      naive.set(key, (naive.get(key) ?? 0) + 1);
    }
    const report = replay(log);
    const told = new Map<string, number>([
      ['"allow"', report.counts.stillAllowed],
      ['"deny"', report.counts.stillRefused],
    ]);
    for (const [outcome, list] of [["deny", report.refused] as const, ["allow", report.allowed] as const])
      for (const { role, user, backend: to, method, tool, count } of list)
        told.set(JSON.stringify([outcome, role, user, to, method, tool]), count);
    expect(told).toEqual(naive);
    expect(Math.min(report.refused.length, report.allowed.length)).toBeGreaterThan(5);
  });
});
