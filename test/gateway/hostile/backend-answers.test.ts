import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { toolCall } from "../../support/gateway.ts";
import {
  answer,
  byteChunks,
  callOnce,
  GRANTS,
  JSON_TYPE,
  startPair,
  theOneRecord,
  whole,
  type Grant,
  type Pair,
} from "./backend-run.ts";
import { RESULT } from "./observed.ts";
import { untilAllClosed, type TcpAnswer } from "./tcp-backend.ts";
import { bodyOf, statusesIn } from "./wire.ts";

const pairs: Pair[] = [];

afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.close();
});

async function start(grant: Grant, how: TcpAnswer): Promise<Pair> {
  const pair = await startPair(grant, how);
  pairs.push(pair);
  return pair;
}

const LENGTH = `Content-Length: ${RESULT.length}`;
const CHUNKED = "Transfer-Encoding: chunked";
const HEX = RESULT.length.toString(16);

/** Writes these bytes and no more. */
const says =
  (text: string | Buffer): TcpAnswer =>
  (socket) =>
    void socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text);
const saysAndEnds =
  (text: string): TcpAnswer =>
  (socket) =>
    void socket.end(Buffer.from(text, "latin1"));

interface Case {
  readonly what: string;
  readonly how: TcpAnswer;
}
/** Every case under both grants. */
const underEach = (cases: readonly Case[]): (Case & { readonly grant: Grant })[] =>
  cases.flatMap((each) => GRANTS.map((grant) => ({ ...each, grant })));

describe("what is no HTTP answer is told as 502, and its connection is not used again", () => {
  it.each(
    underEach([
      { what: "text", how: says("not HTTP at all\r\n\r\n") },
      { what: "bytes", how: says(Buffer.from([0, 1, 2, 255, 254])) },
      { what: "an end", how: (socket) => void socket.end() },
      { what: "a reset", how: (socket) => void socket.resetAndDestroy() },
      { what: "half a head", how: saysAndEnds("HTTP/1.1 200 OK\r\nContent-Ty") },
      { what: "another version", how: says("HTTP/3.0 200 OK\r\n\r\n") },
      { what: "line feeds alone", how: says(whole().replaceAll("\r\n", "\n")) },
      { what: "a folded header", how: says(answer("200 OK", [JSON_TYPE, "X-A: b\r\n c", LENGTH], RESULT)) },
      { what: "a NUL in a header", how: says(answer("200 OK", [JSON_TYPE, "X-A: b\0", LENGTH], RESULT)) },
      { what: "a hidden header", how: says(answer("200 OK", [JSON_TYPE, "X-A: b\rX-B: c", LENGTH], RESULT)) },
      { what: "one length twice", how: says(answer("200 OK", [JSON_TYPE, LENGTH, LENGTH], RESULT)) },
      { what: "two lengths", how: says(answer("200 OK", [JSON_TYPE, LENGTH, "Content-Length: 5"], RESULT)) },
      {
        what: "a length and chunks",
        how: says(answer("200 OK", [JSON_TYPE, LENGTH, CHUNKED], byteChunks(RESULT).toString())),
      },
      { what: "a negative length", how: says(answer("200 OK", [JSON_TYPE, "Content-Length: -1"], RESULT)) },
      { what: "a length with a space", how: says(answer("200 OK", [JSON_TYPE, "Content-Length: 4 8"], RESULT)) },
      {
        what: "a length beyond 2^64",
        how: says(answer("200 OK", [JSON_TYPE, `Content-Length: ${"9".repeat(30)}`], RESULT)),
      },
      { what: "a broken first chunk", how: says(answer("200 OK", [JSON_TYPE, CHUNKED], "zz\r\n")) },
      {
        what: "another protocol",
        how: says(answer("101 Switching Protocols", ["Connection: Upgrade", "Upgrade: websocket"])),
      },
    ]),
  )("$what ($grant)", async ({ how, grant }) => {
    const pair = await start(grant, how);
    const text = await callOnce(pair);
    expect([statusesIn(text), JSON.parse(bodyOf(text))]).toMatchObject([[502], { id: 1, error: { code: -31502 } }]);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call backend_unreachable 502");
    await untilAllClosed(pair.backend);
    expect(pair.backend.requests()).toBe(1);
  });

  it.each(
    underEach(["099", "600", "999"].map((status) => ({ what: status, how: says(whole().replace("200", status)) }))),
  )("the status $what ($grant)", async ({ how, grant }) => {
    const pair = await start(grant, how);
    expect(statusesIn(await callOnce(pair))).toEqual([502]);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call backend_malformed 502");
    await untilAllClosed(pair.backend);
  });
});

describe("an answer that is odd but whole is relayed, its oddity is not", () => {
  const CHUNKS = `${HEX}\r\n${RESULT}\r\n0\r\n`;
  it.each(
    underEach([
      { what: "an end for a length", how: saysAndEnds(answer("200 OK", [JSON_TYPE], RESULT)) },
      { what: "HTTP/1.0", how: saysAndEnds(answer("200 OK", [JSON_TYPE], RESULT).replace("1.1", "1.0")) },
      {
        what: "a thousand informational answers before it",
        how: says("HTTP/1.1 102 Processing\r\n\r\n".repeat(1_000) + whole()),
      },
      { what: "early hints", how: says(`HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=b\r\n\r\n${whole()}`) },
      { what: "trailers", how: says(answer("200 OK", [JSON_TYPE, CHUNKED], `${CHUNKS}Set-Cookie: a=b\r\n\r\n`)) },
      {
        what: "chunks of one byte",
        how: says(Buffer.concat([Buffer.from(answer("200 OK", [JSON_TYPE, CHUNKED])), byteChunks(RESULT)])),
      },
      { what: "more bytes than its length", how: says(`${whole()}Set-Cookie: a=b`) },
      { what: "a second answer behind it", how: says(whole() + whole().replace('"id":1', '"id":2')) },
      {
        what: "a Connection that names its length and type",
        how: says(answer("200 OK", ["Connection: content-length, content-type", JSON_TYPE, LENGTH], RESULT)),
      },
    ]),
  )("$what ($grant)", async ({ how, grant }) => {
    const pair = await start(grant, how);
    const text = await callOnce(pair);
    expect([statusesIn(text), text.toLowerCase().includes("set-cookie")]).toEqual([[200], false]);
    const body = /^transfer-encoding: chunked/im.test(text) ? `${HEX}\r\n${RESULT}\r\n0\r\n\r\n` : RESULT;
    expect(bodyOf(text)).toBe(body);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call granted 200");
  });

  it.each(GRANTS)("another request's id is the client's to notice (%s)", async (grant) => {
    const pair = await start(grant, says(whole(RESULT.replace('"id":1', '"id":2'))));
    expect(await callOnce(pair)).toContain('{"jsonrpc":"2.0","id":2,"result":{"content":[]}}');
    expect(await theOneRecord(pair)).toBe("mcp_tool_call granted 200");
  });

  it("a second answer is never given to the next client", async () => {
    const numbered = (count: number): string => whole(RESULT.replace("[]", `["answer ${count}"]`));
    const pair = await start(
      "eks-ro",
      (socket, count) => void socket.write(numbered(count) + whole().replace("[]", '["x"]')),
    );
    const bodies = [];
    for (let count = 0; count < 5; count += 1) bodies.push(bodyOf(await callOnce(pair)));
    expect(bodies).toEqual([0, 1, 2, 3, 4].map((count) => bodyOf(numbered(count))));
  });

  it.each(GRANTS)("204 has no body and no length, whatever the backend sends (%s)", async (grant) => {
    const pair = await start(grant, says(answer("204 No Content", [JSON_TYPE, LENGTH], RESULT)));
    const text = await callOnce(pair);
    expect([statusesIn(text), bodyOf(text)]).toEqual([[204], ""]);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call granted 204");
    await untilAllClosed(pair.backend);
    // RFC 9110 section 8.6: a length in an answer without content makes some clients wait for it.
    expect(text.toLowerCase()).not.toContain("content-length");
  });
});

describe("an answer that the gateway asked not to be compressed", () => {
  const packed = gzipSync(RESULT);
  const how = says(
    Buffer.concat([
      Buffer.from(answer("200 OK", [JSON_TYPE, "Content-Encoding: gzip", `Content-Length: ${packed.length}`])),
      packed,
    ]),
  );

  it("and is, is refused under a narrowed grant, for it could hide a tool", async () => {
    const pair = await start("narrow", how);
    expect(statusesIn(await callOnce(pair))).toEqual([502]);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call backend_malformed 502");
    await untilAllClosed(pair.backend);
  });

  it("has a twin under a full grant, which is relayed byte for byte", async () => {
    const pair = await start("eks-ro", how);
    expect(Buffer.from(bodyOf(await callOnce(pair, toolCall("t"))), "latin1")).toEqual(packed);
    expect(await theOneRecord(pair)).toBe("mcp_tool_call granted 200");
  });
});
