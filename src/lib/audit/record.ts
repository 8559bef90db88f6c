import type { Reason } from "./reasons.ts";

/**
 * One line of the gateway's audit log (schemas/audit.schema.json). `mcp_tool_call` was let through, `mcp_refusal`
 * was not; exactly one `final` record is written for each request, whatever becomes of it. A call that was let through
 * and then cut, by a revocation say, did reach its backend: it stays an `mcp_tool_call` with the decision `allow`, and
 * its `reason` says what ended it.
 */
export interface AuditRecord {
  readonly type: "mcp_tool_call" | "mcp_refusal";
  readonly phase: "start" | "final";
  /** When it was written, RFC 3339 with milliseconds. */
  readonly ts: string;
  /** The id that the caller was given, under which an operator finds the true reason. */
  readonly request_id: string;
  readonly instance: string;
  /** Counts this instance's records from 1 without a gap, so that a lost line shows. */
  readonly seq: number;
  /** The address that the connection came from. */
  readonly client_ip: string | null;
  readonly key_id: string | null;
  readonly user: string | null;
  readonly role: string | null;
  readonly backend: string | null;
  readonly method: string | null;
  /** The id as it was received: a number in a log may be beyond 2^53. */
  readonly jsonrpc_id: string | number | null;
  /** The revision that the call claims, its first 32 characters. */
  readonly protocol_version: string | null;
  /** `s_` and the first 12 hex characters of a hash of the session id: an id itself would open the session. */
  readonly mcp_session: string | null;
  /** W3C Trace Context of the call. */
  readonly trace_id: string | null;
  readonly span_id: string | null;
  readonly tool_name: string | null;
  /** The arguments of a `tools/call`, else null. */
  readonly tool_args: unknown;
  /** Every other parameter but `_meta`; of a client's response, its result or error. */
  readonly params: unknown;
  /** How many strings stand for something longer: `[cut: ...]` and `[omitted: ...]`. */
  readonly cut_strings: number;
  /** Whether a call is repeated with what the server asked for (MCP 2026-07-28, multi round-trip requests). */
  readonly mrtr_retry: boolean;
  /** 16 hex characters of a digest of the role file and the registry by which it was decided. */
  readonly policy: string | null;
  /** `unknown` where nothing was decided: something was not to be had, the gateway was full or ending, the client left. */
  readonly decision: "allow" | "deny" | "unknown";
  /** Why the call was refused, or what ended one that was let through; `granted` when its answer was given whole. */
  readonly reason: Reason;
  /** Null where no status was sent: the client left first. */
  readonly http_status: number | null;
  readonly rpc_error_code: number | null;
  /** Whether a tool's result says `isError`; null where there is no result to tell. */
  readonly is_error: boolean | null;
  /** Of the request's body and of the answer's, as far as they came. */
  readonly bytes_in: number;
  readonly bytes_out: number;
  /** How many refusals, of whatever kind, were counted and not written since the record before. */
  readonly unsampled: number;
  readonly duration_ms: number;
}
