import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { open } from "../../support/gateway.ts";
import { HeldStream, openStream, readBytes, startRawPair, STREAM_ASKS } from "../../support/mcp-fixture/raw-pair.ts";

const MESSAGE = '{"jsonrpc":"2.0","id":1,"result":{"n":1.0,"big":12345678901234567890,"s":"\\u00e4\u00e4"}}';
const LETTER = Buffer.from("\u{1f600}");

const STREAMS: readonly { readonly what: string; readonly parts: readonly (string | Buffer)[] }[] = [
  { what: "an event", parts: [`event: message\nid: 1\ndata: ${MESSAGE}\n\n`] },
  { what: "empty events", parts: ["\n", "\n\n", "id: 1\ndata:\n\n", "id: 2\ndata: \n\n", "data\n\n", "id\n\n"] },
  {
    what: "ids and retries alone",
    parts: ["id: a b\n\n", "retry: 10\n\n", "retry: x\n\n", "id: \u00e4\nretry: 0\n\n"],
  },
  { what: "comments", parts: [":\n\n", ": keep-alive\n\n", ":no space\n", ": in an event\ndata: 1\n\n"] },
  {
    what: "line ends of every kind",
    parts: ["data: 1\r\n\r\n", "data: 2\r\r", "data: 3\n\n", "data: 4\r\n\n", "data: 5\n\r"],
  },
  { what: "a line end in two parts", parts: ["data: 1\r", "\n\r", "\n", "data: 2\r", "\r"] },
  { what: "a letter in four parts", parts: ["data: ", ...[...LETTER].map((byte) => Buffer.from([byte])), "\n\n"] },
  { what: "bytes that are no letters", parts: [Buffer.from([0x64, 0x3a, 0xff, 0xfe, 0xc3, 0x0a, 0x0a, 0x00])] },
  { what: "a byte order mark", parts: ["\ufeffdata: 1\n\n", "\ufeffdata: 2\n\n"] },
  { what: "an event letter by letter", parts: `id: 1\ndata: ${MESSAGE}\n\n`.split("") },
  { what: "an event that does not end", parts: ["data: 1\n\n", "data: 2"] },
  { what: "fields nobody knows", parts: ["x-field: 1\ndata:1\ndata:  2\n\n", "DATA: 3\n\n", "data : 4\n\n"] },
];

describe("a stream of events on its way to the client", () => {
  // Each part is sent only when the client has seen the one before: nothing waits for more.
  const cases = STREAMS.flatMap((stream) => STREAM_ASKS.map((ask) => ({ ...stream, ...ask })));
  it.each(cases)("is not changed by a byte, and no part waits for the next: $what, on $ask", async (given) => {
    const held = new HeldStream();
    const pair = await startRawPair(held.answer);
    const stream = await openStream(pair, given);
    for (const part of given.parts) {
      await held.send(part);
      const sent = Buffer.from(part);
      expect(await readBytes(stream, sent.length)).toEqual(sent);
    }
    await held.end();
    await expect(readBytes(stream, 1)).rejects.toThrow("ended after 0 of 1 bytes");
    expect(stream.complete).toBe(true);
  });

  it.each(STREAM_ASKS)("may be silent before its first event, and is open already: $ask", async (ask) => {
    const held = new HeldStream();
    const stream = await openStream(await startRawPair(held.answer), ask);
    expect([stream.statusCode, stream.headers["content-type"]]).toEqual([200, "text/event-stream"]);
    await held.send(": keep-alive\n\n");
    expect(String(await readBytes(stream, 14))).toBe(": keep-alive\n\n");
    await held.end();
  });

  it("is not changed by a byte when it is compressed", async () => {
    const bytes = gzipSync(`data: ${MESSAGE}\n\n`);
    const { gateway, headers } = await startRawPair((_got, response) =>
      response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" }).end(bytes),
    );
    const stream = await open(gateway.url, { method: "GET", headers });
    expect([stream.headers["content-encoding"], await readBytes(stream, bytes.length)]).toEqual(["gzip", bytes]);
  });
});

const ANSWERS = [
  { what: "JSON", type: "application/json", bytes: Buffer.from(` \r\n${MESSAGE}\n`) },
  {
    what: "JSON with a byte order mark",
    type: "application/json; charset=utf-8",
    bytes: Buffer.from(`\ufeff${MESSAGE}`),
  },
  { what: "what only claims to be JSON", type: "application/json", bytes: Buffer.from([0xff, 0x00, 0x7b]) },
  { what: "two megabytes", type: "application/json", bytes: Buffer.from(`"${"\u00e4".repeat(1024 * 1024)}"`) },
  { what: "plain text", type: "text/plain", bytes: Buffer.from("h\u00e4") },
  { what: "any bytes", type: "application/octet-stream", bytes: Buffer.from([...Array(256).keys()]) },
];

describe("any other answer on its way to the client", () => {
  it.each(ANSWERS)("is not changed by a byte: $what", async ({ type, bytes }) => {
    const { gateway, headers } = await startRawPair((_got, response) =>
      response.writeHead(200, { "content-type": type, "content-length": bytes.length }).end(bytes),
    );
    const answer = await open(gateway.url, { headers, body: STREAM_ASKS[0].body });
    expect([answer.headers["content-type"], answer.headers["content-length"]]).toEqual([type, String(bytes.length)]);
    expect((await readBytes(answer, bytes.length)).equals(bytes)).toBe(true);
  });
});
