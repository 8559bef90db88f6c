import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, toolCall, type TestGateway } from "../../support/gateway.ts";
import { startRawBackend, type Backend, type Received } from "../../support/mcp-backend.ts";
import { ANSWER, endings, observe } from "./observed.ts";
import { exchange, headOf, postOf, statusesIn } from "./wire.ts";

/**
 * Two readers that disagree on where a request ends let one of them see a request that the other never decided on
 * (RFC 9112 section 11.2). Whatever a client sends, the backend must get whole decided requests and nothing else.
 */
let backend: Backend & { readonly received: Received[] };
let gateway: TestGateway;

beforeAll(async () => {
  backend = await startRawBackend(ANSWER);
  gateway = await startTestGateway({ "eks-ro": backend.url });
});

afterAll(async () => {
  await gateway.close();
  await backend.close();
});

const BODY = toolCall("t");
const HEX = BODY.length.toString(16);
const LENGTH = `Content-Length: ${BODY.length}`;
const CHUNKED = "Transfer-Encoding: chunked";
const IN_CHUNKS = `${HEX}\r\n${BODY}\r\n0\r\n\r\n`;

type Bytes = () => string;

/** A POST with these header lines, the last of which ends the connection, and these bytes after the head. */
const post =
  (lines: readonly string[], after: string): Bytes =>
  () =>
    headOf(gateway.key, ["Connection: close", ...lines]) + after;
const chunks = (after: string): Bytes => post([CHUNKED], after);
/** A request of its own, for another backend, that nobody decided on. */
const hidden = (): string => postOf(gateway.key, "{}").replace("eks-ro", "eks-rw");

describe("framing that can be read in two ways is refused", () => {
  it.each<{ readonly what: string; readonly bytes: Bytes }>([
    { what: "a length and chunks", bytes: post([LENGTH, CHUNKED], IN_CHUNKS) },
    { what: "chunks and a length", bytes: post([CHUNKED, LENGTH], IN_CHUNKS) },
    { what: "an unknown coding and a length", bytes: post(["Transfer-Encoding: xchunked", LENGTH], BODY) },
    { what: "no coding and a length", bytes: post(["Transfer-Encoding: identity", LENGTH], BODY) },
    { what: "an empty coding and a length", bytes: post(["Transfer-Encoding:", LENGTH], BODY) },
    { what: "a quoted coding and a length", bytes: post(['Transfer-Encoding: "chunked"', LENGTH], BODY) },
    { what: "a coding after a vertical tab", bytes: post(["Transfer-Encoding:\u000bchunked"], IN_CHUNKS) },
    { what: "chunks that are not last", bytes: post(["Transfer-Encoding: chunked, identity"], IN_CHUNKS) },
    { what: "chunks twice", bytes: post([CHUNKED, CHUNKED], IN_CHUNKS) },
    { what: "chunks, then no coding", bytes: post([CHUNKED, "Transfer-Encoding: identity"], IN_CHUNKS) },
    { what: "a space before the colon of the coding", bytes: post(["Transfer-Encoding : chunked", LENGTH], IN_CHUNKS) },
    { what: "a folded coding", bytes: post(["Transfer-Encoding:\r\n chunked", LENGTH], IN_CHUNKS) },
    { what: "one length twice", bytes: post([LENGTH, LENGTH], BODY) },
    { what: "two lengths", bytes: post([LENGTH, "Content-Length: 2"], BODY) },
    { what: "a list of lengths", bytes: post([`${LENGTH}, ${BODY.length}`], BODY) },
    { what: "a length with a plus", bytes: post([`Content-Length: +${BODY.length}`], BODY) },
    { what: "a length with a minus", bytes: post([`Content-Length: -${BODY.length}`], BODY) },
    { what: "a length with a space inside", bytes: post([`Content-Length: ${BODY.length} 1`], BODY) },
    { what: "a length in hex", bytes: post([`Content-Length: 0x${HEX}`], BODY) },
    { what: "a length with a point", bytes: post([`Content-Length: ${BODY.length}.0`], BODY) },
    { what: "a length with an exponent", bytes: post(["Content-Length: 1e2"], BODY) },
    { what: "a length beyond 2^64", bytes: post([`Content-Length: ${2n ** 64n + BigInt(BODY.length)}`], BODY) },
    { what: "an empty length", bytes: post(["Content-Length:"], BODY) },
    { what: "a space before the colon of the length", bytes: post([`Content-Length : ${BODY.length}`], BODY) },
    { what: "line feeds alone", bytes: () => post([LENGTH], "")().replaceAll("\r\n", "\n") + BODY },
    { what: "one line feed alone", bytes: post(["X-A: b\nX-B: c", LENGTH], BODY) },
    { what: "one carriage return alone", bytes: post(["X-A: b\rX-B: c", LENGTH], BODY) },
    { what: "a folded header", bytes: post(["X-A: b\r\n c", LENGTH], BODY) },
    { what: "a NUL in a header", bytes: post(["X-A: b\0c", LENGTH], BODY) },
    { what: "a control character in a header", bytes: post(["X-A: b\u0001c", LENGTH], BODY) },
    { what: "a space before a colon", bytes: post(["X-A : b", LENGTH], BODY) },
    { what: "a header without a name", bytes: post([": b", LENGTH], BODY) },
    { what: "a header without a colon", bytes: post(["garbage", LENGTH], BODY) },
    { what: "a first header that is folded", bytes: () => post([LENGTH], BODY)().replace("\r\n", "\r\n X: y\r\n") },
    { what: "a chunk on a GET", bytes: () => post([CHUNKED, "Mcp-Session-Id: s"], IN_CHUNKS)().replace("POST", "GET") },
    { what: "a body on a GET", bytes: () => post([LENGTH, "Mcp-Session-Id: s"], BODY)().replace("POST", "GET") },
    { what: "a body on a DELETE", bytes: () => post([LENGTH], BODY)().replace("POST", "DELETE") },
  ])("$what", async ({ bytes }) => {
    let answer = "";
    const seen = await observe(gateway, backend.received, async () => (answer = await exchange(gateway.url, bytes())));
    expect([statusesIn(answer), endings(seen.records), seen.reached]).toEqual([[400], ["http_malformed 400"], []]);
  });
});

describe("chunks that are broken are refused while the request is under way", () => {
  it.each<{ readonly what: string; readonly bytes: Bytes }>([
    { what: "an unknown coding alone", bytes: post(["Transfer-Encoding: xchunked"], IN_CHUNKS) },
    { what: "no coding, and no length", bytes: post(["Transfer-Encoding: identity"], BODY) },
    { what: "a coding with a parameter", bytes: post(["Transfer-Encoding: chunked;q=1"], IN_CHUNKS) },
    { what: "a size beyond 2^64", bytes: chunks(`1${"0".repeat(16)}${HEX}\r\n${BODY}\r\n0\r\n\r\n`) },
    { what: "a size with a minus", bytes: chunks(`-5\r\n${BODY}\r\n0\r\n\r\n`) },
    { what: "a size with 0x", bytes: chunks(`0x${HEX}\r\n${BODY}\r\n0\r\n\r\n`) },
    { what: "a size and a space", bytes: chunks(`${HEX} \r\n${BODY}\r\n0\r\n\r\n`) },
    { what: "a space and a size", bytes: chunks(` ${HEX}\r\n${BODY}\r\n0\r\n\r\n`) },
    { what: "line feeds alone", bytes: chunks(`${HEX}\n${BODY}\n0\n\n`) },
    { what: "no line end after a chunk", bytes: chunks(`${HEX}\r\n${BODY}XX0\r\n\r\n`) },
    { what: "a chunk longer than its size", bytes: chunks(`5\r\n${BODY}\r\n0\r\n\r\n`) },
    { what: "a line feed in an extension", bytes: chunks(`${HEX};a=\nb\r\n${BODY}\r\n0\r\n\r\n`) },
    { what: "a line end in a quoted extension", bytes: chunks(`${HEX};a="\r\n"\r\n${BODY}\r\n0\r\n\r\n`) },
    { what: "a trailer without a colon", bytes: chunks(`${HEX}\r\n${BODY}\r\n0\r\nbad trailer\r\n\r\n`) },
    { what: "a length as a trailer", bytes: chunks(`${HEX}\r\n${BODY}\r\n0\r\nContent-Length: 5\r\n\r\n`) },
  ])("$what", async ({ bytes }) => {
    let answer = "";
    const seen = await observe(gateway, backend.received, async () => (answer = await exchange(gateway.url, bytes())));
    expect([statusesIn(answer), endings(seen.records), seen.reached]).toEqual([[400], ["http_malformed 400"], []]);
  });
});

describe("chunks that carry too much beside the body are refused", () => {
  it.each<{ readonly what: string; readonly bytes: Bytes }>([
    { what: "an extension of 20,000 letters", bytes: chunks(`${HEX};a=${"x".repeat(20_000)}\r\n${BODY}\r\n0\r\n\r\n`) },
    { what: "trailers of 20,000 letters", bytes: chunks(`${HEX}\r\n${BODY}\r\n0\r\nx: ${"x".repeat(20_000)}\r\n\r\n`) },
  ])("$what", async ({ bytes }) => {
    let answer = "";
    const seen = await observe(gateway, backend.received, async () => (answer = await exchange(gateway.url, bytes())));
    const [status = 0] = statusesIn(answer);
    // Malformed or too large: both are true.
    expect([400, 431]).toContain(status);
    expect(endings(seen.records)).toEqual([status === 400 ? "http_malformed 400" : "headers_too_large 431"]);
    expect(seen.reached).toEqual([]);
  });
});

describe("framing that can be read in one way alone is served, as one request with the bytes that were decided on", () => {
  it.each<{ readonly what: string; readonly bytes: Bytes }>([
    { what: "a length", bytes: post([LENGTH], BODY) },
    { what: "a length and a space", bytes: post([`${LENGTH} `], BODY) },
    { what: "a length with zeros before it", bytes: post([`Content-Length: 00${BODY.length}`], BODY) },
    { what: "chunks", bytes: chunks(IN_CHUNKS) },
    { what: "chunks of one letter each", bytes: chunks(`${BODY.replace(/[^]/g, "1\r\n$&\r\n")}0\r\n\r\n`) },
    { what: "chunks in capitals", bytes: post(["Transfer-Encoding: CHUNKED"], IN_CHUNKS) },
    { what: "chunks after a tab", bytes: post(["Transfer-Encoding:\tchunked"], IN_CHUNKS) },
    { what: "chunks after two spaces", bytes: post(["Transfer-Encoding:  chunked"], IN_CHUNKS) },
    { what: "a size with zeros before it", bytes: chunks(`0000${IN_CHUNKS}`) },
    { what: "an extension of a chunk", bytes: chunks(`${HEX};a=b\r\n${BODY}\r\n0\r\n\r\n`) },
    {
      what: "trailers, which are dropped",
      bytes: chunks(`${HEX}\r\n${BODY}\r\n0\r\nX-Mcpctl-User: root\r\nAuthorization: Bearer x\r\n\r\n`),
    },
    { what: "a header that only looks like the coding", bytes: post(["Transfer_Encoding: chunked", LENGTH], BODY) },
    { what: "chunks under HTTP/1.0", bytes: () => chunks(IN_CHUNKS)().replace("HTTP/1.1", "HTTP/1.0") },
    { what: "empty lines before it", bytes: () => `\r\n\r\n${post([LENGTH], BODY)()}` },
  ])("$what", async ({ bytes }) => {
    let answer = "";
    const seen = await observe(gateway, backend.received, async () => (answer = await exchange(gateway.url, bytes())));
    expect([statusesIn(answer), endings(seen.records)]).toEqual([[200], ["granted 200"]]);
    expect(seen.reached.map(({ method, url, body }) => `${method} ${url} ${body.toString()}`)).toEqual([
      `POST /mcp ${BODY}`,
    ]);
    const names = (seen.reached[0]?.rawHeaders ?? []).filter((_name, at) => at % 2 === 0).map((n) => n.toLowerCase());
    expect(names.toSorted()).toEqual([
      "connection",
      "content-length",
      "content-type",
      "host",
      "x-mcpctl-role",
      "x-mcpctl-user",
      "x-request-id",
    ]);
  });
});

describe("a second request", () => {
  it("hidden in a body is nothing but text", async () => {
    const body = toolCall("t", JSON.stringify({ text: hidden() }));
    const seen = await observe(gateway, backend.received, () => exchange(gateway.url, postOf(gateway.key, body)));
    expect([endings(seen.records), seen.reached.map((got) => got.body.toString())]).toEqual([["granted 200"], [body]]);
  });

  it("after a body is decided on by itself", async () => {
    let answer = "";
    const bytes = headOf(gateway.key, [LENGTH]) + BODY + hidden();
    const seen = await observe(gateway, backend.received, async () => (answer = await exchange(gateway.url, bytes)));
    expect(statusesIn(answer)).toEqual([200, 400]);
    expect(endings(seen.records).toSorted()).toEqual(["granted 200", "not_json_rpc 400"]);
    expect(seen.reached.map((got) => got.body.toString())).toEqual([BODY]);
  });

  it.each([
    { what: "a length that is too short", lines: ["Content-Length: 5"] },
    { what: "no length", lines: [] },
  ])("that begins inside the body for $what never reaches a backend", async ({ lines }) => {
    const bytes = headOf(gateway.key, lines) + BODY + hidden();
    const seen = await observe(gateway, backend.received, () => exchange(gateway.url, bytes));
    expect(seen.reached).toEqual([]);
    expect(seen.records.map(({ decision }) => decision)).not.toContain("allow");
  });
});
