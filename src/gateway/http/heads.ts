import { Refusal } from "../refusal.ts";

/** The request headers that decide something, each at most once; null when absent. */
export interface Heads {
  readonly host: string | null;
  readonly origin: string | null;
  readonly authorization: string | null;
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
  readonly contentLength: string | null;
  readonly sessionId: string | null;
  readonly protocolVersion: string | null;
  readonly mcpMethod: string | null;
  readonly mcpName: string | null;
  readonly traceparent: string | null;
  readonly expect: string | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const FIELDS: ReadonlyMap<string, keyof Heads> = new Map([
  ["host", "host"],
  ["origin", "origin"],
  ["authorization", "authorization"],
  ["content-type", "contentType"],
  ["content-encoding", "contentEncoding"],
  ["content-length", "contentLength"],
  ["mcp-session-id", "sessionId"],
  ["mcp-protocol-version", "protocolVersion"],
  ["mcp-method", "mcpMethod"],
  ["mcp-name", "mcpName"],
  ["traceparent", "traceparent"],
  ["expect", "expect"],
]);

/** What a name that stands twice is refused as. */
const TWICE: Readonly<Partial<Record<keyof Heads, Refusal["reason"]>>> = {
  host: "host_not_allowed",
  origin: "origin_not_allowed",
  authorization: "key_malformed",
};

/** Reads them from the raw headers, for node's own view drops or joins a name that stands twice. @throws Refusal */
export function readHeads(rawHeaders: readonly string[]): Heads {
  const heads: Mutable<Heads> = {
    host: null,
    origin: null,
    authorization: null,
    contentType: null,
    contentEncoding: null,
    contentLength: null,
    sessionId: null,
    protocolVersion: null,
    mcpMethod: null,
    mcpName: null,
    traceparent: null,
    expect: null,
  };
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase();
    if (name === CONNECTION) refuseDeciding(rawHeaders[at + 1] as string);
    const field = FIELDS.get(name);
    if (field === undefined) continue;
    const isRepeated = heads[field] !== null;
    if (isRepeated && field !== "traceparent") throw new Refusal(TWICE[field] ?? "http_malformed");
    // Two trace contexts are none, and no reason to refuse a call.
    heads[field] = isRepeated ? "" : (rawHeaders[at + 1] as string);
  }
  return heads;
}

const CONNECTION = "connection";

/** What Connection names does not reach the backend: nothing that was decided on may be named there. @throws Refusal */
function refuseDeciding(connection: string): void {
  for (const token of connection.split(","))
    if (FIELDS.has(token.trim().toLowerCase())) throw new Refusal("http_malformed");
}
