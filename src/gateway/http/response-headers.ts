import type { IncomingHttpHeaders } from "node:http";
import type { Refusal } from "../refusal.ts";

/** The response headers that are not relayed, and why. */
const NOT_RELAYED = new Set([
  // About the backend's connection, not about the answer.
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // A client would take a challenge for the gateway's own and start OAuth.
  "www-authenticate",
  "proxy-authenticate",
  // The agents' client is no browser, and all backends share the gateway's name.
  "set-cookie",
]);

/** Why must this answer not be relayed? Null when it may. */
export function unusableAnswer(status: number): Refusal["reason"] | null {
  if (status === 401 || status === 403 || status === 407) return "backend_unauthorized";
  if (status === 304 || (status >= 300 && status < 400)) return "backend_redirect";
  if (status < 200 || status > 599) return "backend_malformed";
  return null;
}

/** What the client gets: every header of the backend but those above and what its Connection names. */
export function relayedHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const named = headers.connection?.split(",").map((token) => token.trim().toLowerCase()) ?? [];
  const relayed: Record<string, string | string[]> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !NOT_RELAYED.has(name) && !named.includes(name)) relayed[name] = value;
  }
  return relayed;
}

export function mediaType(headers: IncomingHttpHeaders): string {
  return (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

export function isEncoded(headers: IncomingHttpHeaders): boolean {
  const encoding = headers["content-encoding"];
  return encoding !== undefined && encoding.toLowerCase() !== "identity";
}
