import { afterEach, describe, expect, it } from "vitest";
import { callHeaders, open, send, startTestGateway, toolCall, until, type TestGateway } from "../support/gateway.ts";
import { sendJson, startRawBackend, type Backend, type RawAnswer, type Received } from "../support/mcp-backend.ts";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function start(
  answer: RawAnswer,
): Promise<{ gateway: TestGateway; backend: Backend & { readonly received: Received[] } }> {
  const backend = await startRawBackend(answer);
  closing.push(backend.close);
  const gateway = await startTestGateway({
    "eks-ro": backend.url,
    narrow: backend.url.replace("127.0.0.1", "localhost"),
  });
  closing.push(gateway.close);
  return { gateway, backend };
}

const EMPTY = '{"jsonrpc":"2.0","id":1,"result":{}}';

describe("forwarding a request", () => {
  it("sends the bytes as they came", async () => {
    const { gateway, backend } = await start((_got, response) => sendJson(response, EMPTY));
    const body = Buffer.from(
      '\t{ "jsonrpc":"2.0", "id": 12345678901234567890,\r\n "method":"tools/call","params":{"name":"a\\u0062c","arguments":{"n":1.0,"big":12345678901234567890,"s":"\u00e4\u2028"}}}\n',
    );
    await send(gateway.url, { headers: callHeaders(gateway.key), body });
    expect(backend.received.map((got) => got.body.equals(body))).toEqual([true]);
    const [record] = await gateway.waitForRecords(1);
    expect(record?.tool_name).toBe("abc");
  });

  it("records the arguments as they came, on one line", async () => {
    const { gateway } = await start((_got, response) => sendJson(response, EMPTY));
    await send(gateway.url, {
      headers: callHeaders(gateway.key),
      body: toolCall("t", '{ "n" : 1.0,\n"big":12345678901234567890, "s": " a\\" b " }'),
    });
    await gateway.waitForRecords(1);
    const { readFile } = await import("node:fs/promises");
    const line = await readFile(`${gateway.folder}/log/audit.jsonl`, "utf8");
    expect(/"tool_args":(.*),"params"/.exec(line)?.[1]).toBe('{"n":1.0,"big":12345678901234567890,"s":" a\\" b "}');
  });

  it("sends every header but those of the list, and adds its own", async () => {
    const { gateway, backend } = await start((_got, response) => sendJson(response, EMPTY));
    const dropped = [
      "Cookie",
      "a=b",
      "Forwarded",
      "for=x",
      "X-Forwarded-For",
      "1.2.3.4",
      "X-Real-IP",
      "1.2.3.4",
      "X-Mcpctl-User",
      "root",
      "x-mcpctl-anything",
      "1",
      "mcp_session_id",
      "x",
      "Connection",
      "x-named, keep-alive",
      "X-Named",
      "1",
      "Keep-Alive",
      "timeout=9",
      "TE",
      "trailers",
      "Proxy-Authorization",
      "x",
      "X-Request-ID",
      "mine",
      "X-HTTP-Method-Override",
      "DELETE",
      "X-Forwarded-User",
      "root",
      "Remote-User",
      "root",
      "X-Remote-User",
      "root",
      "X-Envoy-Original-Path",
      "/admin",
    ];
    const kept = [
      "MCP-Protocol-Version",
      "2025-11-25",
      "Mcp-Param-Region",
      "eu",
      "traceparent",
      "00-1-2-01",
      "User-Agent",
      "agent/1",
      "X-Twice",
      "a",
      "X-Twice",
      "b",
      "Last-Event-ID",
      "7",
    ];
    const session = ["Mcp-Session-Id", gateway.session("s-1")];
    const headers = [...callHeaders(gateway.key), ...dropped, ...session, ...kept];
    await send(gateway.url, { headers, body: toolCall("t") });
    const [record] = await gateway.waitForRecords(1);
    const host = new URL(backend.url).host;
    const added = [
      "x-request-id",
      record?.request_id ?? "",
      "x-mcpctl-user",
      "agent-01",
      "x-mcpctl-role",
      "dev-readonly",
    ];
    const received = backend.received[0]?.rawHeaders ?? [];
    expect(pairs(received).toSorted()).toEqual(
      pairs([
        "host",
        host,
        "connection",
        "keep-alive",
        "content-length",
        String(Buffer.byteLength(toolCall("t"))),
        "content-type",
        "application/json",
        "accept",
        "application/json, text/event-stream",
        "Mcp-Session-Id",
        "s-1",
        ...kept,
        ...added,
      ]).toSorted(),
    );
  });

  it("asks only for the registered address", async () => {
    const { gateway, backend } = await start((_got, response) => sendJson(response, EMPTY));
    await send(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t") });
    expect(backend.received.map(({ method, url }) => `${method} ${url}`)).toEqual(["POST /mcp"]);
  });
});

describe("relaying an answer", () => {
  it("drops hop-by-hop headers, cookies and challenges, and keeps the rest", async () => {
    const { gateway } = await start((_got, response) => {
      response.setHeader("set-cookie", ["a=b", "c=d"]);
      sendJson(response, EMPTY, 200, {
        "www-authenticate": "Basic",
        connection: "x-hop",
        "x-hop": "1",
        "mcp-session-id": "s-1",
        "x-kept": "1",
        "cache-control": "no-store",
      });
    });
    const answer = await send(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t") });
    const { date: _date, connection: _connection, ...headers } = answer.headers;
    expect({ ...answer, headers }).toEqual({
      status: 200,
      headers: {
        "content-type": "application/json",
        "mcp-session-id": gateway.session("s-1"),
        "x-kept": "1",
        "cache-control": "no-store",
        "transfer-encoding": "chunked",
      },
      body: EMPTY,
    });
  });

  it.each([
    { what: "Connection", headers: ["connection", "x-hop", "connection", "keep-alive", "x-hop", "1", "x-kept", "1"] },
    { what: "Content-Encoding", headers: ["content-encoding", "identity", "content-encoding", "identity"] },
    { what: "Content-Type", headers: ["content-type", "application/json", "content-type", "application/json"] },
  ])("takes a backend's $what twice for what it says", async ({ headers }) => {
    const { gateway } = await start((_got, response) => void response.writeHead(200, [...headers]).end(EMPTY));
    const answer = await send(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t") });
    expect([answer.status, answer.body, answer.headers["x-hop"]]).toEqual([200, EMPTY, undefined]);
  });

  it.each(["eks-ro", "narrow"])("refuses two Content-Types that disagree (%s)", async (backend) => {
    const headers = ["content-type", "application/json", "content-type", "text/event-stream"];
    const { gateway } = await start((_got, response) => void response.writeHead(200, headers).end(EMPTY));
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    const answer = await send(gateway.url, {
      path: `/mcp/${backend}/mcp`,
      headers: callHeaders(gateway.key),
      body,
    });
    expect(answer.status).toBe(502);
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({ reason: "backend_malformed", http_status: 502 });
  });

  it("relays a backend's own 404 for a session untouched", async () => {
    const notFound = '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}';
    const { gateway } = await start((_got, response) => sendJson(response, notFound, 404));
    const answer = await send(gateway.url, {
      method: "GET",
      headers: [...callHeaders(gateway.key), "mcp-session-id", gateway.session("s-1")],
    });
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 404, body: notFound });
    const [record] = await gateway.waitForRecords(1);
    expect(record).toMatchObject({ type: "mcp_tool_call", decision: "allow", reason: "granted", http_status: 404 });
  });

  it("streams events as they come, byte for byte", async () => {
    const parts = [
      ": keep-alive\n\n",
      "id: 1\r\ndata: \r\n\r\n",
      "retry: 500\n",
      "\n",
      'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":true}}\n\n',
    ];
    let next: (() => void) | undefined;
    const { gateway } = await start((_got, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      let at = 0;
      next = () => (at < parts.length ? void response.write(parts[at++]) : void response.end());
    });
    const stream = await open(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t") });
    const seen: string[] = [];
    const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    while (seen.length < parts.length) {
      next?.();
      seen.push(String((await chunks.next()).value));
    }
    next?.();
    expect([...seen, (await chunks.next()).done]).toEqual([...parts, true]);
    const [record] = await gateway.waitForRecords(1);
    expect(record).toMatchObject({ reason: "granted", http_status: 200, is_error: true, rpc_error_code: null });
  });

  it("records the JSON-RPC error of an answer", async () => {
    const { gateway } = await start((_got, response) =>
      sendJson(response, '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"x"}}'),
    );
    await send(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t") });
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({
      rpc_error_code: -32602,
      is_error: null,
      http_status: 200,
    });
  });

  it("tells the backend that the client left", async () => {
    const left = Promise.withResolvers<void>();
    const { gateway } = await start((_got, response) => {
      response.on("close", () => left.resolve());
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
    });
    const stream = await open(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t") });
    stream.destroy();
    await left.promise;
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({
      type: "mcp_tool_call",
      decision: "allow",
      reason: "client_gone",
      http_status: 200,
    });
  });

  it("tells the client that the backend left in the middle", async () => {
    const { gateway } = await start((_got, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": hello\n\n", () => response.destroy());
    });
    await expect(send(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t") })).rejects.toThrow(
      "aborted",
    );
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({
      type: "mcp_tool_call",
      decision: "allow",
      reason: "backend_unreachable",
      http_status: 200,
    });
  });

  it("waits for a slow reader instead of holding the answer", async () => {
    const total = 64 * 1024 * 1024;
    let written = 0;
    const { gateway } = await start((_got, response) => {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      const chunk = Buffer.alloc(64 * 1024);
      const fill = (): void => {
        while (written < total) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once("drain", fill);
        }
        response.end();
      };
      fill();
    });
    const stream = await open(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t") });
    let stillFor = 0;
    let last = -1;
    // Not one byte is read: what the backend could write must come to a stand below the whole.
    await until(
      () => written,
      (now) => {
        stillFor = now === last ? stillFor + 1 : 0;
        last = now;
        return stillFor > 3_000;
      },
    );
    expect(written).toBeLessThan(total);
    let read = 0;
    for await (const chunk of stream) read += (chunk as Buffer).length;
    expect(read).toBe(total);
  });
});

function pairs(flat: readonly string[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at < flat.length; at += 2) lines.push(`${flat[at]?.toLowerCase()}: ${flat[at + 1]}`);
  return lines;
}
