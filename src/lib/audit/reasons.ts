/**
 * Why the gateway let a call through or refused it: the published list behind `reason` in every audit record,
 * each with the sentence that `mcpctl` and the documentation use. Names are stable.
 */
export const REASONS = {
  granted: "The key's role is granted this backend, and nothing forbids the call.",

  key_missing: "The request carries no bearer token.",
  key_malformed: "The Authorization header is not one canonical bearer token, or its checksum is wrong.",
  key_unknown: "No such key is known to this gateway.",
  key_unusable: "The key's record cannot be used: it is malformed, claims another folder's role, or stands twice.",
  key_expired: "The key's end has passed.",
  key_revoked: "The key was revoked.",
  key_locked: "A lock names this key.",
  user_locked: "A lock names this user.",
  role_locked: "A lock names this role.",
  backend_locked: "A lock names this backend.",
  all_locked: "A lock refuses everything.",

  backend_unknown: "The registry has no such backend.",
  role_unknown: "The role file has no such role.",
  backend_not_granted: "The role is not granted this backend.",
  tool_not_granted: "The grant does not let this tool through.",
  method_not_granted: "A grant that is narrowed to tools lets nothing else through.",

  keys_unavailable: "The keys were never read, or are older than the limit.",
  policy_unavailable: "The role file or the registry was never read, or is older than the limit.",
  sessions_unavailable: "The session secret was never read, or is older than the limit.",
  locks_unavailable: "The denylist was never read, is not wholly understood, or is older than the limit.",
  audit_unavailable: "The audit record could not be written.",
  draining: "The gateway is shutting down.",
  overloaded: "The gateway holds as much as it may; nothing was read.",

  session_foreign: "The session id was not made for this key and backend.",
  grant_changed: "The grant or the backend's address changed while the call was under way.",
  rate_limited: "The key made more calls than it may in this time.",
  too_many_calls: "The key has as many calls or streams open as it may.",
  record_too_large: "The call's audit record would not fit, whatever is cut.",

  path_unknown: "The gateway serves nothing at this path.",
  host_not_allowed: "The Host header names a host that this gateway does not serve.",
  origin_not_allowed: "The Origin header names a web page that may not call this gateway.",
  http_method_not_allowed: "Only POST, GET and DELETE are served.",
  get_without_session: "A GET stream needs a session.",
  content_type_unsupported: "The body is not application/json.",
  encoding_unsupported: "The body is compressed; it could not be decided on as it is.",
  body_too_large: "The body is larger than the limit.",
  body_timeout: "The body did not arrive in time.",
  headers_too_large: "The headers are larger than the limit.",
  http_malformed: "The request is not HTTP that can be read in only one way.",
  body_malformed: "The body is not JSON.",
  body_ambiguous: "The body could be read in two ways: a name stands twice, or in another case.",
  not_json_rpc: "The body is not one JSON-RPC 2.0 message.",
  header_mismatch: "The MCP headers say something else than the body.",

  backend_unreachable: "The backend could not be reached.",
  backend_timeout: "The backend did not answer in time.",
  backend_unauthorized: "The backend refused the gateway's own access.",
  backend_redirect: "The backend tried to redirect the call.",
  backend_forbidden: "The backend's address is one that is never called: link-local or cloud metadata.",
  backend_malformed: "The backend's answer could not be used.",
  client_gone: "The client left before the answer.",
  internal_error: "A fault in the gateway itself; its log tells more.",
} as const;

export type Reason = keyof typeof REASONS;

/** Why a call was refused, or ended before its answer was whole. */
export type RefusalReason = Exclude<Reason, "granted">;

export const REASON_NAMES = Object.keys(REASONS) as readonly Reason[];

const NAMES: ReadonlySet<unknown> = new Set(REASON_NAMES);

/** Is this one of the published reasons? */
export function isReason(value: unknown): value is Reason {
  return NAMES.has(value);
}
