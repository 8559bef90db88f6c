import type { Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it } from "vitest";
import { callHeaders, open, toolCall, until } from "../../support/gateway.ts";
import {
  answer,
  byteChunks,
  callOnce,
  EVENTS,
  GRANTS,
  JSON_TYPE,
  requestOf,
  startPair,
  theOneRecord,
  whole,
  type Pair,
} from "./backend-run.ts";
import { RESULT } from "./observed.ts";
import { untilAllClosed } from "./tcp-backend.ts";
import { bodyOf, openWire, statusesIn } from "./wire.ts";

const pairs: Pair[] = [];

afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.close();
});

const start: typeof startPair = async (...how) => {
  const pair = await startPair(...how);
  pairs.push(pair);
  return pair;
};

const CHUNKED = "Transfer-Encoding: chunked";
const MIB = 1024 * 1024;

/** Writes this again and again for as long as anybody takes it. */
function pour(socket: Socket, part: string | Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(part));
    if (!socket.destroyed) socket.once("drain", more);
  };
  more();
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Memory held by buffers, after what nobody holds was collected. */
function bufferBytes(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

describe("an answer without end", () => {
  it.each(GRANTS)("of headers is told as 502 (%s)", async (grant) => {
    const pair = await start(grant, (socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      pour(socket, `X-A: ${"b".repeat(1000)}\r\n`);
    });
    expect(statusesIn(await callOnce(pair))).toEqual([502]);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call backend_unreachable 502");
    await untilAllClosed(pair.backend);
  });

  it.each(GRANTS)("of informational answers ends with the time for an answer (%s)", async (grant) => {
    const how = (socket: Socket): void => {
      const timer = setInterval(() => socket.write("HTTP/1.1 102 Processing\r\n\r\n"), 5);
      socket.on("close", () => clearInterval(timer));
    };
    const pair = await start(grant, how, { limits: { answerTimeoutMs: 100 } });
    const wire = openWire(pair.gateway.url, requestOf(pair));
    await until(wire.text, (text) => text !== "");
    expect(statusesIn(wire.text())).toEqual([504]);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call backend_timeout 504");
    await untilAllClosed(pair.backend);
  });

  it.each(GRANTS)("of events ends when the client leaves, and holds no memory meanwhile (%s)", async (grant) => {
    const part = `event: message\ndata: {"jsonrpc":"2.0","method":"notifications/x","params":"${"x".repeat(60_000)}"}\n\n`;
    const pair = await start(grant, (socket) => {
      socket.write(answer("200 OK", [EVENTS]));
      pour(socket, part);
    });
    const before = bufferBytes();
    const stream = await open(pair.gateway.url, {
      path: `/mcp/${grant}/mcp`,
      headers: callHeaders(pair.gateway.key),
      body: toolCall("eks_get_pods"),
    });
    const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
    for (let read = 0; read < 192 * MIB;) read += (await chunks.next()).value?.length ?? Infinity;
    // Freed in the background, so not at once; what a stream that is still open holds is never freed.
    await until(bufferBytes, (bytes) => bytes - before < 64 * MIB);
    stream.destroy();
    await untilAllClosed(pair.backend);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call client_gone 200");
  });

  it("of JSON is refused where the gateway would have to hold it", async () => {
    const pair = await start("narrow", (socket) => {
      socket.write(answer("200 OK", [JSON_TYPE]));
      pour(socket, "[".repeat(60_000));
    });
    expect(statusesIn(await callOnce(pair))).toEqual([502]);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call backend_malformed 502");
    await untilAllClosed(pair.backend);
  });

  it("of one event is cut where the gateway would have to hold it", async () => {
    const pair = await start("narrow", (socket) => {
      socket.write(answer("200 OK", [EVENTS]));
      pour(socket, `data: ${"x".repeat(60_000)}\n`);
    });
    const text = await callOnce(pair);
    expect([statusesIn(text), bodyOf(text)]).toEqual([[200], ""]);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call backend_malformed 200");
    await untilAllClosed(pair.backend);
  });
});

describe("an answer that is cut", () => {
  const HALF = answer("200 OK", [JSON_TYPE, "Content-Length: 500"], RESULT);
  const HUGE = answer("200 OK", [JSON_TYPE, "Content-Length: 2147483648"], RESULT);
  const cuts = [
    { what: "before its length", head: HALF, cut: (socket: Socket) => void socket.end() },
    { what: "before its length, by a reset", head: HALF, cut: (socket: Socket) => void socket.resetAndDestroy() },
    { what: "before 2 GB", head: HUGE, cut: (socket: Socket) => void socket.end() },
    {
      what: "in a chunk that is broken",
      head: answer("200 OK", [JSON_TYPE, CHUNKED], `5\r\n{"jso\r\n`),
      cut: (socket: Socket) => void socket.write("zz\r\n"),
    },
  ];

  it.each(cuts)("$what is cut for the client too, once some of it was sent", async ({ head, cut }) => {
    const pair = await start("eks-ro", (socket) => void socket.write(head));
    const wire = openWire(pair.gateway.url, requestOf(pair));
    await until(wire.text, (text) => bodyOf(text).includes('{"jso') && text.includes("\r\n\r\n"));
    for (const socket of pair.backend.sockets) cut(socket);
    const text = await wire.closed;
    // Neither whole by its length nor ended by a last chunk: the client can see that it was cut.
    expect([statusesIn(text), text.endsWith("0\r\n\r\n")]).toEqual([[200], false]);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call backend_unreachable 200");
    await untilAllClosed(pair.backend);
  });

  it.each(cuts)("$what is told as 502 while nothing was sent", async ({ head, cut }) => {
    const pair = await start("narrow", (socket) => void socket.write(head, () => cut(socket)));
    expect(statusesIn(await callOnce(pair))).toEqual([502]);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call backend_unreachable 502");
    await untilAllClosed(pair.backend);
  });

  const stream = answer("200 OK", [EVENTS, CHUNKED], "a\r\ndata: {}\n\n\r\n");
  it.each(GRANTS)("by a reset in the middle of a stream is no whole answer (%s)", async (grant) => {
    const pair = await start(grant, (socket) => void socket.write(stream));
    const wire = openWire(pair.gateway.url, requestOf(pair));
    await until(wire.text, (text) => text.includes("data: {}"));
    for (const socket of pair.backend.sockets) socket.resetAndDestroy();
    const text = await wire.closed;
    await untilAllClosed(pair.backend);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call backend_unreachable 200");
    expect(text.endsWith("0\r\n\r\n")).toBe(false);
  });
});

describe("an answer at an odd time", () => {
  it.each(
    GRANTS.flatMap((grant) => [
      { grant, what: "stays", after: () => undefined },
      { grant, what: "ends", after: (socket: Socket) => void socket.end() },
    ]),
  )(
    "before the request was sent, by a backend that $what, is given, and so is the next ($grant)",
    async ({ grant, after }) => {
      const how = (socket: Socket): void => void socket.write(whole(), () => after(socket));
      const pair = await start(grant, how, { atOnce: true });
      // Not in the arguments, which would be recorded.
      const body = toolCall("eks_get_pods").replace("{}", `{},"_meta":{"x":"${"x".repeat(3 * MIB)}"}`);
      for (let count = 0; count < 2; count += 1) expect(statusesIn(await callOnce(pair, body))).toEqual([200]);
      const records = await pair.gateway.waitForRecords(2);
      expect(records.map(({ reason, http_status }) => `${reason} ${http_status}`)).toEqual([
        "granted 200",
        "granted 200",
      ]);
    },
  );

  it.each(GRANTS)("after the client left goes nowhere (%s)", async (grant) => {
    const pair = await start(grant, () => undefined);
    const wire = openWire(pair.gateway.url, requestOf(pair));
    await until(pair.backend.requests, (count) => count === 1);
    wire.socket.resetAndDestroy();
    expect(await theOneRecord(pair)).toBe("mcp_tool_call client_gone null");
    for (const socket of pair.backend.sockets) socket.write(whole());
    await untilAllClosed(pair.backend);
    expect((await pair.gateway.records()).length).toBe(1);
  });

  it.each(GRANTS)("in a million chunks of one byte is given whole (%s)", async (grant) => {
    const text = RESULT.replace("[]", `["${"x".repeat(MIB)}"]`);
    const bytes = byteChunks(text);
    const pair = await start(
      grant,
      (socket) => void socket.write(Buffer.concat([Buffer.from(answer("200 OK", [JSON_TYPE, CHUNKED])), bytes])),
    );
    const stream = await open(pair.gateway.url, {
      path: `/mcp/${grant}/mcp`,
      headers: callHeaders(pair.gateway.key),
      body: toolCall("eks_get_pods"),
    });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString() === text).toBe(true);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call granted 200");
  });
});
