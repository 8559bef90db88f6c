import { connect } from "node:net";
import { Worker } from "node:worker_threads";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import type { AuditRecord } from "../../src/lib/audit/record.ts";
import type { GatewayLimits } from "../../src/lib/gateway-limits.ts";
import { callHeaders, send, startTestGateway, toolCall, until, type TestGateway } from "../support/gateway.ts";
import { sendJson, startRawBackend, type RawAnswer } from "../support/mcp-backend.ts";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function start(limits: Partial<GatewayLimits>, answer: RawAnswer): Promise<TestGateway> {
  const backend = await startRawBackend(answer);
  closing.push(backend.close);
  const gateway = await startTestGateway({ "eks-ro": backend.url }, {}, { limits });
  closing.push(gateway.close);
  return gateway;
}

const OK: RawAnswer = (_got, response) => sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}');
const portOf = (gateway: TestGateway): number => Number(new URL(gateway.url).port);

/** Sends these bytes and nothing more; resolves to all that comes back until the gateway closes. */
async function sendOnly(gateway: TestGateway, bytes: string): Promise<string> {
  const socket = connect(portOf(gateway), "127.0.0.1");
  closing.push(() => socket.destroy());
  socket.write(bytes);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

/** The one record that there is, after the gateway has written all. */
async function onlyRecord(gateway: TestGateway): Promise<Partial<AuditRecord>> {
  await gateway.waitForRecords(1);
  await gateway.drain();
  const records = await gateway.records();
  expect(records.length).toBe(1);
  const { type, decision, reason, http_status, rpc_error_code, backend, method, bytes_in } = records[0] as AuditRecord;
  return { type, decision, reason, http_status, rpc_error_code, backend, method, bytes_in };
}

const HEADERS = "POST /mcp/eks-ro/mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
const REFUSED = { type: "mcp_refusal", decision: "deny", reason: "body_timeout", http_status: 408, method: null };
const FORWARDED = { type: "mcp_tool_call", decision: "allow", backend: "eks-ro", method: "tools/call" };

/** For what is sent at once, on the busiest machine. */
const ENOUGH_MS = 1_000;

describe("a client that is too slow", () => {
  it("with its headers is told so, and leaves one record of nobody", async () => {
    const gateway = await start({ headersTimeoutMs: 50, bodyTimeoutMs: 200 }, OK);
    expect(await sendOnly(gateway, HEADERS)).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n[^]*connection: close/);
    expect(await onlyRecord(gateway)).toEqual({ ...REFUSED, rpc_error_code: -31408, backend: null, bytes_in: 0 });
  });

  it.each([
    { what: "a length", head: "content-length: 100\r\n\r\n", body: '{"a":' },
    { what: "chunks", head: "transfer-encoding: chunked\r\n\r\n5\r\n", body: '{"a":' },
  ])("with its body of $what is told so, and leaves one record under its key", async ({ head, body }) => {
    const gateway = await start({ bodyTimeoutMs: ENOUGH_MS }, OK);
    const key = `authorization: Bearer ${gateway.key.token.reveal()}\r\n`;
    expect(await sendOnly(gateway, HEADERS + key + head + body)).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(await onlyRecord(gateway)).toEqual({ ...REFUSED, rpc_error_code: -31408, backend: "eks-ro", bytes_in: 5 });
  });

  it("to say anything at all is told so, while one that was served may be silent", async () => {
    const gateway = await start({ headersTimeoutMs: ENOUGH_MS, bodyTimeoutMs: ENOUGH_MS }, OK);
    const served = connect(portOf(gateway), "127.0.0.1");
    closing.push(() => served.destroy());
    let text = "";
    served.on("data", (chunk) => (text += String(chunk)));
    const ask = async (count: number): Promise<unknown> => {
      served.write(`${HEADERS}content-length: 0\r\n\r\n`);
      return until(
        () => text.match(/HTTP\/1\.1 \d+/g) ?? [],
        (statuses) => statuses.length >= count,
      );
    };
    await ask(1);
    expect(await sendOnly(gateway, "")).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(await ask(2)).toEqual(["HTTP/1.1 401", "HTTP/1.1 401"]);
    const records = await gateway.waitForRecords(3);
    expect(records.map(({ reason }) => reason)).toEqual(["key_missing", "body_timeout", "key_missing"]);
  });
});

/** Listens with room for two connections that nobody accepts, for its thread sleeps; tells its port. */
const NEVER_ACCEPTS = `
  const { parentPort } = require("node:worker_threads");
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

/** The port of a server whose queue of connections is full. */
async function fullPort(): Promise<number> {
  const worker = new Worker(NEVER_ACCEPTS, { eval: true });
  closing.push(() => worker.terminate());
  const [port] = (await once(worker, "message")) as [number];
  let connected = 0;
  for (let made = 0; made < 2; made += 1) {
    const socket = connect(port, "127.0.0.1", () => (connected += 1)).on("error", () => undefined);
    closing.push(() => socket.destroy());
  }
  await until(
    () => connected,
    (count) => count === 2,
  );
  return port;
}

describe("a backend that is too slow", () => {
  const call = (gateway: TestGateway) =>
    send(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t") }).then(
      ({ status, body }) => [status, (JSON.parse(body) as { error: { message: string } }).error.message],
      (error: Error) => error.message,
    );

  it("to take the connection is told as out of reach", async () => {
    const port = await fullPort();
    const gateway = await startTestGateway(
      { "eks-ro": `http://127.0.0.1:${port}` },
      {},
      { limits: { connectTimeoutMs: 100 } },
    );
    closing.push(gateway.close);
    expect(await call(gateway)).toEqual([502, "The server cannot be reached"]);
    expect(await onlyRecord(gateway)).toEqual({
      ...FORWARDED,
      reason: "backend_unreachable",
      http_status: 502,
      rpc_error_code: -31502,
      bytes_in: toolCall("t").length,
    });
  });

  it.each([
    {
      what: "to begin its answer",
      limits: { answerTimeoutMs: 100 },
      answer: (() => undefined) as RawAnswer,
      told: [504, "The server did not answer in time"],
      record: { http_status: 504, rpc_error_code: -31504 },
    },
    {
      what: "to go on after the head of its answer",
      limits: { answerIdleTimeoutMs: 100 },
      answer: ((_got, response) =>
        response.writeHead(200, { "content-type": "application/json" }).flushHeaders()) as RawAnswer,
      told: [504, "The server did not answer in time"],
      record: { http_status: 504, rpc_error_code: -31504 },
    },
    {
      what: "to end an answer of which some was given",
      limits: { answerIdleTimeoutMs: 100 },
      answer: ((_got, response) =>
        response.writeHead(200, { "content-type": "application/json" }).write('{"jsonrpc"')) as RawAnswer,
      told: "aborted",
      record: { http_status: 200, rpc_error_code: null },
    },
  ])("$what is given up, and leaves one record", async ({ limits, answer, told, record }) => {
    const gateway = await start(limits, answer);
    expect(await call(gateway)).toEqual(told);
    expect(await onlyRecord(gateway)).toEqual({
      ...FORWARDED,
      ...record,
      reason: "backend_timeout",
      bytes_in: toolCall("t").length,
    });
  });
});
