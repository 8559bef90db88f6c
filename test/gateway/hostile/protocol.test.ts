import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { send, startTestGateway, toolCall, until, type TestGateway } from "../../support/gateway.ts";
import { startRawBackend, type Backend, type Received } from "../../support/mcp-backend.ts";
import { ANSWER, endings, observe } from "./observed.ts";
import { bodyOf, exchange, headOf, openWire, postOf, statusesIn } from "./wire.ts";

let backend: Backend & { readonly received: Received[] };
let gateway: TestGateway;

beforeAll(async () => {
  backend = await startRawBackend(ANSWER);
  gateway = await startTestGateway({ "eks-ro": backend.url }, {}, { limits: { maxCallsPerKey: 0 } });
});

afterAll(async () => {
  await gateway.close();
  await backend.close();
});

const CALL = toolCall("t");
const LENGTH = `Content-Length: ${CALL.length}`;
const CLOSE = "Connection: close";

type Bytes = () => string;
const head =
  (first: string, lines: readonly string[] = [CLOSE]): Bytes =>
  () =>
    headOf(gateway.key, lines, first);
const post =
  (first: string, lines: readonly string[] = [CLOSE]): Bytes =>
  () =>
    headOf(gateway.key, [LENGTH, ...lines], first) + CALL;

interface Case {
  readonly what: string;
  readonly bytes: Bytes;
  readonly ending: string;
}

const REFUSED: readonly Case[] = [
  { what: "CONNECT", bytes: head("CONNECT localhost:80 HTTP/1.1"), ending: "http_malformed 400" },
  { what: "OPTIONS", bytes: head("OPTIONS /mcp/eks-ro/mcp HTTP/1.1"), ending: "http_method_not_allowed 405" },
  { what: "OPTIONS of everything", bytes: head("OPTIONS * HTTP/1.1"), ending: "path_unknown 404" },
  { what: "TRACE", bytes: head("TRACE /mcp/eks-ro/mcp HTTP/1.1"), ending: "http_method_not_allowed 405" },
  { what: "HEAD", bytes: head("HEAD /mcp/eks-ro/mcp HTTP/1.1"), ending: "http_method_not_allowed 405" },
  { what: "PATCH", bytes: post("PATCH /mcp/eks-ro/mcp HTTP/1.1"), ending: "http_method_not_allowed 405" },
  { what: "a method in lower case", bytes: post("post /mcp/eks-ro/mcp HTTP/1.1"), ending: "http_malformed 400" },
  { what: "a method that nobody knows", bytes: post("STEAL /mcp/eks-ro/mcp HTTP/1.1"), ending: "http_malformed 400" },
  {
    what: "the preface of HTTP/2",
    bytes: () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u0000\u0000\u0000\u0004\u0000\u0000\u0000\u0000\u0000",
    ending: "http_malformed 400",
  },
  { what: "HTTP/0.9", bytes: () => "GET /mcp/eks-ro/mcp\r\n\r\n", ending: "http_malformed 400" },
  { what: "HTTP/1.2", bytes: post("POST /mcp/eks-ro/mcp HTTP/1.2"), ending: "http_malformed 400" },
  { what: "HTTP/9.9", bytes: post("POST /mcp/eks-ro/mcp HTTP/9.9"), ending: "http_malformed 400" },
  { what: "a TLS hello", bytes: () => "\u0016\u0003\u0001\u0002\u0000\u0001\u0000", ending: "http_malformed 400" },
  { what: "a tab for a space", bytes: post("POST\t/mcp/eks-ro/mcp HTTP/1.1"), ending: "http_malformed 400" },
  { what: "a space in the path", bytes: post("POST /mcp/eks-ro/mcp x HTTP/1.1"), ending: "http_malformed 400" },
  {
    what: "a letter that is no ASCII in the path",
    bytes: post("POST /mcp/eks-ro\u00ff/mcp HTTP/1.1"),
    ending: "http_malformed 400",
  },
  { what: "a NUL in the path", bytes: post("POST /mcp/eks-ro\0/mcp HTTP/1.1"), ending: "http_malformed 400" },
  {
    what: "headers of 20,000 letters",
    bytes: post("POST /mcp/eks-ro/mcp HTTP/1.1", [`X: ${"x".repeat(20_000)}`]),
    ending: "headers_too_large 431",
  },
  {
    what: "a path of 20,000 letters",
    bytes: post(`POST /mcp/${"x".repeat(20_000)}/mcp HTTP/1.1`),
    ending: "headers_too_large 431",
  },
  {
    what: "a header name of 20,000 letters",
    bytes: post("POST /mcp/eks-ro/mcp HTTP/1.1", [`${"x".repeat(20_000)}: 1`]),
    ending: "headers_too_large 431",
  },
  {
    what: "17,000 headers of one letter",
    bytes: post("POST /mcp/eks-ro/mcp HTTP/1.1", Array<string>(17_000).fill("a:")),
    ending: "headers_too_large 431",
  },
];

const PATHS = [
  "http://evil.example/mcp/eks-ro/mcp",
  "//evil.example/mcp/eks-ro/mcp",
  "/mcp/eks-ro/mcp#x",
  "/mcp/eks-ro/mcp?backend=eks-rw",
  "/mcp/eks-ro/mcp?",
  "/mcp/eks-ro/mcp/",
  "/mcp/eks-ro//mcp",
  "/mcp/eks-ro/%6dcp",
  "/mcp/%65ks-ro/mcp",
  "/mcp/eks-ro%2fmcp",
  "/mcp/eks-ro%5cmcp",
  "/mcp/eks-ro/mcp%00",
  "/mcp/eks-ro/mcp%0d%0aX-A:%20b",
  "/mcp/eks-ro/mcp%20",
  "/mcp/eks-ro/%2e%2e/eks-rw/mcp",
  "/mcp/eks-ro/..%2feks-rw%2fmcp",
  "/mcp/eks-ro/..;/eks-rw/mcp",
  "/mcp/eks-ro/%252e%252e/mcp",
  "/mcp/eks-ro/..%c0%afmcp",
  "/mcp/eks-ro/mcp;x=1",
  "/mcp/__proto__/mcp",
  "/mcp/EKS-RO/mcp",
  "/mcp/eks-ro\\mcp",
  "/mcp/./eks-ro/mcp",
  "/./mcp/eks-ro/mcp",
];

async function outcome(
  bytes: string,
): Promise<{ readonly answer: string; readonly seen: Awaited<ReturnType<typeof observe>> }> {
  let answer = "";
  const seen = await observe(gateway, backend.received, async () => (answer = await exchange(gateway.url, bytes)));
  return { answer, seen };
}

describe("what is no POST, GET or DELETE of HTTP/1 is refused once and recorded once", () => {
  it.each(REFUSED)("$what: $ending", async ({ bytes, ending }) => {
    const { answer, seen } = await outcome(bytes());
    expect([statusesIn(answer), endings(seen.records), seen.reached]).toEqual([
      [Number(ending.split(" ")[1])],
      [ending],
      [],
    ]);
  });

  it.each(PATHS)("%s opens nothing", async (path) => {
    const { answer, seen } = await outcome(post(`POST ${path} HTTP/1.1`)());
    expect([statusesIn(answer), endings(seen.records), seen.reached]).toEqual([[404], ["path_unknown 404"], []]);
    // Refused for what it is, before the key was looked at: not because the registry happens to have no such path.
    expect(bodyOf(answer)).toContain('{"error":"not found"');
    expect(seen.records[0]?.key_id).toBe(null);
  });

  it.each(["constructor", "tostring", "hasownproperty", "valueof"])("a backend named %s is none", async (name) => {
    const { answer, seen } = await outcome(post(`POST /mcp/${name}/mcp HTTP/1.1`)());
    expect([statusesIn(answer), endings(seen.records), seen.reached]).toEqual([[404], ["backend_unknown 404"], []]);
  });
});

describe("what HTTP/1 lets a client say, and the gateway does not do", () => {
  it.each<{ readonly what: string; readonly lines: readonly string[] }>([
    { what: "a websocket", lines: ["Connection: close, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"] },
    {
      what: "HTTP/2",
      lines: ["Connection: close, Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"],
    },
    { what: "TLS", lines: ["Connection: close, Upgrade", "Upgrade: TLS/1.3"] },
  ])("switches to $what: the call is answered as it is", async ({ lines }) => {
    const { answer, seen } = await outcome(post("POST /mcp/eks-ro/mcp HTTP/1.1", lines)());
    expect([statusesIn(answer), endings(seen.records)]).toEqual([[200], ["granted 200"]]);
    const names = (seen.reached[0]?.rawHeaders ?? []).filter((_name, at) => at % 2 === 0).map((n) => n.toLowerCase());
    expect(names.filter((name) => name === "upgrade" || name === "http2-settings")).toEqual([]);
  });

  it("serves HTTP/1.0 and closes, with or without a wish to stay", async () => {
    for (const lines of [[], ["Connection: keep-alive"]]) {
      const { answer, seen } = await outcome(post("POST /mcp/eks-ro/mcp HTTP/1.0", lines)());
      expect([statusesIn(answer), endings(seen.records), seen.reached.length]).toEqual([[200], ["granted 200"], 1]);
      expect(answer.toLowerCase()).not.toContain("transfer-encoding");
    }
  });

  it("asks for a body that was announced with Expect only once it is willing to read it", async () => {
    const willing = await outcome(post("POST /mcp/eks-ro/mcp HTTP/1.1", [CLOSE, "Expect: 100-continue"])());
    expect([statusesIn(willing.answer), endings(willing.seen.records)]).toEqual([[100, 200], ["granted 200"]]);
    const anonymous =
      "POST /mcp/eks-ro/mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n";
    const unwilling = await outcome(anonymous);
    expect([statusesIn(unwilling.answer), endings(unwilling.seen.records)]).toEqual([[401], ["key_missing 401"]]);
  });

  it("ends the calls of a connection that is given to CONNECT", async () => {
    const calls = Array.from({ length: 8 }, (_, id) => postOf(gateway.key, toolCall("t", "{}", String(id)), [])).join(
      "",
    );
    const { seen } = await outcome(`${calls}CONNECT x:1 HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    expect(seen.records.filter(({ reason }) => reason !== "client_gone")).toEqual([]);
    await until(
      async () =>
        JSON.parse((await send(gateway.adminUrl, { method: "GET", path: "/state" })).body) as { counts: object },
      ({ counts }) => "calls_in_flight" in counts && counts.calls_in_flight === 0,
    );
  });

  it.each(["mcp-session-id", "mcp-method", "content-type", "close, Authorization"])(
    "refuses a Connection header that names what was decided on: %s",
    async (named) => {
      const { answer, seen } = await outcome(postOf(gateway.key, toolCall("t"), [`Connection: ${named}`]));
      expect([statusesIn(answer), endings(seen.records), seen.reached]).toEqual([[400], ["http_malformed 400"], []]);
    },
  );

  it("answers every one of 200 requests in one write, in order", async () => {
    const calls = Array.from({ length: 200 }, (_, id) => postOf(gateway.key, toolCall("t", "{}", String(id)), []));
    const last = postOf(gateway.key, "[]");
    const { answer, seen } = await outcome(calls.join("") + last);
    expect(statusesIn(answer)).toEqual([...Array<number>(200).fill(200), 400]);
    const ids = seen.reached.map(({ body }) => (JSON.parse(body.toString()) as { id: number }).id);
    expect(ids.toSorted((a, b) => a - b)).toEqual(calls.map((_, id) => id));
    expect(endings(seen.records).toSorted()).toEqual([...Array<string>(200).fill("granted 200"), "not_json_rpc 400"]);
  });

  it("outlives clients that reset in the middle of any of these", async () => {
    const heads = REFUSED.map(({ bytes }) => bytes());
    const seen = await observe(gateway, backend.received, async () => {
      for (const bytes of heads) {
        const wire = openWire(gateway.url, bytes.slice(0, bytes.length / 2));
        await new Promise((resolve) => wire.socket.once("ready", resolve));
        wire.socket.resetAndDestroy();
        await wire.closed;
      }
    });
    expect(seen.reached).toEqual([]);
    expect(gateway.logged.filter((line) => line.includes("Error"))).toEqual([]);
  });
});
