import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditRecord } from "../../src/lib/audit/record.ts";
import {
  callHeaders,
  registryOf,
  ROLES,
  send,
  startTestGateway,
  toolCall,
  until,
  type Answer,
  type Ask,
  type TestGateway,
} from "../support/gateway.ts";
import { sendJson, startRawBackend, type Backend, type Received } from "../support/mcp-backend.ts";

const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Größe"}]}}';
const EVENTS = `event: message\ndata: ${ANSWER}\n\n`;

let backend: Backend & { readonly received: Received[] };
let gateway: TestGateway;
let asked = 0;

beforeAll(async () => {
  backend = await startRawBackend(({ method, body }, response) => {
    if (method === "DELETE") response.writeHead(204).end();
    else if (method === "GET") response.writeHead(200, { "content-type": "text/event-stream" }).end(EVENTS);
    else if (body.includes('"id"') && body.includes('"method"')) sendJson(response, ANSWER, 200, lengthOf(body));
    else response.writeHead(202).end();
  });
  gateway = await startTestGateway({ "eks-ro": backend.url, "mpl-rw": other() });
});

afterAll(async () => {
  await gateway.close();
  await backend.close();
});

/** Tools answer with a length, all else in chunks. */
const lengthOf = (body: Buffer): Readonly<Record<string, string>> =>
  body.includes("tools/call") ? { "content-length": String(Buffer.byteLength(ANSWER)) } : {};

/** The same server by another name: two backends may not share an address. */
const other = (): string => backend.url.replace("127.0.0.1", "localhost");

/** Asks once: the answer, and the one record that it left, also as text. A second record would be the next one's here. */
async function recordOf(ask: Ask): Promise<{ answer: Answer; record: AuditRecord; line: string }> {
  const answer = await send(gateway.url, { headers: callHeaders(gateway.key), ...ask });
  asked += 1;
  const records = await gateway.waitForRecords(asked);
  expect(records.map(({ seq }) => seq)).toEqual(Array.from({ length: asked }, (_none, at) => at + 1));
  const lines = (await readFile(join(gateway.folder, "log", "audit.jsonl"), "utf8")).split("\n");
  return { answer, record: records[asked - 1] as AuditRecord, line: lines[asked - 1] as string };
}

const withHeaders = (...extra: readonly string[]): readonly string[] => [...callHeaders(gateway.key), ...extra];

/** Everything of the record of a call that was answered, but what the case is about. */
const GRANTED = {
  type: "mcp_tool_call",
  phase: "final",
  ts: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
  request_id: expect.stringMatching(/^req_[\w-]{16}$/) as string,
  instance: "gw-test",
  seq: expect.any(Number) as number,
  client_ip: "127.0.0.1",
  user: "agent-01",
  role: "dev-readonly",
  backend: "eks-ro",
  method: null,
  jsonrpc_id: null,
  protocol_version: null,
  mcp_session: null,
  trace_id: null,
  span_id: null,
  tool_name: null,
  tool_args: null,
  params: null,
  cut_strings: 0,
  mrtr_retry: false,
  policy: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
  decision: "allow",
  reason: "granted",
  http_status: 200,
  rpc_error_code: null,
  is_error: null,
  unsampled: 0,
  duration_ms: expect.any(Number) as number,
} as const;
const OF_SESSION = { mcp_session: expect.stringMatching(/^s_[0-9a-f]{12}$/) as string };
const TAKEN = { http_status: 202 };

interface Case {
  readonly what: string;
  readonly body: string;
  readonly record: Partial<AuditRecord>;
}

const request = (method: string, params: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`;
const answered = (method: string, more: Partial<AuditRecord>): Partial<AuditRecord> => ({
  method,
  jsonrpc_id: 1,
  is_error: method === "tools/call" ? false : null,
  ...more,
});

const CASES: readonly Case[] = [
  {
    what: "a tool's call",
    body: request("tools/call", '{"name":"t","arguments":{"name":"Müller"},"task":{"ttl":60},"_meta":{"a":1}}'),
    record: answered("tools/call", { tool_name: "t", tool_args: { name: "Müller" }, params: { task: { ttl: 60 } } }),
  },
  {
    what: "a tool's call without arguments",
    body: request("tools/call", '{"name":"t"}'),
    record: answered("tools/call", { tool_name: "t" }),
  },
  {
    what: "a call that is repeated with what was asked for",
    body: request("tools/call", '{"name":"t","arguments":{},"inputResponses":{"q":{"ok":true}},"requestState":"x"}'),
    record: answered("tools/call", {
      tool_name: "t",
      tool_args: {},
      params: { inputResponses: { q: { ok: true } }, requestState: "x" },
      mrtr_retry: true,
    }),
  },
  ...[
    ["resources/read", { uri: "file:///etc/passwd" }] as const,
    ["resources/subscribe", { uri: "k8s://production/pods" }] as const,
    ["prompts/get", { name: "triage", arguments: { service: "payment" } }] as const,
    [
      "completion/complete",
      { ref: { type: "ref/prompt", name: "triage" }, argument: { name: "service", value: "pay" } },
    ] as const,
    ["logging/setLevel", { level: "debug" }] as const,
    [
      "initialize",
      { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "agent", version: "1" } },
    ] as const,
  ].map(([method, params]) => ({
    what: method,
    body: request(method, JSON.stringify(params)),
    record: answered(method, { params }),
  })),
  {
    what: "a notification",
    body: '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"user"}}',
    record: { ...TAKEN, method: "notifications/cancelled", params: { requestId: 7, reason: "user" } },
  },
  {
    what: "what the client's model said",
    body: '{"jsonrpc":"2.0","id":"s1","result":{"role":"assistant","content":{"type":"text","text":"delete it"}}}',
    record: {
      ...TAKEN,
      jsonrpc_id: "s1",
      params: { result: { role: "assistant", content: { type: "text", text: "delete it" } } },
    },
  },
  {
    what: "what the user was asked",
    body: '{"jsonrpc":"2.0","id":2,"result":{"action":"accept","content":{"confirm":true}}}',
    record: { ...TAKEN, jsonrpc_id: 2, params: { result: { action: "accept", content: { confirm: true } } } },
  },
  {
    what: "what the client refused",
    body: '{"jsonrpc":"2.0","id":3,"error":{"code":-1,"message":"no"}}',
    record: { ...TAKEN, jsonrpc_id: 3, params: { error: { code: -1, message: "no" } } },
  },
];

describe("one final record, whole,", () => {
  it.each(CASES)("is left by $what", async ({ body, record: expected }) => {
    const { answer, record } = await recordOf({ body });
    expect(record).toEqual({
      ...GRANTED,
      key_id: gateway.key.id,
      bytes_in: Buffer.byteLength(body),
      bytes_out: Buffer.byteLength(answer.body),
      ...expected,
    });
    expect(answer.body).toBe(expected.http_status === 202 ? "" : ANSWER);
  });

  it.each([
    { method: "GET", status: 200, bytesOut: Buffer.byteLength(EVENTS) },
    { method: "DELETE", status: 204, bytesOut: 0 },
  ])("is left by a $method", async ({ method, status, bytesOut }) => {
    const { record } = await recordOf({ method, headers: withHeaders("mcp-session-id", gateway.session("s")) });
    expect(record).toEqual({
      ...GRANTED,
      ...OF_SESSION,
      key_id: gateway.key.id,
      http_status: status,
      bytes_in: 0,
      bytes_out: bytesOut,
    });
  });

  it("is left by a refusal, with what was asked for", async () => {
    const body = toolCall("t", '{"namespace":"production"}', '"a"');
    const { answer, record } = await recordOf({ path: "/mcp/mpl-rw/mcp", body });
    expect(record).toEqual({
      ...GRANTED,
      key_id: gateway.key.id,
      type: "mcp_refusal",
      backend: "mpl-rw",
      decision: "deny",
      reason: "backend_not_granted",
      http_status: 403,
      rpc_error_code: -31403,
      method: "tools/call",
      tool_name: "t",
      tool_args: { namespace: "production" },
      jsonrpc_id: "a",
      bytes_in: Buffer.byteLength(body),
      bytes_out: Buffer.byteLength(answer.body),
    });
  });
});

describe("a record", () => {
  it.each(["12345678901234567890", "1.50", "-0", '"\\u00fc"', '"x y"', "null"])(
    "has the id %s as it was received",
    async (id) => {
      const { line } = await recordOf({ body: toolCall("t", "{}", id) });
      expect(line).toContain(`"jsonrpc_id":${id},"protocol_version"`);
    },
  );

  it("has numbers among the arguments as they were received", async () => {
    const args = '{"big":12345678901234567890,"exact":0.10,"e":1E+2}';
    expect((await recordOf({ body: toolCall("t", args) })).line).toContain(`"tool_args":${args},"params"`);
  });

  const META = "io.modelcontextprotocol/protocolVersion";
  it.each([
    { where: "nowhere", header: null, meta: null, version: null },
    { where: "in the header", header: "2025-11-25", meta: null, version: "2025-11-25" },
    { where: "in both", header: "2026-07-28", meta: "2026-07-28", version: "2026-07-28" },
    { where: "in both, not the same,", header: "2025-11-25", meta: "2026-07-28", version: "2026-07-28" },
    { where: "at length", header: "v".repeat(200), meta: null, version: "v".repeat(32) },
  ])("has the version that is claimed $where", async ({ header, meta, version }) => {
    const body = `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":${meta === null ? "{}" : `{"${META}":"${meta}"}`}}}`;
    const headers = withHeaders(
      ...(header === null ? [] : ["mcp-protocol-version", header]),
      ...(meta === null ? [] : ["mcp-method", "ping"]),
    );
    expect((await recordOf({ headers, body })).record.protocol_version).toBe(version);
  });

  const [ONE, OTHER] = ["a", "b"].map((digit) => ({ trace: digit.repeat(32), span: digit.repeat(16) }));
  const traceparent = (of: typeof ONE): string => `00-${of?.trace}-${of?.span}-01`;
  it.each([
    { when: "the message has one", header: null, meta: traceparent(ONE), found: ONE },
    { when: "the header has one", header: traceparent(OTHER), meta: null, found: OTHER },
    { when: "both have one, the message's,", header: traceparent(OTHER), meta: traceparent(ONE), found: ONE },
    { when: "neither has one, none", header: null, meta: null, found: undefined },
    { when: "the header's is not valid, none", header: "00-xyz-1-01", meta: null, found: undefined },
    { when: "it is all zero, none", header: `00-${"0".repeat(32)}-${"b".repeat(16)}-01`, meta: null, found: undefined },
    { when: "the message's is not valid, none", header: null, meta: `${traceparent(ONE)}-x`, found: undefined },
  ])("has a trace: when $when", async ({ header, meta, found }) => {
    const { record } = await recordOf({
      headers: withHeaders(...(header === null ? [] : ["traceparent", header])),
      body: request("ping", JSON.stringify({ _meta: meta === null ? {} : { traceparent: meta } })),
    });
    expect([record.trace_id, record.span_id]).toEqual([found?.trace ?? null, found?.span ?? null]);
  });

  it("tells one policy from another by roles and by registry, and the same again as the same", async () => {
    const policy = async (): Promise<string | null> => (await recordOf({ body: toolCall("t") })).record.policy;
    const first = await policy();
    const registry = registryOf({ "eks-ro": backend.url, "mpl-rw": other() });
    await gateway.put("roles.yaml", `${ROLES}  other: [eks-ro]\n`);
    const second = await until(policy, (now) => now !== first);
    await gateway.put("backends.yaml", `${registry}# changed\n`);
    const third = await until(policy, (now) => now !== second);
    await gateway.put("roles.yaml", ROLES);
    await gateway.put("backends.yaml", registry);
    expect(await until(policy, (now) => now === first)).toBe(first);
    expect(new Set([first, second, third]).size).toBe(3);
  });
});
