import type { AuditRecord } from "./record.ts";

/** A record in which the caller's own JSON is still text. */
export interface AuditEntry extends Omit<AuditRecord, "jsonrpc_id" | "tool_args" | "params"> {
  readonly jsonrpc_id: RawJson | null;
  readonly tool_args: RawJson | null;
  readonly params: RawJson | null;
}

/** One JSON value as text, on one line, as the log may have it. */
export interface RawJson {
  readonly json: string;
}

/**
 * No record is longer, newline included: container runtimes split longer lines at 16 KiB, and a half is no JSON. Docker:
 * `defaultBufSize` of https://github.com/moby/moby/blob/v28.0.0/daemon/logger/copier.go; containerd:
 * `max_container_log_line_size` of https://github.com/containerd/containerd/blob/main/docs/cri/config.md
 */
export const MAX_RECORD_BYTES = 16_000;

/** Everything of a record but its payload (payload.ts) takes no more, whatever each field may hold (audit.schema.json). */
export const FIXED_RECORD_BYTES = 3100;

/** The audit line of this entry, newline included; the caller's JSON is spliced in as text, so no number is altered. */
export function formatRecord(entry: AuditEntry): string {
  return (
    `{"type":"${entry.type}","phase":"${entry.phase}","ts":"${entry.ts}","request_id":"${entry.request_id}",` +
    `"instance":${text(entry.instance)},"seq":${entry.seq},"client_ip":${text(entry.client_ip)},` +
    `"key_id":${name(entry.key_id)},"user":${name(entry.user)},"role":${name(entry.role)},` +
    `"backend":${name(entry.backend)},"method":${text(entry.method)},"jsonrpc_id":${raw(entry.jsonrpc_id)},` +
    `"protocol_version":${text(entry.protocol_version)},"mcp_session":${name(entry.mcp_session)},` +
    `"trace_id":${name(entry.trace_id)},"span_id":${name(entry.span_id)},"tool_name":${text(entry.tool_name)},` +
    `"tool_args":${raw(entry.tool_args)},"params":${raw(entry.params)},"cut_strings":${entry.cut_strings},` +
    `"mrtr_retry":${entry.mrtr_retry},"policy":${name(entry.policy)},"decision":"${entry.decision}",` +
    `"reason":"${entry.reason}","http_status":${entry.http_status},"rpc_error_code":${entry.rpc_error_code},` +
    `"is_error":${entry.is_error},"bytes_in":${entry.bytes_in},"bytes_out":${entry.bytes_out},` +
    `"unsampled":${entry.unsampled},"duration_ms":${entry.duration_ms}}\n`
  );
}

/** Names of the contract (lib/names.ts), ids and digests hold nothing that JSON escapes. */
function name(value: string | null): string {
  return value === null ? "null" : `"${value}"`;
}

function text(value: string | null): string {
  return value === null ? "null" : JSON.stringify(value);
}

function raw(value: RawJson | null): string {
  return value === null ? "null" : value.json;
}
