import { describe, expect, it } from "vitest";
import { open, send } from "../../support/gateway.ts";
import { sendJson } from "../../support/mcp-backend.ts";
import { headerPairs, openStream, startRawPair, STREAM_ASKS } from "../../support/mcp-fixture/raw-pair.ts";

const EMPTY = '{"jsonrpc":"2.0","id":1,"result":{}}';

const PASSING = [
  ["X-Accel-Buffering", "no"],
  ["Cache-Control", "no-cache, no-transform"],
  ["Vary", "Origin"],
  ["Vary", "Accept"],
  ["X-Twice", "a"],
  ["X-Twice", "a"],
  ["Link", "<x>; rel=a"],
  ["Link", "<y>; rel=b"],
  ["Warning", '199 - "one, two"'],
  ["Retry-After", "7"],
  ["X-Empty", ""],
  ["ETag", 'W/"1"'],
].flat();
const KEPT_BACK = [
  ["Connection", "x-hop"],
  ["X-Hop", "1"],
  ["Keep-Alive", "timeout=9"],
  ["Proxy-Connection", "keep-alive"],
  ["TE", "trailers"],
  ["WWW-Authenticate", "Bearer"],
  ["Proxy-Authenticate", "Basic"],
  ["Set-Cookie", "a=b"],
  ["Set-Cookie", "c=d"],
].flat();

describe("the headers of a backend's answer", () => {
  it.each(STREAM_ASKS)("pass, twice where they stand twice, but for those of the connection: $ask", async (ask) => {
    const type = ["Content-Type", ask.method === "GET" ? "text/event-stream; charset=utf-8" : "application/json"];
    const pair = await startRawPair((_got, response) => {
      response.sendDate = false;
      response.writeHead(200, [...type, ...PASSING, ...KEPT_BACK]).end(ask.method === "GET" ? "" : EMPTY);
    });
    const answer = await openStream(pair, ask);
    answer.resume();
    const own = ["connection", "keep-alive", "transfer-encoding", "date"];
    const seen = headerPairs(answer.rawHeaders).filter((line) => !own.some((name) => line.startsWith(`${name}:`)));
    expect(seen).toEqual(headerPairs([...type, ...PASSING]));
  });
});

const STATUSES = [
  { what: "DELETE", method: "DELETE", status: 200, body: "" },
  { what: "DELETE", method: "DELETE", status: 204, body: "" },
  { what: "DELETE", method: "DELETE", status: 404, body: '{"error":"none"}' },
  { what: "DELETE", method: "DELETE", status: 405, body: '{"error":"kept"}' },
  {
    what: "GET",
    method: "GET",
    status: 404,
    body: '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"x"}}',
  },
  { what: "GET", method: "GET", status: 405, body: "" },
  { what: "GET", method: "GET", status: 409, body: '{"error":"one is open"}' },
  { what: "POST", method: "POST", status: 202, body: "" },
  { what: "POST", method: "POST", status: 404, body: '{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"x"}}' },
  { what: "POST", method: "POST", status: 400, body: '{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"x"}}' },
  { what: "POST", method: "POST", status: 429, body: '{"error":"slowly"}' },
  { what: "POST", method: "POST", status: 500, body: "oops" },
  { what: "POST", method: "POST", status: 503, body: "later" },
];

describe("the status of a backend's answer", () => {
  it.each(STATUSES)("passes with its body: $what, $status", async ({ method, status, body }) => {
    const { gateway, headers, received } = await startRawPair((_got, response) => {
      response.writeHead(status, body === "" ? {} : { "content-type": "application/json" }).end(body);
    });
    const ask = { method, headers, body: method === "POST" ? '{"jsonrpc":"2.0","method":"notifications/x"}' : null };
    const answer = await send(gateway.url, ask);
    expect([answer.status, answer.body]).toEqual([status, body]);
    expect(received().map((got) => got.method)).toEqual([method]);
  });

  it("passes without a body where there is none, and says so", async () => {
    const { gateway, headers } = await startRawPair((_got, response) =>
      response.writeHead(202, { "content-length": "0" }).end(),
    );
    const answer = await open(gateway.url, { headers, body: '{"jsonrpc":"2.0","id":7,"result":{}}' });
    answer.resume();
    const { "content-length": length, "transfer-encoding": coding } = answer.headers;
    expect([answer.statusCode, length, coding]).toEqual([202, "0", undefined]);
  });
});

const REQUEST_HEADERS = [
  { what: "an older revision", lines: ["MCP-Protocol-Version", "2025-06-18"] },
  { what: "a revision nobody knows", lines: ["mcp-protocol-version", "1999-01-01"] },
  { what: "a parameter", lines: ["Mcp-Param-Region", "eu west, 1"] },
  { what: "an encoded parameter", lines: ["Mcp-Param-Text", "=?base64?aMOk?="] },
  { what: "a parameter twice", lines: ["Mcp-Param-X", "1", "mcp-param-x", "1.0"] },
  { what: "a parameter without a value", lines: ["Mcp-Param-Empty", ""] },
  { what: "the id of an event", lines: ["Last-Event-ID", "e_1/2=+ ,;"] },
  { what: "a trace", lines: ["traceparent", "00-1-2-01", "tracestate", "a=b", "baggage", "c=d"] },
];

describe("the headers of a client's request", () => {
  const cases = REQUEST_HEADERS.flatMap((header) => STREAM_ASKS.map((ask) => ({ ...header, ...ask })));
  it.each(cases)("reach the backend as they are: $what, with $ask", async ({ lines, method, body }) => {
    const { gateway, headers, received } = await startRawPair((_got, response) => sendJson(response, EMPTY));
    const answer = await send(gateway.url, { method, headers: [...headers, ...lines], body });
    expect(answer.status).toBe(200);
    const named = new Set(lines.filter((_line, at) => at % 2 === 0).map((name) => name.toLowerCase()));
    const got = headerPairs(received()[0]?.rawHeaders ?? []);
    expect(got.filter((line) => named.has(line.slice(0, line.indexOf(":"))))).toEqual(headerPairs(lines));
  });

  it("carry the session's id as the backend gave it", async () => {
    const { gateway, headers, received } = await startRawPair((_got, response) => sendJson(response, EMPTY));
    for (const { method, body } of STREAM_ASKS) await send(gateway.url, { method, headers, body });
    await send(gateway.url, { method: "DELETE", headers });
    const ids = received().map(({ rawHeaders }) =>
      headerPairs(rawHeaders).filter((line) => line.startsWith("mcp-session")),
    );
    expect(ids).toEqual([["mcp-session-id: s-1"], ["mcp-session-id: s-1"], ["mcp-session-id: s-1"]]);
  });
});
