import { formatRecord, type AuditEntry, type RawJson } from "../lib/audit/format-record.ts";
import type { Reason } from "../lib/audit/reasons.ts";
import { withoutWhitespace } from "../lib/json/raw-json.ts";
import { redactJson, redactText } from "../lib/audit/redact.ts";
import type { Subject } from "../lib/keys/subject.ts";
import type { AuditSink } from "./audit-sink.ts";
import { rawArguments, type Message } from "./mcp/message.ts";
import type { Metrics } from "./metrics.ts";
import type { Clock } from "./state/clock.ts";

/** What is known of a request, filled in as it is learned; only the audit record is made of it. */
export interface Trail {
  readonly requestId: string;
  readonly startedAt: number;
  backend: string | null;
  keyId: string | null;
  subject: Subject | null;
  message: Message | null;
  /** Whether the call was let through to its backend. */
  isForwarded: boolean;
}

/** How a request ended. */
export interface Ending {
  readonly reason: Reason;
  readonly status: number | null;
  readonly rpcErrorCode: number | null;
  readonly isError: boolean | null;
}

export interface AuditorOptions {
  readonly sink: AuditSink;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly instance: string;
  /** Whether the registry has a backend of this name: a name that a caller made up is no label. */
  readonly isBackend: (name: string) => boolean;
}

/** A record without its arguments and names is never longer than this; those are never longer than twice the message. */
const RECORD_BYTES = 1024;
const STARTED: Ending = { reason: "granted", status: null, rpcErrorCode: null, isError: null };

/** Why a request was never decided; every other reason is a decision. */
const UNDECIDED: ReadonlySet<Reason> = new Set([
  "keys_unavailable",
  "policy_unavailable",
  "locks_unavailable",
  "audit_unavailable",
  "draining",
  "overloaded",
  "client_gone",
  "internal_error",
]);

/** Writes the audit records: exactly one final record for each request, a start record before calls that change things. */
export class Auditor {
  readonly #options: AuditorOptions;
  #sequence = 0;

  constructor(options: AuditorOptions) {
    this.#options = options;
  }

  /** How much room the final record of this call takes at most. */
  roomFor(trail: Trail): number {
    return RECORD_BYTES + (trail.message === null ? 0 : 2 * Buffer.byteLength(trail.message.text));
  }

  start(trail: Trail): void {
    this.#write({ ...trail, isForwarded: true }, "start", STARTED, "allow", 0);
  }

  final(trail: Trail, ending: Ending): void {
    const durationMs = Math.round((this.#options.clock.monotonic() - trail.startedAt) * 10) / 10;
    const decision = decisionOf(trail, ending.reason);
    this.#write(trail, "final", ending, decision, durationMs);
    const backend = trail.backend !== null && this.#options.isBackend(trail.backend) ? trail.backend : null;
    const { reason, status } = ending;
    this.#options.metrics.count({ role: trail.subject?.role ?? null, backend, decision, reason, status, durationMs });
  }

  #write(
    trail: Trail,
    phase: "start" | "final",
    ending: Ending,
    decision: AuditEntry["decision"],
    durationMs: number,
  ): void {
    const { message, subject } = trail;
    this.#sequence += 1;
    const line = formatRecord({
      type: trail.isForwarded ? "mcp_tool_call" : "mcp_refusal",
      phase,
      ts: new Date(this.#options.clock.now()).toISOString(),
      request_id: trail.requestId,
      instance: this.#options.instance,
      seq: this.#sequence,
      key_id: trail.keyId,
      user: subject?.user ?? null,
      role: subject?.role ?? null,
      backend: trail.backend,
      method: redacted(message?.method ?? null),
      tool_name: redacted(message?.tool ?? null),
      tool_args: message === null ? null : argumentsOf(message),
      decision,
      reason: ending.reason,
      http_status: ending.status,
      rpc_error_code: ending.rpcErrorCode,
      is_error: ending.isError,
      duration_ms: durationMs,
    });
    this.#options.sink.append(line, trail.isForwarded);
  }
}

function argumentsOf(message: Message): RawJson | null {
  const json = rawArguments(message);
  return json === null ? null : { json: redactJson(withoutWhitespace(json)) };
}

function redacted(text: string | null): string | null {
  return text === null ? null : redactText(text);
}

/** What was let through stays allowed, whatever ended it; the reason tells that. */
function decisionOf(trail: Trail, reason: Reason): AuditEntry["decision"] {
  if (trail.isForwarded) return "allow";
  return UNDECIDED.has(reason) ? "unknown" : "deny";
}
