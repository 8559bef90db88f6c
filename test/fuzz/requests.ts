import { mutatedMessage, pick, type Below } from "./body-mutations.ts";
import { tagOf } from "./tags.ts";
import { BACKENDS, HOLDER_NAMES, type HolderName, type Holders } from "./world.ts";

/** One request as it goes over the wire, and whose keys it carries. */
export interface Sent {
  readonly number: number;
  readonly bytes: Buffer;
  readonly holders: readonly HolderName[];
  /** Whether the client leaves before all of it was sent. */
  readonly isCut: boolean;
}

/** The lines of a request's head, and what comes after them. */
interface Draft {
  lines: string[];
  body: string;
  holders: HolderName[];
}

/** The head of a call as any honest client would send it. */
export function headLines(number: number, backend: string, token: string, host: string): string[] {
  return [
    `POST /mcp/${backend}/mcp HTTP/1.1`,
    `Host: ${host}`,
    `X-Fuzz: ${tagOf(number)}`,
    `Authorization: Bearer ${token}`,
    "Content-Type: application/json",
    "Accept: application/json, text/event-stream",
  ];
}

export function wireText(lines: readonly string[], body: string): Buffer {
  // Headers are letters of one byte, bodies are UTF-8.
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), Buffer.from(body)]);
}

/** A request with something wrong with it, most of the time. */
export function mutatedRequest(number: number, holders: Holders, below: Below): Sent {
  const name = pick<HolderName>(below, [...HOLDER_NAMES, "wide", "slim", "slim"]);
  const lines = headLines(number, pick(below, BACKENDS), holders[name].key.token.reveal(), "localhost");
  const draft: Draft = { lines, body: mutatedMessage(below), holders: [name] };
  for (let times = below(3); times > 0; times -= 1) pick(below, HEAD_MUTATIONS)(draft, below, holders);
  pick(below, FRAMINGS)(draft, below);
  let bytes = wireText(draft.lines, draft.body);
  if (below(3) === 0) bytes = mutatedBytes(bytes, below);
  const isCut = below(10) === 0;
  return { number, bytes: isCut ? bytes.subarray(0, below(bytes.length)) : bytes, holders: draft.holders, isCut };
}

type HeadMutation = (draft: Draft, below: Below, holders: Holders) => void;

const FIRSTS = [
  "GET /mcp/alpha/mcp HTTP/1.1",
  "DELETE /mcp/alpha/mcp HTTP/1.1",
  "PUT /mcp/alpha/mcp HTTP/1.1",
  "OPTIONS * HTTP/1.1",
  "CONNECT localhost:1 HTTP/1.1",
  "HEAD /mcp/beta/mcp HTTP/1.1",
  "TRACE /mcp/beta/mcp HTTP/1.1",
  "POST /mcp/beta/mcp HTTP/1.0",
  "POST /mcp/beta/mcp HTTP/2.0",
  "POST http://localhost/mcp/alpha/mcp HTTP/1.1",
  "POST /mcp/alpha/../gamma/mcp HTTP/1.1",
  "POST /mcp/alpha%2fmcp HTTP/1.1",
  "POST /mcp/alpha/mcp?x HTTP/1.1",
  "POST /mcp/ALPHA/mcp HTTP/1.1",
  "POST /mcp/delta/mcp HTTP/1.1",
  "POST /mcp/alpha/other HTTP/1.1",
  "POST /alpha/mcp HTTP/1.1",
  "POST /.well-known/oauth-protected-resource HTTP/1.1",
];
const EXTRAS = [
  "Host: evil.example",
  "Host: localhost",
  "Origin: https://evil.example",
  "Origin: null",
  "Mcp-Session-Id: s-1",
  "MCP-Protocol-Version: 2026-07-28",
  "MCP-Protocol-Version: 2025-11-25",
  "Mcp-Method: tools/call",
  "Mcp-Method: tools/list",
  "Mcp-Name: eks_get_pods",
  "Mcp-Name: =?base64?ZWtzX2RlbGV0ZV9wb2Q=?=",
  "X-Mcpctl-User: root",
  "X-Mcpctl-Role: wide",
  "x_mcpctl_role: wide",
  "X-Request-Id: mine",
  "Cookie: a=b",
  "Proxy-Authorization: Basic eDp5",
  "X-Forwarded-For: 10.0.0.1",
  "X-HTTP-Method-Override: DELETE",
  "Connection: close, x-mcpctl-user, x-mcpctl-role, x-request-id, content-length",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Expect: 100-continue",
  "Expect: a miracle",
  "TE: trailers",
  "Trailer: x-mcpctl-user",
  "Content-Encoding: gzip",
  "Accept-Encoding: gzip",
  "Content-Type: text/plain",
  "X-A: b\r\n folded",
  "X-A : b",
  "X-A: b\nX-Mcpctl-Role: wide",
  "X-A: b\0c",
  "X-A: \u00e4\u00ff",
  `X-A: ${"x".repeat(17_000)}`,
];

const HEAD_MUTATIONS: readonly HeadMutation[] = [
  ({ lines }, below) => void lines.splice(0, 1, pick(below, FIRSTS)),
  ({ lines }, below) => void lines.splice(1 + below(lines.length), 0, pick(below, EXTRAS)),
  ({ lines }, below) => void lines.splice(1 + below(lines.length), 0, pick(below, EXTRAS)),
  ({ lines }, below) => void lines.splice(1 + below(lines.length - 1), 1),
  ({ lines }, below) => void lines.splice(1 + below(lines.length), 0, lines[1 + below(lines.length - 1)] as string),
  ({ lines }, below) => void lines.push(...lines.splice(1 + below(lines.length - 1), 1)),
  (draft, below, holders) => {
    const other = pick(below, HOLDER_NAMES);
    draft.holders.push(other);
    draft.lines.push(`Authorization: Bearer ${holders[other].key.token.reveal()}`);
  },
  ({ lines }, below) => {
    const at = lines.findIndex((line) => line.startsWith("Authorization"));
    if (at < 0) return;
    const line = lines[at] as string;
    lines[at] = pick(below, [
      line.toLowerCase(),
      line.replace("Bearer", "bearer "),
      line.replace("Bearer ", ""),
      `${line}=`,
      line.slice(0, -4),
      "Authorization: Bearer",
      `Authorization: Bearer ${"A".repeat(5_000)}`,
    ]);
  },
];

/** How the body is framed: rightly, as often as not. */
const FRAMINGS: readonly ((draft: Draft, below: Below) => void)[] = [
  withLength,
  withLength,
  withLength,
  withLength,
  inChunks,
  inChunks,
  (draft, below) => {
    withLength(draft);
    draft.lines.push(pick(below, ["Transfer-Encoding: chunked", "Content-Length: 5", "Transfer-Encoding: xchunked"]));
  },
  (draft, below) => {
    const length = Buffer.byteLength(draft.body);
    const claimed = pick(below, [
      `+${length}`,
      `0x${length.toString(16)}`,
      `${length} 1`,
      String(length + 7),
      String(Math.max(0, length - 7)),
      "",
      `${length},${length}`,
    ]);
    draft.lines.push(`Content-Length: ${claimed}`);
  },
  () => undefined,
];

function withLength(draft: Draft): void {
  draft.lines.push(`Content-Length: ${Buffer.byteLength(draft.body)}`);
}

function inChunks(draft: Draft, below: Below): void {
  const size = Buffer.byteLength(draft.body).toString(16);
  const trailer = pick(below, ["", "", "", "X-Mcpctl-Role: wide\r\n", "Content-Length: 5\r\n", "bad\r\n"]);
  const head = pick(below, [
    size,
    size,
    size,
    `0${size}`,
    `${size};a=b`,
    `${size} `,
    `-${size}`,
    `0x${size}`,
    `${size}0`,
    "",
    `1${"0".repeat(16)}${size}`,
  ]);
  const end = pick(below, ["\r\n", "\r\n", "\r\n", "\n", ""]);
  draft.lines.push(
    pick(below, [
      "Transfer-Encoding: chunked",
      "Transfer-Encoding: CHUNKED",
      "transfer-encoding:chunked",
      "Transfer-Encoding: gzip, chunked",
    ]),
  );
  draft.body = size === "0" ? "0\r\n\r\n" : `${head}${end}${draft.body}${end}0${end}${trailer}${end}`;
}

const ODD_BYTES = [0, 9, 10, 13, 32, 34, 58, 92, 123, 125, 127, 128, 255];

/** Flips, inserts, deletes or doubles a few bytes; never so many that two requests of one connection become one. */
function mutatedBytes(bytes: Buffer, below: Below): Buffer {
  let out = bytes;
  for (let times = 1 + below(3); times > 0; times -= 1) {
    const at = below(out.length);
    const rest = out.subarray(at);
    const odd = Buffer.from([below(2) === 0 ? pick(below, ODD_BYTES) : below(256)]);
    const length = 1 + below(8);
    const parts = pick(below, [
      [odd, rest.subarray(1)],
      [odd, rest],
      [rest.subarray(length)],
      [rest.subarray(0, length), rest],
    ]);
    out = Buffer.concat([out.subarray(0, at), ...parts]);
  }
  return out;
}
