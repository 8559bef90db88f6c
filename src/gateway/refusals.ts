import type { RefusalReason } from "../lib/audit/reasons.ts";

/** What a refused caller gets; the true reason stands in the audit record alone. */
export interface Refused {
  readonly status: number;
  /** The JSON-RPC error code; null for a plain answer that is not JSON-RPC. */
  readonly code: number | null;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

const NONE = {};
const CHALLENGE = { "www-authenticate": 'Bearer realm="mcp-gateway"' };
const BAD_TOKEN = { "www-authenticate": 'Bearer error="invalid_token"' };
const ALLOW = { allow: "POST, GET, DELETE" };
const ALLOW_POST = { allow: "POST" };
const RETRY = { "retry-after": "5" };

const KEY_REFUSED: Refused = { status: 401, code: -31401, message: "The key is not accepted", headers: BAD_TOKEN };
const FORBIDDEN: Refused = { status: 403, code: -31403, message: "This key does not open this server", headers: NONE };
const LOCKED: Refused = { status: 403, code: -31403, message: "Access is locked", headers: NONE };
const NOT_FOUND: Refused = { status: 404, code: -31404, message: "No such server", headers: NONE };
const NOT_READY: Refused = { status: 503, code: -31503, message: "The gateway cannot decide now", headers: RETRY };
const BAD_ANSWER: Refused = {
  status: 502,
  code: -31502,
  message: "The server did not give a usable answer",
  headers: NONE,
};

/** One row for each reason to refuse (the protocol's reference, section 2); nothing else is ever answered. */
export const REFUSALS: Readonly<Record<RefusalReason, Refused>> = {
  key_missing: { status: 401, code: -31401, message: "A key is required", headers: CHALLENGE },
  key_malformed: KEY_REFUSED,
  key_unknown: KEY_REFUSED,
  key_unusable: KEY_REFUSED,
  key_expired: KEY_REFUSED,
  key_revoked: KEY_REFUSED,
  key_locked: KEY_REFUSED,
  user_locked: KEY_REFUSED,
  role_locked: LOCKED,
  backend_locked: LOCKED,
  all_locked: LOCKED,

  backend_unknown: NOT_FOUND,
  path_unknown: NOT_FOUND,
  role_unknown: FORBIDDEN,
  backend_not_granted: FORBIDDEN,
  tool_not_granted: { status: 200, code: -32602, message: "Unknown tool", headers: NONE },
  method_not_granted: { status: 200, code: -32601, message: "Method not found", headers: NONE },

  keys_unavailable: NOT_READY,
  policy_unavailable: NOT_READY,
  sessions_unavailable: NOT_READY,
  locks_unavailable: NOT_READY,
  audit_unavailable: NOT_READY,
  draining: {
    status: 503,
    code: -31503,
    message: "The gateway is shutting down",
    headers: { ...RETRY, connection: "close" },
  },
  overloaded: { status: 503, code: -31503, message: "The gateway is busy", headers: RETRY },

  // True for this caller, whosever session it is: it has none of this name, and is to begin a new one.
  session_foreign: { status: 404, code: -31404, message: "Session not found", headers: NONE },
  grant_changed: { status: 503, code: -31503, message: "Access changed during the call", headers: RETRY },
  rate_limited: { status: 429, code: -31429, message: "Too many calls in this time", headers: { "retry-after": "1" } },
  too_many_calls: { status: 429, code: -31429, message: "Too many calls at once", headers: { "retry-after": "1" } },
  record_too_large: { status: 413, code: -31413, message: "The call is too large to be recorded", headers: NONE },

  host_not_allowed: { status: 403, code: -31403, message: "Host not allowed", headers: NONE },
  origin_not_allowed: { status: 403, code: -31403, message: "Origin not allowed", headers: NONE },
  http_method_not_allowed: { status: 405, code: -31405, message: "Method not allowed", headers: ALLOW },
  get_without_session: { status: 405, code: -31405, message: "Method not allowed", headers: ALLOW_POST },
  content_type_unsupported: {
    status: 415,
    code: -31415,
    message: "Content-Type must be application/json",
    headers: NONE,
  },
  encoding_unsupported: {
    status: 415,
    code: -31415,
    message: "Content-Encoding is not supported",
    headers: { "accept-encoding": "identity" },
  },
  body_too_large: { status: 413, code: -31413, message: "The body is too large", headers: NONE },
  body_timeout: {
    status: 408,
    code: -31408,
    message: "The body did not arrive in time",
    headers: { connection: "close" },
  },
  headers_too_large: {
    status: 431,
    code: -31431,
    message: "The headers are too large",
    headers: { connection: "close" },
  },
  http_malformed: { status: 400, code: -32600, message: "The request is malformed", headers: { connection: "close" } },
  body_malformed: { status: 400, code: -32700, message: "Parse error", headers: NONE },
  body_ambiguous: { status: 400, code: -32600, message: "The body can be read in two ways", headers: NONE },
  not_json_rpc: { status: 400, code: -32600, message: "Not one JSON-RPC 2.0 message", headers: NONE },
  header_mismatch: { status: 400, code: -32020, message: "Headers and body disagree", headers: NONE },

  backend_unreachable: { status: 502, code: -31502, message: "The server cannot be reached", headers: NONE },
  backend_timeout: { status: 504, code: -31504, message: "The server did not answer in time", headers: NONE },
  backend_unauthorized: BAD_ANSWER,
  backend_redirect: BAD_ANSWER,
  backend_malformed: BAD_ANSWER,
  backend_forbidden: BAD_ANSWER,
  // Never sent: there is nobody to send it to.
  client_gone: { status: 499, code: -31499, message: "The client left", headers: NONE },
  internal_error: { status: 500, code: -32603, message: "Internal error", headers: NONE },
};
