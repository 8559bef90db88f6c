import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditRecord } from "../../src/lib/audit/record.ts";
import { mintKey } from "../../src/lib/keys/key.ts";
import {
  callHeaders,
  send,
  startTestGateway,
  toolCall,
  until,
  type Answer,
  type Ask,
  type TestGateway,
} from "../support/gateway.ts";
import { sendJson, startRawBackend, type Backend, type Received } from "../support/mcp-backend.ts";

let backend: Backend & { readonly received: Received[] };
let odd: Backend;
let gateway: TestGateway;

const keys = Object.fromEntries(
  ["good", "expired", "revoked", "foreign", "locked", "lockedUser", "lockedRole", "unknown"].map((name) => [
    name,
    mintKey(randomBytes),
  ]),
);
const FAR = "2099-01-01T00:00:00Z";

beforeAll(async () => {
  backend = await startRawBackend((_got, response) =>
    sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'),
  );
  odd = await startRawBackend(({ url }, response) => oddAnswer(url, response));
  const entry = (name: string, record: string): Record<string, string> => ({
    [`${record.split("/")[0]}.${keys[name]?.hash}`]: record,
  });
  gateway = await startTestGateway(
    {},
    {
      keys: JSON.stringify({
        ...entry("good", "dev-readonly/agent-01"),
        ...entry("expired", "dev-readonly/agent-01?exp=2020-01-01T00:00:00Z"),
        ...entry("revoked", "dev-readonly/agent-01"),
        [`dev-readonly.${keys["revoked"]?.hash}.revoked`]: "garbage",
        [`dev-readonly.${keys["foreign"]?.hash}`]: "admin/agent-01",
        ...entry("locked", "dev-readonly/agent-02"),
        ...entry("lockedUser", "dev-readonly/agent-03"),
        ...entry("lockedRole", "locked-role/agent-04"),
      }),
      locks: JSON.stringify({
        locks: [
          {
            id: "lock_1",
            match: { key: keys["locked"]?.id },
            reason: "leaked",
            tell: false,
            by: "me",
            at: "2026-01-01T00:00:00Z",
            until: null,
          },
          {
            id: "lock_2",
            match: { user: "agent-03" },
            reason: "pasted in a ticket",
            tell: true,
            by: "me",
            at: "2026-01-01T00:00:00Z",
            until: FAR,
          },
          {
            id: "lock_3",
            match: { role: "locked-role" },
            reason: "x",
            tell: false,
            by: "me",
            at: "2026-01-01T00:00:00Z",
            until: null,
          },
          {
            id: "lock_4",
            match: { backend: "locked" },
            reason: "x",
            tell: false,
            by: "me",
            at: "2026-01-01T00:00:00Z",
            until: null,
          },
        ],
      }),
      roles: `roleMapping:
  dev-readonly: [eks-ro, locked, down, "unauthorized", redirect, garbage, { backend: narrow, tools: { allow: [eks_get_*] } }]
  locked-role: [eks-ro]
`,
      backends: `backends:
  eks-ro: ${row(backend.url, "mcp")}
  narrow: ${row(backend.url, "narrow")}
  eks-rw: ${row(backend.url, "rw", "rw")}
  locked: ${row(backend.url, "locked")}
  down: ${row("http://127.0.0.1:1", "mcp")}
  unauthorized: ${row(odd.url, "unauthorized")}
  redirect: ${row(odd.url, "redirect")}
  garbage: ${row(odd.url, "garbage")}
`,
    },
  );
});

afterAll(async () => {
  await gateway.close();
  await Promise.all([backend.close(), odd.close()]);
});

function row(url: string, path: string, access = "ro"): string {
  return `{ service: eks, environment: stage, access: ${access}, owner: platform, url: "${url}/at-${path}", path: ${path} }`;
}

function oddAnswer(url: string, response: Parameters<typeof sendJson>[0]): void {
  if (url.endsWith("/unauthorized"))
    sendJson(response, "{}", 401, { "www-authenticate": 'Bearer resource_metadata="http://x/"' });
  else if (url.endsWith("/redirect")) sendJson(response, "{}", 307, { location: "http://elsewhere.invalid/" });
  else response.socket?.end("not HTTP at all\r\n\r\n");
}

const CALL = toolCall("eks_get_pods", '{"namespace":"production"}');
const TOLD = { method: "tools/call", tool_name: "eks_get_pods", tool_args: { namespace: "production" } };
const UNTOLD = { method: null, tool_name: null, tool_args: null };

interface Expected {
  readonly status: number;
  readonly code: number | null;
  readonly message?: string;
  readonly id?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly record: Partial<AuditRecord>;
}

interface Case extends Expected {
  readonly when: string;
  readonly ask: () => Ask;
}

const post =
  (key: string, changes: Ask = {}) =>
  (): Ask => ({ headers: callHeaders(keys[key] ?? key), body: CALL, ...changes });
const withHeaders =
  (extra: readonly string[], changes: Ask = {}) =>
  (): Ask => ({ body: CALL, ...changes, headers: [...callHeaders(keys["good"] ?? ""), ...extra] });
const as = (name: string, user = "agent-01", role = "dev-readonly"): Partial<AuditRecord> => ({
  key_id: keys[name]?.id ?? null,
  user,
  role,
});
const nobody = (name?: string): Partial<AuditRecord> => ({
  key_id: name === undefined ? null : (keys[name]?.id ?? null),
  user: null,
  role: null,
});
const BAD_KEY = {
  status: 401,
  code: -31401,
  message: "The key is not accepted",
  headers: { "www-authenticate": 'Bearer error="invalid_token"' },
  id: null,
};
const NO_KEY = {
  ...BAD_KEY,
  message: "A key is required",
  headers: { "www-authenticate": 'Bearer realm="mcp-gateway"' },
};

const CASES: readonly Case[] = [
  {
    when: "no key",
    ask: () => ({ headers: ["content-type", "application/json"], body: CALL }),
    ...NO_KEY,
    record: { ...nobody(), ...UNTOLD, reason: "key_missing" },
  },
  {
    when: "a key twice",
    ask: withHeaders(["authorization", "Bearer x"]),
    ...BAD_KEY,
    record: { ...nobody(), ...UNTOLD, backend: null, reason: "key_malformed" },
  },
  {
    when: "another scheme",
    ask: () => ({ headers: ["authorization", "Basic eDp5", "content-type", "application/json"], body: CALL }),
    ...BAD_KEY,
    record: { ...nobody(), ...UNTOLD, reason: "key_malformed" },
  },
  {
    when: "a token that is not base64",
    ask: post("@@@"),
    ...BAD_KEY,
    record: { ...nobody(), ...UNTOLD, reason: "key_malformed" },
  },
  {
    when: "an unknown key",
    ask: post("unknown"),
    ...BAD_KEY,
    record: { ...nobody("unknown"), ...UNTOLD, reason: "key_unknown" },
  },
  {
    when: "an expired key",
    ask: post("expired"),
    ...BAD_KEY,
    record: { ...nobody("expired"), ...UNTOLD, reason: "key_expired" },
  },
  {
    when: "a revoked key",
    ask: post("revoked"),
    ...BAD_KEY,
    record: { ...nobody("revoked"), ...UNTOLD, reason: "key_revoked" },
  },
  {
    when: "a key that claims another folder's role",
    ask: post("foreign"),
    ...BAD_KEY,
    record: { ...nobody("foreign"), ...UNTOLD, reason: "key_unusable" },
  },
  {
    when: "a locked key",
    ask: post("locked"),
    ...BAD_KEY,
    id: 1,
    record: { ...as("locked", "agent-02"), ...TOLD, reason: "key_locked" },
  },
  {
    when: "a locked user, told why",
    ask: post("lockedUser"),
    ...BAD_KEY,
    id: 1,
    message: "Locked: pasted in a ticket",
    record: { ...as("lockedUser", "agent-03"), ...TOLD, reason: "user_locked" },
  },
  {
    when: "a locked role",
    ask: post("lockedRole"),
    status: 403,
    code: -31403,
    message: "Access is locked",
    id: 1,
    record: { ...as("lockedRole", "agent-04", "locked-role"), ...TOLD, reason: "role_locked" },
  },
  {
    when: "a locked backend",
    ask: post("good", { path: "/mcp/locked/locked" }),
    status: 403,
    code: -31403,
    message: "Access is locked",
    id: 1,
    record: { ...as("good"), ...TOLD, backend: "locked", reason: "backend_locked" },
  },
  {
    when: "a backend that is not granted",
    ask: post("good", { path: "/mcp/eks-rw/rw" }),
    status: 403,
    code: -31403,
    message: "This key does not open this server",
    id: 1,
    record: { ...as("good"), ...TOLD, backend: "eks-rw", reason: "backend_not_granted" },
  },
  {
    when: "a backend that does not exist",
    ask: post("good", { path: "/mcp/no-such/mcp" }),
    status: 404,
    code: -31404,
    message: "No such server",
    id: 1,
    record: { ...as("good"), ...TOLD, backend: "no-such", reason: "backend_unknown" },
  },
  {
    when: "a backend that does not exist, without a key",
    ask: () => ({ path: "/mcp/no-such/mcp", body: CALL }),
    ...NO_KEY,
    record: { ...nobody(), ...UNTOLD, backend: "no-such", reason: "key_missing" },
  },
  {
    when: "another path than the registry's",
    ask: post("good", { path: "/mcp/eks-ro/sse" }),
    status: 404,
    code: -31404,
    message: "No such server",
    id: 1,
    record: { ...as("good"), ...TOLD, reason: "path_unknown" },
  },
  {
    when: "a tool that the grant leaves out",
    ask: post("good", { path: "/mcp/narrow/narrow", body: toolCall("eks_delete_pod") }),
    status: 200,
    code: -32602,
    message: "Unknown tool: eks_delete_pod",
    id: 1,
    record: {
      ...as("good"),
      method: "tools/call",
      tool_name: "eks_delete_pod",
      tool_args: {},
      backend: "narrow",
      reason: "tool_not_granted",
    },
  },
  {
    when: "a method that a narrowed grant leaves out",
    ask: post("good", { path: "/mcp/narrow/narrow", body: '{"jsonrpc":"2.0","id":"a","method":"resources/list"}' }),
    status: 200,
    code: -32601,
    message: "Method not found",
    id: "a",
    record: { ...as("good"), ...UNTOLD, method: "resources/list", backend: "narrow", reason: "method_not_granted" },
  },
  {
    when: "such a method in revision 2026-07-28",
    ask: withHeaders(["mcp-protocol-version", "2026-07-28", "mcp-method", "resources/list"], {
      path: "/mcp/narrow/narrow",
      body: '{"jsonrpc":"2.0","id":"a","method":"resources/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}',
    }),
    status: 404,
    code: -32601,
    message: "Method not found",
    id: "a",
    record: { ...as("good"), ...UNTOLD, method: "resources/list", backend: "narrow", reason: "method_not_granted" },
  },
  {
    when: "another page's origin",
    ask: withHeaders(["origin", "https://evil.example"]),
    status: 403,
    code: -31403,
    message: "Origin not allowed",
    id: null,
    record: { ...nobody(), ...UNTOLD, backend: null, reason: "origin_not_allowed" },
  },
  {
    when: "another host",
    ask: withHeaders(["host", "evil.example:8080"]),
    status: 403,
    code: -31403,
    message: "Host not allowed",
    id: null,
    record: { ...nobody(), ...UNTOLD, backend: null, reason: "host_not_allowed" },
  },
  {
    when: "a GET without a session",
    ask: () => ({ method: "GET", headers: callHeaders(keys["good"] ?? "") }),
    status: 405,
    code: -31405,
    message: "Method not allowed",
    headers: { allow: "POST" },
    id: null,
    record: { ...nobody(), ...UNTOLD, backend: null, reason: "get_without_session" },
  },
  {
    when: "another HTTP method",
    ask: () => ({ method: "PUT", headers: callHeaders(keys["good"] ?? ""), body: CALL }),
    status: 405,
    code: -31405,
    message: "Method not allowed",
    headers: { allow: "POST, GET, DELETE" },
    id: null,
    record: { ...nobody(), ...UNTOLD, backend: null, reason: "http_method_not_allowed" },
  },
  {
    when: "another content type",
    ask: () => ({
      headers: ["authorization", `Bearer ${keys["good"]?.token.reveal()}`, "content-type", "text/plain"],
      body: CALL,
    }),
    status: 415,
    code: -31415,
    message: "Content-Type must be application/json",
    id: null,
    record: { ...as("good"), ...UNTOLD, reason: "content_type_unsupported" },
  },
  {
    when: "a compressed body",
    ask: withHeaders(["content-encoding", "gzip"]),
    status: 415,
    code: -31415,
    message: "Content-Encoding is not supported",
    headers: { "accept-encoding": "identity" },
    id: null,
    record: { ...as("good"), ...UNTOLD, reason: "encoding_unsupported" },
  },
  {
    when: "a body of 5 MiB",
    ask: post("good", { body: Buffer.alloc(5 * 1024 * 1024, 0x20) }),
    status: 413,
    code: -31413,
    message: "The body is too large",
    id: null,
    record: { ...as("good"), ...UNTOLD, reason: "body_too_large" },
  },
  {
    when: "a body of 5 MiB in chunks",
    ask: withHeaders(["transfer-encoding", "chunked"], { body: Buffer.alloc(5 * 1024 * 1024, 0x20) }),
    status: 413,
    code: -31413,
    message: "The body is too large",
    id: null,
    record: { ...as("good"), ...UNTOLD, reason: "body_too_large" },
  },
  ...bodyCases(),
  {
    when: "headers that name another method (2026-07-28)",
    ask: modern(["mcp-method", "tools/list", "mcp-name", "eks_get_pods"]),
    status: 400,
    code: -32020,
    message: "Headers and body disagree",
    id: 1,
    record: {
      ...as("good"),
      method: "tools/call",
      tool_name: "eks_get_pods",
      tool_args: null,
      reason: "header_mismatch",
    },
  },
  {
    when: "headers that name another tool (2026-07-28)",
    ask: modern(["mcp-method", "tools/call", "mcp-name", "eks_delete_pod"]),
    status: 400,
    code: -32020,
    message: "Headers and body disagree",
    id: 1,
    record: {
      ...as("good"),
      method: "tools/call",
      tool_name: "eks_get_pods",
      tool_args: null,
      reason: "header_mismatch",
    },
  },
  {
    when: "headers without the method (2026-07-28)",
    ask: modern([]),
    status: 400,
    code: -32020,
    message: "Headers and body disagree",
    id: 1,
    record: {
      ...as("good"),
      method: "tools/call",
      tool_name: "eks_get_pods",
      tool_args: null,
      reason: "header_mismatch",
    },
  },
  {
    when: "headers of another revision",
    ask: modern(["mcp-method", "tools/call", "mcp-name", "eks_get_pods"], "2025-11-25"),
    status: 400,
    code: -32020,
    message: "Headers and body disagree",
    id: 1,
    record: {
      ...as("good"),
      method: "tools/call",
      tool_name: "eks_get_pods",
      tool_args: null,
      reason: "header_mismatch",
    },
  },
  {
    when: "a backend that is down",
    ask: post("good", { path: "/mcp/down/mcp" }),
    status: 502,
    code: -31502,
    message: "The server cannot be reached",
    id: 1,
    record: {
      ...as("good"),
      ...TOLD,
      type: "mcp_tool_call",
      decision: "allow",
      backend: "down",
      reason: "backend_unreachable",
    },
  },
  {
    when: "a backend that wants other credentials",
    ask: post("good", { path: "/mcp/unauthorized/unauthorized" }),
    status: 502,
    code: -31502,
    message: "The server did not give a usable answer",
    id: 1,
    record: {
      ...as("good"),
      ...TOLD,
      type: "mcp_tool_call",
      decision: "allow",
      backend: "unauthorized",
      reason: "backend_unauthorized",
    },
  },
  {
    when: "a backend that redirects",
    ask: post("good", { path: "/mcp/redirect/redirect" }),
    status: 502,
    code: -31502,
    message: "The server did not give a usable answer",
    id: 1,
    record: {
      ...as("good"),
      ...TOLD,
      type: "mcp_tool_call",
      decision: "allow",
      backend: "redirect",
      reason: "backend_redirect",
    },
  },
  {
    when: "a backend that does not speak HTTP",
    ask: post("good", { path: "/mcp/garbage/garbage" }),
    status: 502,
    code: -31502,
    message: "The server cannot be reached",
    id: 1,
    record: {
      ...as("good"),
      ...TOLD,
      type: "mcp_tool_call",
      decision: "allow",
      backend: "garbage",
      reason: "backend_unreachable",
    },
  },
];

function modern(headers: readonly string[], version = "2026-07-28"): () => Ask {
  const body =
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"eks_get_pods","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}';
  return withHeaders(["mcp-protocol-version", version, ...headers], { body });
}

function because(reason: AuditRecord["reason"]): Pick<Expected, "record" | "id"> {
  return { record: { ...as("good"), ...UNTOLD, reason }, id: null };
}

function bodyCases(): readonly Case[] {
  const parse = { status: 400, code: -32700, message: "Parse error", ...because("body_malformed") };
  const shape = { status: 400, code: -32600, message: "Not one JSON-RPC 2.0 message", ...because("not_json_rpc") };
  const twoWays = {
    status: 400,
    code: -32600,
    message: "The body can be read in two ways",
    ...because("body_ambiguous"),
  };
  return [
    { when: "a body that is not JSON", ask: post("good", { body: "{" }), ...parse },
    { when: "an empty body", ask: post("good", { body: "" }), ...parse },
    { when: "a body that is not UTF-8", ask: post("good", { body: Buffer.from([0x22, 0xff, 0x22]) }), ...parse },
    {
      when: "a body that nests too deeply",
      ask: post("good", { body: `${"[".repeat(200)}${"]".repeat(200)}` }),
      ...parse,
    },
    { when: "a batch", ask: post("good", { body: `[${CALL},${CALL}]` }), ...shape },
    { when: "an id that is an object", ask: post("good", { body: toolCall("eks_get_pods", "{}", "{}") }), ...shape },
    {
      when: "a tool whose name is no string",
      ask: post("good", { body: CALL.replace('"eks_get_pods"', '["eks_get_pods"]') }),
      ...shape,
    },
    { when: "no jsonrpc member", ask: post("good", { body: '{"id":1,"method":"ping"}' }), ...shape },
    {
      when: "a method and a result",
      ask: post("good", { body: '{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}' }),
      ...shape,
    },
    {
      when: "a name twice",
      ask: post("good", { body: CALL.replace('"name"', '"name":"eks_delete_pod","name"') }),
      ...twoWays,
    },
    {
      when: "a name twice in the arguments, once escaped",
      ask: post("good", { body: toolCall("eks_get_pods", '{"a":1,"\\u0061":2}') }),
      ...twoWays,
    },
    {
      when: "a deciding name in another case",
      ask: post("good", { body: CALL.replace('"name"', '"Name":"eks_delete_pod","name"') }),
      ...twoWays,
    },
    {
      when: "a deciding name with the Kelvin sign's like",
      ask: post("good", { body: CALL.replace('"params"', '"param\u017f":{"name":"eks_delete_pod"},"params"') }),
      ...twoWays,
    },
  ];
}

describe("refusals", () => {
  it.each(CASES)("$when: HTTP $status, code $code", async ({ ask, record, status, code, message, id, headers }) => {
    const before = (await gateway.records()).length;
    const reached = backend.received.length;
    const answer = await send(gateway.url, ask());
    const [found] = (await gateway.waitForRecords(before + 1)).slice(before);
    expect(told(answer)).toEqual({
      status,
      headers: { "content-type": "application/json", ...headers },
      body: { jsonrpc: "2.0", id, error: { code, message, data: { request_id: found?.request_id } } },
    });
    expect(found).toEqual(
      refusedRecord({ backend: "eks-ro", http_status: status, rpc_error_code: code, ...record }, found),
    );
    expect(backend.received.length).toBe(reached);
  });

  it("lets the same call through when nothing is wrong with it", async () => {
    const before = (await gateway.records()).length;
    const answer = await send(gateway.url, post("good")());
    const [found] = (await gateway.waitForRecords(before + 1)).slice(before);
    expect({ status: answer.status, body: answer.body }).toEqual({
      status: 200,
      body: '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}',
    });
    expect(found).toEqual(
      refusedRecord(
        {
          backend: "eks-ro",
          ...as("good"),
          ...TOLD,
          type: "mcp_tool_call",
          decision: "allow",
          reason: "granted",
          http_status: 200,
          is_error: false,
        },
        found,
      ),
    );
  });

  it("lets modern calls through whose headers agree, encoded or not", async () => {
    const before = (await gateway.records()).length;
    const plain = await send(gateway.url, modern(["mcp-method", "tools/call", "mcp-name", "eks_get_pods"])());
    const encoded = await send(
      gateway.url,
      modern([
        "mcp-method",
        "tools/call",
        "mcp-name",
        `=?base64?${Buffer.from("eks_get_pods").toString("base64")}?=`,
      ])(),
    );
    expect([plain.status, encoded.status]).toEqual([200, 200]);
    await gateway.waitForRecords(before + 2);
  });

  it.each([
    "/",
    "/mcp",
    "/mcp/",
    "/mcp/eks-ro",
    "/mcp/eks-ro/",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-authorization-server/mcp/eks-ro/mcp",
    "/mcp/eks-ro/mcp?x=1",
    "/mcp/eks%2dro/mcp",
    "/mcp/eks-ro/../eks-ro/mcp",
    "/mcp/eks-ro/./mcp",
    "/mcp//eks-ro/mcp",
    "/mcp/eks-ro/mcp;x",
    "/MCP/eks-ro/mcp",
    "/mcp/eks-ro\\mcp",
  ])("%s is a plain 404, key or not", async (path) => {
    const before = (await gateway.records()).length;
    const answer = await send(gateway.url, { path, headers: callHeaders(keys["good"] ?? ""), body: CALL });
    const [found] = (await gateway.waitForRecords(before + 1)).slice(before);
    expect(told(answer)).toEqual({
      status: 404,
      headers: { "content-type": "application/json" },
      body: { error: "not found", request_id: found?.request_id },
    });
    expect(found).toEqual(
      refusedRecord(
        { ...nobody(), ...UNTOLD, backend: null, reason: "path_unknown", http_status: 404, rpc_error_code: null },
        found,
      ),
    );
  });

  it("echoes an id as it was received", async () => {
    const before = (await gateway.records()).length;
    const answer = await send(
      gateway.url,
      post("good", { path: "/mcp/no-such/mcp", body: toolCall("x", "{}", "12345678901234567890") })(),
    );
    await gateway.waitForRecords(before + 1);
    expect(answer.body.startsWith('{"jsonrpc":"2.0","id":12345678901234567890,"error":')).toBe(true);
  });

  it.each([
    {
      what: "headers that are too large",
      bytes: `GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ${"x".repeat(20_000)}\r\n\r\n`,
      status: 431,
      reason: "headers_too_large",
    },
    {
      what: "two lengths",
      bytes:
        "POST /mcp/eks-ro/mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      status: 400,
      reason: "http_malformed",
    },
    { what: "CONNECT", bytes: "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", status: 400, reason: "http_malformed" },
    {
      what: "an expectation that nobody knows",
      bytes:
        "POST /mcp/eks-ro/mcp HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nexpect: a miracle\r\ncontent-length: 0\r\n\r\n",
      status: 401,
      reason: "key_missing",
    },
    { what: "garbage", bytes: "\u0001\u0002\u0003\r\n\r\n", status: 400, reason: "http_malformed" },
  ])("$what: HTTP $status, recorded", async ({ bytes, status, reason }) => {
    const before = (await gateway.records()).length;
    const text = await sendBytes(gateway.url, bytes);
    const [found] = (await gateway.waitForRecords(before + 1)).slice(before);
    expect(text.startsWith(`HTTP/1.1 ${status} `)).toBe(true);
    expect(found).toMatchObject({ type: "mcp_refusal", reason, http_status: status, key_id: null });
  });

  it("outlives a client that resets its connection after CONNECT", async () => {
    const before = (await gateway.records()).length;
    const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
    socket.write("CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.resetAndDestroy();
    await gateway.waitForRecords(before + 1);
    // Another connection's answer comes after the reset was noticed.
    expect((await send(gateway.url, { path: "/nothing" })).status).toBe(404);
    expect((await send(gateway.url, { path: "/nothing" })).status).toBe(404);
  });

  it("has no key in any record, log line or answer", async () => {
    await send(
      gateway.url,
      post("good", {
        body: toolCall("eks_get_pods", JSON.stringify({ a: keys["good"]?.token.reveal() }).replace("b", "\\u0062")),
      })(),
    );
    const found = await until(
      () => gateway.records(),
      (records) => JSON.stringify(records.at(-1)?.tool_args) === `{"a":"[${keys["good"]?.id}]"}`,
    );
    const everything = JSON.stringify(found) + gateway.logged.join();
    for (const key of Object.values(keys)) expect(everything.includes(key.token.reveal())).toBe(false);
  });
});

function told(answer: Answer): unknown {
  const {
    "content-length": _length,
    date: _date,
    connection: _connection,
    "keep-alive": _keepAlive,
    ...headers
  } = answer.headers;
  return { status: answer.status, headers, body: JSON.parse(answer.body) as unknown };
}

/** A whole record: what changes from call to call is taken from the one found. */
function refusedRecord(changes: Partial<AuditRecord>, found: AuditRecord | undefined): AuditRecord {
  return {
    type: "mcp_refusal",
    phase: "final",
    ts: found?.ts ?? "",
    request_id: found?.request_id ?? "",
    instance: "gw-test",
    seq: found?.seq ?? 0,
    duration_ms: found?.duration_ms ?? 0,
    client_ip: "127.0.0.1",
    jsonrpc_id: found?.jsonrpc_id ?? null,
    protocol_version: found?.protocol_version ?? null,
    mcp_session: null,
    trace_id: null,
    span_id: null,
    params: found?.params ?? null,
    cut_strings: 0,
    mrtr_retry: false,
    policy: found?.policy ?? null,
    bytes_in: found?.bytes_in ?? 0,
    bytes_out: found?.bytes_out ?? 0,
    unsampled: 0,
    key_id: null,
    user: null,
    role: null,
    backend: null,
    method: null,
    tool_name: null,
    tool_args: null,
    decision: "deny",
    reason: "granted",
    http_status: null,
    rpc_error_code: null,
    is_error: null,
    ...changes,
  };
}

function sendBytes(base: string, bytes: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(Number(new URL(base).port), "127.0.0.1", () => socket.write(bytes, "latin1"));
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.on("close", () => resolve(text));
  socket.on("error", reject);
  return promise;
}
