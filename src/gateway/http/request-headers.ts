import type { Subject } from "../../lib/keys/subject.ts";

/** The request headers that are not forwarded, and why. */
const NOT_FORWARDED = new Set([
  // Set from the backend's URL.
  "host",
  // About this connection, not about the call (RFC 9110 section 7.6.1); the body is sent again with its own length.
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "content-length",
  "expect",
  // The agent's key must never reach a backend.
  "authorization",
  "proxy-authorization",
  "cookie",
  // Where a call came from is the gateway's to say.
  "forwarded",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "cf-connecting-ip",
  "true-client-ip",
  // Rewrites of path and method that some frameworks obey.
  "x-original-url",
  "x-rewrite-url",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  // Set by the gateway.
  "x-request-id",
]);

/**
 * Families of headers: what proxies say of the caller and of the path, who the caller is to some authenticating proxy,
 * what the gateway says of the caller, and names with `_`, which CGI-like servers take for names with `-`.
 */
const NOT_FORWARDED_PATTERN = /^(?:x-forwarded-|x-envoy-|x-mcpctl-)|(?:^|-)remote-user$|_/;

/** An answer that is to be filtered must come whole and readable. */
const NOT_WHEN_FILTERED = new Set(["accept-encoding", "range", "if-range"]);
const SESSION = "mcp-session-id";

export interface ForwardedCall {
  readonly requestId: string;
  readonly subject: Subject;
  /** The backend's own session id, in place of the one that wraps it. */
  readonly sessionId: string | null;
  /** Whether the answer must be readable to the gateway, that is, not compressed. */
  readonly needsIdentity: boolean;
}

/** What a backend gets: every header as it was received, but those above, what Connection names, `x-mcpctl-*` and names with `_`. */
export function forwardedHeaders(rawHeaders: readonly string[], call: ForwardedCall): string[] {
  const named = namedByConnection(rawHeaders);
  const headers: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const raw = rawHeaders[at] as string;
    const name = raw.toLowerCase();
    if (NOT_FORWARDED.has(name) || NOT_FORWARDED_PATTERN.test(name)) continue;
    if (named?.has(name) === true || (call.needsIdentity && NOT_WHEN_FILTERED.has(name))) continue;
    headers.push(raw, name === SESSION && call.sessionId !== null ? call.sessionId : (rawHeaders[at + 1] as string));
  }
  if (call.needsIdentity) headers.push("accept-encoding", "identity");
  headers.push("x-request-id", call.requestId, "x-mcpctl-user", call.subject.user, "x-mcpctl-role", call.subject.role);
  return headers;
}

function namedByConnection(rawHeaders: readonly string[]): ReadonlySet<string> | null {
  let named: Set<string> | null = null;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (
      (rawHeaders[at] as string).length !== "connection".length ||
      (rawHeaders[at] as string).toLowerCase() !== "connection"
    )
      continue;
    named ??= new Set();
    for (const token of (rawHeaders[at + 1] as string).split(",")) named.add(token.trim().toLowerCase());
  }
  return named;
}
