import { formatRecord, type AuditEntry } from "../../src/lib/audit/format-record.ts";
import { REASON_NAMES } from "../../src/lib/audit/reasons.ts";
import { makeJsonText } from "../lib/audit/json-text.ts";

type Pick = (below: number) => number;

/** A call that was let through, in one final record. */
const ENTRY: AuditEntry = {
  type: "mcp_tool_call",
  phase: "final",
  ts: "2026-11-20T09:00:00.245Z",
  request_id: "req_000000000000",
  instance: "gw-0a1b2c",
  seq: 1,
  client_ip: "10.0.3.7",
  key_id: "k_9f86d081884c",
  user: "incident-agent-01",
  role: "dev-readonly",
  backend: "eks-ro",
  method: "tools/call",
  jsonrpc_id: { json: "1" },
  protocol_version: "2025-11-25",
  mcp_session: "s_0123456789ab",
  trace_id: null,
  span_id: null,
  tool_name: "eks_get_pods",
  tool_args: { json: '{"namespace":"production"}' },
  params: null,
  cut_strings: 0,
  mrtr_retry: false,
  policy: "0123456789abcdef",
  decision: "allow",
  reason: "granted",
  http_status: 200,
  rpc_error_code: null,
  is_error: false,
  bytes_in: 230,
  bytes_out: 5120,
  unsampled: 0,
  duration_ms: 24.5,
};

/** One line of an audit log, line end included, as the gateway writes it. */
export function auditLine(changes: Partial<AuditEntry> = {}): string {
  return formatRecord({ ...ENTRY, ...changes });
}

/** A record that was refused for this reason. */
export function refusalLine(reason: AuditEntry["reason"], changes: Partial<AuditEntry> = {}): string {
  return auditLine({ type: "mcp_refusal", decision: "deny", reason, http_status: 403, is_error: null, ...changes });
}

/** Lines with ids and numbers of their own, one instance's. */
export function auditLog(changes: readonly Partial<AuditEntry>[]): string {
  return changes
    .map((change, index) =>
      auditLine({ request_id: `req_${String(index).padStart(12, "0")}`, seq: index + 1, ...change }),
    )
    .join("");
}

/** The members of a random record, each with its JSON, in the order in which the gateway writes them. */
export function auditMembers(pick: Pick): readonly (readonly [string, string])[] {
  const one = <T>(items: readonly T[]): T => items[pick(items.length)] as T;
  const raw = (): { json: string } | null => (pick(3) === 0 ? null : { json: singleLine(makeJsonText(pick)) });
  const line = auditLine({
    phase: one(["start", "final"]),
    ts: new Date(Date.UTC(2026, pick(12), pick(31), pick(24), pick(60), pick(60), pick(1000))).toISOString(),
    seq: 1 + pick(1000),
    user: one([null, "alice", "incident-agent-01"]),
    role: one([null, "dev-readonly", "__proto__"]),
    backend: one([null, "eks-ro", "constructor"]),
    method: one([null, "tools/call", "ping", 'a"b', "[cut"]),
    tool_name: one([null, "eks_get_pods", "中😀", "\\"]),
    tool_args: raw(),
    params: raw(),
    decision: one(["allow", "deny", "unknown"]),
    reason: one(REASON_NAMES),
    unsampled: pick(3),
  });
  return Object.entries(JSON.parse(line) as object).map(([name, value]) => [name, JSON.stringify(value)]);
}

/** A line of these members, each of which may be any text. */
export function lineOf(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([name, json]) => `"${name}":${json}`).join(",")}}`;
}

function singleLine(json: string): string {
  return JSON.stringify(JSON.parse(json));
}
