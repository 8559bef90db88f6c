import type { NamePool } from "./name-pool.ts";
import { isReason, type Reason } from "./reasons.ts";
import type { TimestampReader } from "./timestamp.ts";

/** What one audit record says of access: who asked for what, when, and what was decided then. */
export interface RecordedCall {
  readonly phase: "start" | "final";
  /** When the record was written, milliseconds since 1970. */
  readonly at: number;
  readonly requestId: string;
  readonly instance: string;
  readonly seq: number;
  readonly user: string | null;
  readonly role: string | null;
  readonly backend: string | null;
  /** Null for what carries none: a GET stream, a DELETE, a response. */
  readonly method: string | null;
  readonly tool: string | null;
  /** Whether method or tool stand there cut or redacted: what was asked for is then not known. */
  readonly isAltered: boolean;
  readonly decision: "allow" | "deny" | "unknown";
  readonly reason: Reason;
  /** Refusals that were counted and not written since the record before. */
  readonly unsampled: number;
}

/** The members of a record that a {@link RecordedCall} is made of; undefined where the record has none. */
export interface CallMembers {
  type?: unknown;
  phase?: unknown;
  ts?: unknown;
  request_id?: unknown;
  instance?: unknown;
  seq?: unknown;
  user?: unknown;
  role?: unknown;
  backend?: unknown;
  method?: unknown;
  tool_name?: unknown;
  decision?: unknown;
  reason?: unknown;
  unsampled?: unknown;
}

export const CALL_MEMBERS = [
  "type",
  "phase",
  "ts",
  "request_id",
  "instance",
  "seq",
  "user",
  "role",
  "backend",
  "method",
  "tool_name",
  "decision",
  "reason",
  "unsampled",
] as const satisfies readonly (keyof CallMembers)[];

const MAX_INSTANCE = 253;
const REQUEST_ID = /^req_[0-9A-Za-z_-]{6,64}$/;

/** What stands for a text that was too long (cut.ts, text-digest.ts), or within one for a token or key (redact.ts). */
const STAND_IN = /\[(?:(?:cut|omitted): \d+ bytes, sha256 [0-9a-f]{64}|token|k_[0-9a-f]{12})\]/;

/** Does this `type` call its line an audit record? */
export function isRecordType(type: unknown): boolean {
  return type === "mcp_tool_call" || type === "mcp_refusal";
}

/** The call that these members tell of; null when one of them is not what schemas/audit.schema.json says it is. */
export function callOf(members: CallMembers, timestamps: TimestampReader, names: NamePool): RecordedCall | null {
  const { phase, ts, request_id, instance, seq, decision, reason, unsampled = 0 } = members;
  const { user, role, backend, method, tool_name: tool } = members;
  if (phase !== "start" && phase !== "final") return null;
  if (decision !== "allow" && decision !== "deny" && decision !== "unknown") return null;
  if (typeof request_id !== "string" || !REQUEST_ID.test(request_id) || !isReason(reason)) return null;
  if (typeof instance !== "string" || instance === "" || isLongerThan(instance, MAX_INSTANCE)) return null;
  if (!isCount(seq) || seq === 0 || !isCount(unsampled)) return null;
  if (!isText(user) || !isText(role) || !isText(backend) || !isText(method) || !isText(tool)) return null;
  const at = typeof ts === "string" ? timestamps.read(ts) : null;
  if (at === null) return null;
  return {
    phase,
    at,
    requestId: request_id,
    instance,
    seq,
    user: names.of(user),
    role: names.of(role),
    backend: names.of(backend),
    method: names.of(method),
    tool: names.of(tool),
    isAltered: isAltered(method) || isAltered(tool),
    decision,
    reason,
    unsampled,
  };
}

/** A name that was written like a stand-in is taken for one: nobody can tell them apart. */
function isAltered(name: string | null): boolean {
  return name !== null && name.includes("[") && STAND_IN.test(name);
}

/** In characters, as JSON Schema counts them. */
function isLongerThan(text: string, length: number): boolean {
  return text.length > length && Array.from(text).length > length;
}

function isText(value: unknown): value is string | null {
  return typeof value === "string" || value === null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
