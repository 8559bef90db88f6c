import type { AuditEntry, RawJson } from "../lib/audit/format-record.ts";
import { FIXED_RECORD_BYTES, formatRecord, MAX_RECORD_BYTES } from "../lib/audit/format-record.ts";
import type { AuditedMessage } from "../lib/audit/message-parts.ts";
import { fitPayload, NO_PAYLOAD, summaryPayload, type Payload, type PayloadLimits } from "../lib/audit/payload.ts";
import type { Reason } from "../lib/audit/reasons.ts";
import { auditedVersion } from "../lib/audit/protocol-version.ts";
import type { RedactedNames } from "../lib/audit/redacted-names.ts";
import { traceOf } from "../lib/audit/trace-context.ts";
import type { Subject } from "../lib/keys/subject.ts";
import type { AuditSink } from "./audit-sink.ts";
import type { BodyReader } from "./http/body.ts";
import type { Message } from "./mcp/message.ts";
import type { Metrics } from "./metrics.ts";
import type { Sampler } from "./sampler.ts";
import type { Clock } from "./state/clock.ts";

/** What is known of a request, filled in as it is learned: its record is made of it, and what a refused caller is told. */
export interface Trail {
  readonly requestId: string;
  readonly startedAt: number;
  readonly clientIp: string | null;
  backend: string | null;
  keyId: string | null;
  subject: Subject | null;
  /** What the MCP-Protocol-Version and traceparent headers say. */
  protocolVersion: string | null;
  traceparent: string | null;
  /** Under which its session is found, `s_0123456789ab`. */
  session: string | null;
  /** The body, read or being read. */
  body: BodyReader | null;
  /** Room in the sink that is set aside for its final record. */
  reservedBytes: number;
  /** The text of the body, until the payload was made of it. */
  text: string | null;
  message: Message | null;
  /** What the record will say of the message; null while nobody needed it. */
  payload: Payload | null;
  /** Digest of the role file and the registry that it was decided by. */
  policy: string | null;
  /** Whether the call was let through to its backend. */
  isForwarded: boolean;
}

/** How a request ended. */
export interface Ending {
  readonly reason: Reason;
  readonly status: number | null;
  readonly rpcErrorCode: number | null;
  readonly isError: boolean | null;
  readonly bytesOut: number;
}

export interface AuditorOptions {
  readonly sink: AuditSink;
  readonly sampler: Sampler;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly instance: string;
  /** Members whose values are never written down. */
  readonly redactedNames: RedactedNames;
  /** Whether the registry has a backend of this name: a name that a caller made up is no label. */
  readonly isBackend: (name: string) => boolean;
}

const STARTED: Ending = { reason: "granted", status: null, rpcErrorCode: null, isError: null, bytesOut: 0 };

/** Why a request was never decided; every other reason is a decision. */
const UNDECIDED: ReadonlySet<Reason> = new Set([
  "keys_unavailable",
  "policy_unavailable",
  "locks_unavailable",
  "sessions_unavailable",
  "audit_unavailable",
  "draining",
  "overloaded",
  "client_gone",
  "internal_error",
]);

/** Refused for how many they are: to write each of them down would be the harm that is refused. */
const TOO_MANY: ReadonlySet<Reason> = new Set(["rate_limited", "too_many_calls"]);

/** Refusals that tell one key from another, so that a flood with one does not hide the theft of the next. */
const OF_ONE_KEY: ReadonlySet<Reason> = new Set([...TOO_MANY, "key_unusable", "key_expired", "key_revoked"]);

/** Writes the audit records: exactly one final record for each request, a start record before calls that change things. */
export class Auditor {
  readonly #options: AuditorOptions;
  readonly #payloadLimits: PayloadLimits;
  #sequence = 0;
  #now = Number.NaN;
  #ts = "";
  /** Refusals that were counted and not written since the last record. */
  #unsampled = 0;

  constructor(options: AuditorOptions) {
    this.#options = options;
    this.#payloadLimits = { maxBytes: MAX_RECORD_BYTES - FIXED_RECORD_BYTES, names: options.redactedNames };
  }

  /**
   * Makes what the record will say of the message, and lets go of the body's text. Tells how many bytes the final record
   * takes at most; null when no record could hold the call.
   */
  prepare(trail: Trail): number | null {
    const audited = auditedMessage(trail);
    if (audited === null) return FIXED_RECORD_BYTES;
    const payload = fitPayload(audited, this.#payloadLimits);
    if (payload === null) return null;
    trail.payload = payload;
    trail.text = null;
    return FIXED_RECORD_BYTES + payloadBytes(payload);
  }

  /** Refusals that no record tells of yet, once there will be no other. */
  get untold(): number {
    return this.#unsampled;
  }

  start(trail: Trail): void {
    this.#write({ ...trail, isForwarded: true }, "start", STARTED, "allow", 0);
  }

  final(trail: Trail, ending: Ending): void {
    const durationMs = Math.round((this.#options.clock.monotonic() - trail.startedAt) * 10) / 10;
    const decision = decisionOf(trail, ending.reason);
    const { reason, status } = ending;
    const isWritten = this.#isWritten(trail, reason) && this.#write(trail, "final", ending, decision, durationMs);
    const { metrics, isBackend } = this.#options;
    if (!isWritten) {
      this.#unsampled += 1;
      metrics.unsampled(reason);
    }
    const backend = trail.backend !== null && isBackend(trail.backend) ? trail.backend : null;
    metrics.count({ role: trail.subject?.role ?? null, backend, decision, reason, status, durationMs });
  }

  /** Every call and every refusal of a good key is; of the others, which anyone can send, some are. */
  #isWritten(trail: Trail, reason: Reason): boolean {
    const isAnyones = trail.subject === null && reason !== "internal_error";
    if (!isAnyones && !TOO_MANY.has(reason)) return true;
    const { sampler } = this.#options;
    return sampler.isWritten(OF_ONE_KEY.has(reason) ? `${reason} ${trail.keyId ?? ""}` : reason);
  }

  /** False when there was no room for it. */
  #write(
    trail: Trail,
    phase: "start" | "final",
    ending: Ending,
    decision: AuditEntry["decision"],
    durationMs: number,
  ): boolean {
    const { message, subject } = trail;
    const trace = traceOf(message?.traceparent ?? trail.traceparent);
    const line = formatRecord({
      type: trail.isForwarded ? "mcp_tool_call" : "mcp_refusal",
      phase,
      ts: this.#timestamp(),
      request_id: trail.requestId,
      instance: this.#options.instance,
      seq: this.#sequence + 1,
      client_ip: trail.clientIp,
      key_id: trail.keyId,
      user: subject?.user ?? null,
      role: subject?.role ?? null,
      backend: trail.backend,
      ...this.#payloadOf(trail),
      protocol_version: auditedVersion(message?.claimedVersion ?? trail.protocolVersion),
      mcp_session: trail.session,
      trace_id: trace?.traceId ?? null,
      span_id: trace?.spanId ?? null,
      policy: trail.policy,
      decision,
      reason: ending.reason,
      http_status: ending.status,
      rpc_error_code: ending.rpcErrorCode,
      is_error: ending.isError,
      bytes_in: trail.body?.receivedBytes ?? 0,
      bytes_out: ending.bytesOut,
      unsampled: this.#unsampled,
      duration_ms: durationMs,
    });
    if (!this.#options.sink.append(line, trail.isForwarded)) return false;
    this.#sequence += 1;
    this.#unsampled = 0;
    return true;
  }

  /** Made once a millisecond: under load many records share it. */
  #timestamp(): string {
    const now = this.#options.clock.now();
    if (now !== this.#now) [this.#now, this.#ts] = [now, new Date(now).toISOString()];
    return this.#ts;
  }

  /** The record of a refusal is written whatever was sent. */
  #payloadOf(trail: Trail): Payload {
    if (trail.payload !== null) return trail.payload;
    const audited = auditedMessage(trail);
    if (audited === null) return NO_PAYLOAD;
    const limits = this.#payloadLimits;
    return fitPayload(audited, limits) ?? summaryPayload(audited, limits.names);
  }
}

function auditedMessage({ message, text }: Trail): AuditedMessage | null {
  if (message === null || text === null) return null;
  return { text, kind: message.kind, method: message.method, tool: message.tool };
}

/** At most: a character of a name is never longer than six bytes of JSON. */
function payloadBytes({ method, tool_name, jsonrpc_id, tool_args, params }: Payload): number {
  const names = 6 * ((method?.length ?? 4) + (tool_name?.length ?? 4));
  return names + bytesOf(jsonrpc_id) + bytesOf(tool_args) + bytesOf(params);
}

function bytesOf(raw: RawJson | null): number {
  return raw === null ? 4 : Buffer.byteLength(raw.json);
}

/** What was let through stays allowed, whatever ended it; the reason tells that. */
function decisionOf(trail: Trail, reason: Reason): AuditEntry["decision"] {
  if (trail.isForwarded) return "allow";
  return UNDECIDED.has(reason) ? "unknown" : "deny";
}
