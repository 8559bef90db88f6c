import { afterEach, describe, expect, it } from "vitest";
import { gzipSync } from "node:zlib";
import { callHeaders, send, startTestGateway, toolCall, type TestGateway } from "../support/gateway.ts";
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
  const gateway = await startTestGateway({ narrow: backend.url });
  closing.push(gateway.close);
  return { gateway, backend };
}

const LIST = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
const FULL =
  '{"jsonrpc":"2.0", "id":1,"result": {"tools":[ {"name":"eks_get_pods","x":1.0} , {"name":"eks_delete_pod"},{"name":"eks_get_events","big":12345678901234567890},{"nameless":1}],"nextCursor":"c","cacheScope":"public"}}';
const FILTERED =
  '{"jsonrpc":"2.0", "id":1,"result": {"tools":[{"name":"eks_get_pods","x":1.0},{"name":"eks_get_events","big":12345678901234567890}],"nextCursor":"c","cacheScope":"private"}}';

const list = (gateway: TestGateway, headers: readonly string[] = []) =>
  send(gateway.url, { path: "/mcp/narrow/mcp", headers: [...callHeaders(gateway.key), ...headers], body: LIST });

describe("a narrowed grant", () => {
  it("shows in a JSON list only what may be called, its numbers untouched", async () => {
    const { gateway } = await start((_got, response) =>
      sendJson(response, FULL, 200, { "content-length": String(Buffer.byteLength(FULL)) }),
    );
    expect((await list(gateway)).body).toBe(FILTERED);
  });

  it("shows the same in a list framed as an event, other events untouched", async () => {
    const ping = 'data: {"jsonrpc":"2.0","method":"notifications/message"}\r\n\r\n';
    const { gateway } = await start((_got, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const framed = `: hi\n\nid: 0\ndata:\n\n${ping}event: message\nid: 1\ndata: ${FULL}\n\n`;
      for (const letter of framed) response.write(letter);
      response.end();
    });
    expect((await list(gateway)).body).toBe(
      `: hi\n\nid: 0\ndata:\n\n${ping}event: message\nid: 1\ndata: ${FILTERED}\n\n`,
    );
  });

  it("marks a modern list private even where the backend said nothing", async () => {
    const { gateway } = await start((_got, response) =>
      sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}'),
    );
    const body =
      '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}';
    const headers = [...callHeaders(gateway.key), "mcp-protocol-version", "2026-07-28", "mcp-method", "tools/list"];
    const answer = await send(gateway.url, { path: "/mcp/narrow/mcp", headers, body });
    expect(answer.body).toBe('{"jsonrpc":"2.0","id":1,"result":{"cacheScope":"private","tools":[]}}');
  });

  it("asks for an answer it can read", async () => {
    const { gateway, backend } = await start((_got, response) => sendJson(response, FULL));
    await list(gateway, ["Accept-Encoding", "gzip, br"]);
    const names = backend.received[0]?.rawHeaders ?? [];
    expect(names.filter((_value, at) => names[at - 1]?.toLowerCase() === "accept-encoding")).toEqual(["identity"]);
  });

  it.each([
    {
      what: "compressed",
      answer: (response: Parameters<RawAnswer>[1]) =>
        void response
          .writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" })
          .end(gzipSync(FULL)),
    },
    {
      what: "compressed and framed",
      answer: (response: Parameters<RawAnswer>[1]) =>
        void response
          .writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" })
          .end(gzipSync(`data: ${FULL}\n\n`)),
    },
    {
      what: "ambiguous",
      answer: (response: Parameters<RawAnswer>[1]) => sendJson(response, FULL.replace('"tools"', '"tools":[],"tools"')),
    },
    { what: "no JSON", answer: (response: Parameters<RawAnswer>[1]) => sendJson(response, "oops") },
    {
      what: "in some other form",
      answer: (response: Parameters<RawAnswer>[1]) =>
        sendJson(response, FULL, 200, { "content-type": "application/json-seq" }),
    },
    {
      what: "in no form at all",
      answer: (response: Parameters<RawAnswer>[1]) => void response.writeHead(200).end(FULL),
    },
    { what: "a batch", answer: (response: Parameters<RawAnswer>[1]) => sendJson(response, `[${FULL}]`) },
  ])("refuses a list that is $what", async ({ answer }) => {
    const { gateway } = await start((_got, response) => answer(response));
    const got = await list(gateway);
    expect([got.status, JSON.parse(got.body)]).toEqual([
      502,
      {
        jsonrpc: "2.0",
        id: 1,
        error: {
          code: -31502,
          message: "The server did not give a usable answer",
          data: { request_id: expect.stringMatching(/^req_/) as unknown },
        },
      },
    ]);
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({ reason: "backend_malformed", http_status: 502 });
  });

  it.each([
    { what: "an empty answer", status: 202, type: null, body: "" },
    { what: "no answer", status: 204, type: null, body: "" },
    { what: "an error told in another form, without its text", status: 404, type: "text/plain", body: FULL },
  ])("lets $what through: $status", async ({ status, type, body }) => {
    const { gateway } = await start(
      (_got, response) => void response.writeHead(status, type === null ? {} : { "content-type": type }).end(body),
    );
    const answer = await list(gateway);
    expect([answer.status, answer.body]).toEqual([status, ""]);
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({ reason: "granted", http_status: status });
  });

  it.each(["initialize", "ping", "server/discover", "notifications/initialized", "tools/list"])(
    "lets %s through",
    async (method) => {
      const { gateway, backend } = await start((_got, response) =>
        sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{}}'),
      );
      await send(gateway.url, {
        path: "/mcp/narrow/mcp",
        headers: callHeaders(gateway.key),
        body: `{"jsonrpc":"2.0","id":1,"method":"${method}"}`,
      });
      expect(backend.received.length).toBe(1);
    },
  );

  it("lets an allowed tool and a client's response through, and a hidden tool not", async () => {
    const { gateway, backend } = await start((_got, response) =>
      sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'),
    );
    const call = (body: string) =>
      send(gateway.url, { path: "/mcp/narrow/mcp", headers: callHeaders(gateway.key), body });
    await call(toolCall("eks_get_pods"));
    await call('{"jsonrpc":"2.0","id":7,"result":{"action":"accept"}}');
    const hidden = await call(toolCall("eks_delete_pod"));
    expect([backend.received.length, hidden.status]).toEqual([2, 200]);
    expect(JSON.parse(hidden.body)).toMatchObject({
      id: 1,
      error: { code: -32602, message: "Unknown tool: eks_delete_pod" },
    });
  });
});
