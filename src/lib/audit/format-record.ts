import type { AuditRecord } from "./record.ts";

/** A record whose `tool_args` is still the JSON that was received, on one line, tokens already replaced. */
export interface AuditEntry extends Omit<AuditRecord, "tool_args"> {
  readonly tool_args: RawJson | null;
}

/** One JSON value as text. */
export interface RawJson {
  readonly json: string;
}

/** The audit line of this entry, newline included; arguments are spliced in as text, so no number is altered. */
export function formatRecord(entry: AuditEntry): string {
  const { key_id, user, role, backend } = entry;
  return (
    `{"type":"${entry.type}","phase":"${entry.phase}","ts":"${entry.ts}","request_id":"${entry.request_id}",` +
    `"instance":${JSON.stringify(entry.instance)},"seq":${entry.seq},"key_id":${name(key_id)},"user":${name(user)},` +
    `"role":${name(role)},"backend":${name(backend)},"method":${text(entry.method)},"tool_name":${text(entry.tool_name)},` +
    `"tool_args":${entry.tool_args === null ? "null" : entry.tool_args.json},"decision":"${entry.decision}",` +
    `"reason":"${entry.reason}","http_status":${entry.http_status},"rpc_error_code":${entry.rpc_error_code},` +
    `"is_error":${entry.is_error},"duration_ms":${entry.duration_ms}}\n`
  );
}

/** Names of the contract (lib/names.ts) hold nothing that JSON escapes. */
function name(value: string | null): string {
  return value === null ? "null" : `"${value}"`;
}

function text(value: string | null): string {
  return value === null ? "null" : JSON.stringify(value);
}
