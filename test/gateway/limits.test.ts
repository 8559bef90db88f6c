import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { request as httpRequest } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { GatewayOptions } from "../../src/gateway/start-gateway.ts";
import { startGateway } from "../../src/gateway/start-gateway.ts";
import { DEFAULT_LIMITS } from "../../src/lib/gateway-limits.ts";
import {
  callHeaders,
  keysJson,
  open,
  send,
  startTestGateway,
  toolCall,
  until,
  type TestGateway,
} from "../support/gateway.ts";
import { sendJson, startRawBackend, type Backend, type RawAnswer, type Received } from "../support/mcp-backend.ts";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const OK: RawAnswer = (_got, response) => sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}');

async function start(
  answer: RawAnswer = OK,
  options: Partial<GatewayOptions> = {},
): Promise<{ gateway: TestGateway; backend: Backend & { readonly received: Received[] } }> {
  const backend = await startRawBackend(answer);
  closing.push(backend.close);
  const gateway = await startTestGateway(
    { "eks-ro": backend.url, "eks-rw": backend.url.replace("127.0.0.1", "localhost") },
    {},
    options,
  );
  closing.push(gateway.close);
  return { gateway, backend };
}

const call = (gateway: TestGateway, path = "/mcp/eks-ro/mcp") =>
  send(gateway.url, { path, headers: callHeaders(gateway.key), body: toolCall("t") });

/** A POST whose body is still being written. */
function slowPost(
  gateway: TestGateway,
  first: string,
): {
  readonly finish: (rest: string) => void;
  readonly answered: Promise<number>;
  /** The gateway knows the key and waits for the body. */
  readonly asked: Promise<unknown>;
} {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const url = new URL(gateway.url);
  const request = httpRequest({
    host: url.hostname,
    port: url.port,
    method: "POST",
    path: "/mcp/eks-ro/mcp",
    headers: {
      ...Object.fromEntries(pairs(callHeaders(gateway.key))),
      "transfer-encoding": "chunked",
      expect: "100-continue",
    },
  });
  const asked = once(request, "continue");
  asked.catch(() => undefined);
  request.on("response", (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  });
  request.on("error", reject);
  request.write(first);
  return { finish: (rest) => request.end(rest), answered: promise, asked };
}

describe("bodies", () => {
  it("that do not arrive in time are refused", async () => {
    const { gateway, backend } = await start(OK, { limits: { bodyTimeoutMs: 50 } });
    expect(await slowPost(gateway, "{").answered).toBe(408);
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({
      type: "mcp_refusal",
      reason: "body_timeout",
      http_status: 408,
    });
    expect(backend.received.length).toBe(0);
  });

  it("that are slow do not outlive a revocation", async () => {
    const { gateway, backend } = await start();
    const body = toolCall("t");
    const post = slowPost(gateway, body.slice(0, 10));
    // Something else shows when the gateway has read the revocation.
    await gateway.put("keys.json", keysJson(gateway.key, { [`dev-readonly.${gateway.key.hash}.revoked`]: "" }));
    await until(
      () => call(gateway),
      ({ status }) => status === 401,
    );
    const reached = backend.received.length;
    post.finish(body.slice(10));
    expect([await post.answered, backend.received.length]).toEqual([401, reached]);
  });

  it("that together hold more than the limit are refused, and room is given back", async () => {
    const { gateway } = await start(OK, { limits: { maxTotalBodyBytes: 1000 } });
    const holder = slowPost(gateway, toolCall("t", `{"s":"${"x".repeat(850)}"}`));
    await until(
      () => call(gateway),
      ({ status }) => status === 503,
    );
    const refused = await call(gateway);
    expect({
      status: refused.status,
      retry: refused.headers["retry-after"],
      body: JSON.parse(refused.body) as unknown,
    }).toMatchObject({
      status: 503,
      retry: "5",
      body: { id: null, error: { code: -31503, message: "The gateway is busy" } },
    });
    holder.finish("");
    expect(await holder.answered).toBe(200);
    expect((await call(gateway)).status).toBe(200);
  });

  it("of clients that leave are forgotten, and recorded", async () => {
    const { gateway } = await start();
    const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
    socket.write(
      `POST /mcp/eks-ro/mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${gateway.key.token.reveal()}\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{`,
      () => socket.destroy(),
    );
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({
      type: "mcp_refusal",
      reason: "client_gone",
      http_status: null,
      key_id: gateway.key.id,
    });
  });
});

describe("backends", () => {
  it("that do not answer in time are given up", async () => {
    const { gateway } = await start(() => undefined, { limits: { answerTimeoutMs: 100 } });
    const answer = await call(gateway);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
      504,
      { id: 1, error: { code: -31504, message: "The server did not answer in time" } },
    ]);
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({
      type: "mcp_tool_call",
      decision: "allow",
      reason: "backend_timeout",
      http_status: 504,
    });
  });
});

/** Sends the head of an answer and these parts of its body, then nothing more. */
const stalling =
  (type: string, ...parts: readonly string[]): RawAnswer =>
  (_got, response) => {
    response.writeHead(200, { "content-type": type });
    response.flushHeaders();
    for (const part of parts) response.write(part);
  };
const TIMED_OUT = { code: -31504, message: "The server did not answer in time" };
const SHORT = { answerTimeoutMs: 50, answerIdleTimeoutMs: 50 };

describe("backends that fall silent in the middle of an answer", () => {
  it("get 504 while nothing was sent", async () => {
    const { gateway } = await start(stalling("application/json"), { limits: SHORT });
    const answer = await call(gateway);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([504, { id: 1, error: TIMED_OUT }]);
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({ reason: "backend_timeout", http_status: 504 });
  });

  it("are cut after some of it was sent", async () => {
    const { gateway } = await start(stalling("application/json", "{"), { limits: SHORT });
    await expect(call(gateway)).rejects.toThrow("aborted");
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({ reason: "backend_timeout", http_status: 200 });
  });

  it.each([
    { what: "before any event", parts: [] },
    { what: "after an event", parts: ["id: 1\ndata:\n", "\n"] },
    { what: "after an event with other line ends", parts: ["data: {}\r\n\r", "\n"] },
  ])("have the error told as an event $what", async ({ parts }) => {
    const { gateway } = await start(stalling("text/event-stream", ...parts), { limits: SHORT });
    const answer = await call(gateway);
    const before = parts.join("");
    expect([answer.status, answer.body.slice(0, before.length)]).toEqual([200, before]);
    const event = /^event: message\ndata: (.*)\n\n$/.exec(answer.body.slice(before.length));
    expect(JSON.parse(event?.[1] ?? "")).toMatchObject({ jsonrpc: "2.0", id: 1, error: TIMED_OUT });
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({
      type: "mcp_tool_call",
      decision: "allow",
      reason: "backend_timeout",
      http_status: 200,
      rpc_error_code: -31504,
    });
  });

  it.each([
    { what: "in the middle of an event", type: "text/event-stream", parts: ["data: {}\n"] },
    { what: "between the halves of a line end", type: "text/event-stream", parts: ["\n\ndata: {}\r"] },
  ])("are cut $what", async ({ type, parts }) => {
    const { gateway } = await start(stalling(type, ...parts), { limits: SHORT });
    await expect(call(gateway)).rejects.toThrow("aborted");
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({ reason: "backend_timeout", rpc_error_code: null });
  });

  it("are never cut while what is silent is a stream without end", async () => {
    const { gateway } = await start(stalling("text/event-stream"), { limits: SHORT });
    const headers = [...callHeaders(gateway.key), "mcp-session-id", gateway.session("s")];
    const listen = '{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}';
    const streams = [
      await open(gateway.url, { method: "GET", headers }),
      await open(gateway.url, { headers: callHeaders(gateway.key), body: listen }),
    ];
    const ended: string[] = [];
    for (const stream of streams) stream.on("close", () => ended.push("ended")).on("error", () => undefined);
    // A call that begins later is given up first.
    await call(gateway);
    await call(gateway);
    expect(ended).toEqual([]);
    for (const stream of streams) stream.destroy();
  });

  it("are not meant where it is the client who does not read", async () => {
    const part = "x".repeat(1024 * 1024);
    const time = { looks: 0, aheadMs: 0 };
    const monotonic = (): number => {
      time.looks += 1;
      return performance.now() + time.aheadMs;
    };
    const { gateway } = await start((_got, response) => void response.end(part.repeat(64)), {
      limits: { answerIdleTimeoutMs: 60_000 },
      clock: { now: Date.now, monotonic },
    });
    const stream = await open(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t") });
    // The gateway looks at the clock with every part that it passes on, and once a second besides.
    await until(
      async () => {
        const before = time.looks;
        await delay(100);
        return time.looks - before;
      },
      (looks) => looks <= 1,
    );
    time.aheadMs = 3_600_000;
    const before = time.looks;
    await until(
      () => time.looks,
      (looks) => looks >= before + 2,
    );
    let length = 0;
    for await (const chunk of stream) length += (chunk as Buffer).length;
    expect(length).toBe(64 * part.length);
  });
});

describe("the audit sink", () => {
  it("that fails refuses calls before they are forwarded, and tells", async () => {
    const { gateway, backend } = await start(OK, { auditFile: "/dev/full", limits: { flushTimeoutMs: 50 } });
    await until(
      () => call(gateway),
      ({ status }) => status === 503,
    );
    const reached = backend.received.length;
    const answer = await call(gateway);
    expect({
      status: answer.status,
      retry: answer.headers["retry-after"],
      body: JSON.parse(answer.body) as unknown,
    }).toMatchObject({
      status: 503,
      retry: "5",
      body: { id: 1, error: { code: -31503, message: "The gateway cannot decide now" } },
    });
    expect(backend.received.length).toBe(reached);
    const ready = await send(gateway.adminUrl, { method: "GET", path: "/readyz" });
    expect({ status: ready.status, body: JSON.parse(ready.body) as unknown }).toEqual({
      status: 503,
      body: { ready: false, reasons: ["audit_unavailable"], problems: [] },
    });
    expect(gateway.logged.filter((line) => line.startsWith("audit:"))).toEqual([
      "audit: /dev/full cannot be written, the disk is full",
    ]);
  });

  it("that fails refuses even the first call that can change something", async () => {
    const { gateway, backend } = await start(OK, {
      auditFile: "/dev/full",
      limits: { flushTimeoutMs: 50, startRecordTimeoutMs: 50 },
    });
    expect([(await call(gateway, "/mcp/eks-rw/mcp")).status, backend.received.length]).toEqual([503, 0]);
  });

  it("without room refuses calls", async () => {
    const { gateway, backend } = await start(OK, { limits: { maxAuditBytes: 1000 } });
    expect([(await call(gateway)).status, backend.received.length]).toEqual([503, 0]);
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({
      type: "mcp_refusal",
      decision: "unknown",
      reason: "audit_unavailable",
    });
  });

  it("has a start record before a call that can change something is forwarded, none before others", async () => {
    const started: unknown[] = [];
    const { gateway } = await start((_got, response) => {
      const look = async (): Promise<void> => {
        const records = await gateway.records();
        started.push(
          ...records.map(({ phase, type, http_status, duration_ms }) => ({ phase, type, http_status, duration_ms })),
        );
        OK(_got, response);
      };
      void look();
    });
    await call(gateway, "/mcp/eks-rw/mcp");
    expect(started).toEqual([{ phase: "start", type: "mcp_tool_call", http_status: null, duration_ms: 0 }]);
    await call(gateway);
    const records = await gateway.waitForRecords(3);
    expect(records.map(({ phase, backend, seq }) => ({ phase, backend, seq }))).toEqual([
      { phase: "start", backend: "eks-rw", seq: 1 },
      { phase: "final", backend: "eks-rw", seq: 2 },
      { phase: "final", backend: "eks-ro", seq: 3 },
    ]);
    expect(records[0]?.request_id).toBe(records[1]?.request_id);
  });

  it("is made for its owner alone", async () => {
    const { stat } = await import("node:fs/promises");
    const { gateway } = await start();
    expect((await stat(`${gateway.folder}/log/audit.jsonl`)).mode & 0o777).toBe(0o600);
  });
});

describe("draining", () => {
  it("waits for bodies that are still coming, and answers and records them", async () => {
    const { gateway, backend } = await start();
    const body = toolCall("t");
    const post = slowPost(gateway, body.slice(0, 10));
    await post.asked;
    const drained = gateway.drain();
    post.finish(body.slice(10));
    expect([await post.answered, await drained, backend.received.length]).toEqual([200, true, 1]);
    expect((await gateway.records()).map(({ reason }) => reason)).toEqual(["granted"]);
  });

  it("records those whose body never comes", async () => {
    const { gateway } = await start(OK, { limits: { drainMs: 50 } });
    const post = slowPost(gateway, "{");
    post.answered.catch(() => undefined);
    await post.asked;
    expect(await gateway.drain()).toBe(true);
    expect((await gateway.records()).map(({ reason }) => reason)).toEqual(["client_gone"]);
  });

  it("finishes calls, ends streams, refuses the rest, and writes every record", async () => {
    const finish: (() => void)[] = [];
    const { gateway } = await start((got, response) => {
      if (got.method === "GET") {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.flushHeaders();
      } else {
        finish.push(() => OK(got, response));
      }
    });
    const stream = await open(gateway.url, {
      method: "GET",
      headers: [...callHeaders(gateway.key), "mcp-session-id", gateway.session("s")],
    });
    const streamEnd = new Promise((resolve) =>
      stream
        .once("close", resolve)
        .on("error", () => undefined)
        .resume(),
    );
    // Two calls on one connection, the second after draining began.
    const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
    const answers = textOf(socket);
    socket.write(rawCall(gateway));
    await until(
      () => finish.length,
      (count) => count === 1,
    );
    const drained = gateway.drain();
    socket.write(rawCall(gateway));
    await streamEnd;
    await gateway.waitForRecords(2);
    finish[0]?.();
    await drained;
    expect((await answers).match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 503"]);
    const records = await gateway.records();
    expect(records.map(({ type, decision, reason, http_status }) => ({ type, decision, reason, http_status }))).toEqual(
      [
        { type: "mcp_tool_call", decision: "allow", reason: "draining", http_status: 200 },
        { type: "mcp_refusal", decision: "unknown", reason: "draining", http_status: 503 },
        { type: "mcp_tool_call", decision: "allow", reason: "granted", http_status: 200 },
      ],
    );
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_record, index) => index + 1));
    await expect(call(gateway)).rejects.toThrow("ECONNREFUSED");
  });

  it("cuts what does not finish in time", async () => {
    const { gateway, backend } = await start(() => undefined, { limits: { drainMs: 50 } });
    const answer = call(gateway);
    await until(
      () => backend.received.length,
      (count) => count === 1,
    );
    await gateway.drain();
    expect([(await answer).status, (await gateway.records())[0]]).toMatchObject([
      503,
      { type: "mcp_tool_call", decision: "allow", reason: "draining" },
    ]);
  });
});

describe("host names", () => {
  it.each([
    { allowed: "2001:DB8::1", host: "[2001:db8::1]:8080", status: 200 },
    { allowed: "[2001:db8::1]", host: "[2001:DB8::1]", status: 200 },
    { allowed: "mcp.example.com", host: "MCP.example.com:443", status: 200 },
    { allowed: "2001:db8::1", host: "[2001:db8::2]", status: 403 },
  ])("allowed as $allowed: Host $host is $status", async ({ allowed, host, status }) => {
    const { gateway } = await start(OK, { allowedHosts: [allowed] });
    const headers = [...callHeaders(gateway.key), "host", host];
    expect((await send(gateway.url, { headers, body: toolCall("t") })).status).toBe(status);
    expect((await send(gateway.adminUrl, { method: "GET", path: "/healthz", headers: ["host", host] })).status).toBe(
      host.startsWith("[") ? 200 : status,
    );
  });
});

describe("starting", () => {
  it("says clearly what cannot be used", async () => {
    const { gateway } = await start();
    const port = Number(new URL(gateway.url).port);
    const options: GatewayOptions = {
      keys: [],
      locks: "x",
      roles: "x",
      backends: "x",
      listen: { host: "127.0.0.1", port },
      admin: { host: "127.0.0.1", port: 0 },
      auditFile: `${gateway.folder}/log/other.jsonl`,
      startRecords: "rw" as const,
      redactedNames: [],
      sessionSecret: null,
      tls: null,
      trustedProxies: [],
      allowsBareHashes: false,
      allowedHosts: [],
      allowedOrigins: [],
      instance: "x",
      maxAgeSeconds: 900,
      version: "0",
      log: () => undefined,
    };
    await expect(startGateway(options)).rejects.toMatchObject({
      kind: "conflict",
      code: "port_taken",
      message: `the gateway cannot listen on 127.0.0.1:${port}: the port is taken`,
    });
    await expect(
      startGateway({ ...options, listen: { host: "127.0.0.1", port: 0 }, auditFile: "/nonexistent/audit.jsonl" }),
    ).rejects.toMatchObject({ kind: "not-found", code: "file_not_found" });
    expect(DEFAULT_LIMITS.maxBodyBytes).toBe(4 * 1024 * 1024);
  });
});

function rawCall(gateway: TestGateway): string {
  const body = toolCall("t");
  const lines = pairs([...callHeaders(gateway.key), "host", "localhost", "content-length", String(body.length)]).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `POST /mcp/eks-ro/mcp HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

async function textOf(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? ""] as [string, string]] : []));
}
