import type { Refusal } from "../refusal.ts";

/** A backend's headers as undici gives them: a name that stands twice, whichever it is, has an array. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

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
  if (status >= 300 && status < 400) return "backend_redirect";
  if (status < 200 || status > 599) return "backend_malformed";
  return null;
}

/** What the client gets: every header of the backend but those above and what its Connection names. */
export function relayedHeaders(headers: ResponseHeaders): Record<string, string | string[]> {
  const named = valuesOf(headers, "connection")
    .flatMap((value) => value.split(","))
    .map(normal);
  const relayed: Record<string, string | string[]> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !NOT_RELAYED.has(name) && !named.includes(name)) relayed[name] = value;
  }
  return relayed;
}

/** The media type, in lower case; empty when none is given, null when several are that disagree. */
export function mediaType(headers: ResponseHeaders): string | null {
  const [first = "", ...others] = valuesOf(headers, "content-type").map(normal);
  return others.every((other) => other === first) ? normal(first.split(";", 1)[0] as string) : null;
}

export function isEncoded(headers: ResponseHeaders): boolean {
  return valuesOf(headers, "content-encoding").some((value) => normal(value) !== "identity");
}

/** Is no charset told, or the one that JSON and events have (RFC 8259 section 8.1; WHATWG HTML section 9.2)? */
export function isUtf8(headers: ResponseHeaders): boolean {
  const told = valuesOf(headers, "content-type").flatMap(
    (value) => /charset\s*=\s*"?([^";\s]*)/i.exec(value)?.[1] ?? [],
  );
  return told.every((charset) => /^utf-?8$/i.test(charset));
}

function valuesOf(headers: ResponseHeaders, name: string): readonly string[] {
  const value = headers[name];
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

function normal(value: string): string {
  return value.trim().toLowerCase();
}
