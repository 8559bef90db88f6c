import { request as httpRequest } from "node:http";
import { describe, expect, it } from "vitest";
import { send } from "../../support/gateway.ts";
import { sendJson, type RawAnswer } from "../../support/mcp-backend.ts";
import { startRawPair } from "../../support/mcp-fixture/raw-pair.ts";

const answerEmpty: RawAnswer = (_got, response) => sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{}}');

const call = (args: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":${args}}}`;

const BODIES = [
  {
    what: "numbers no double holds",
    body: call('{"a":12345678901234567890,"b":0.1000000000000000055511151231257827}'),
  },
  { what: "numbers written in several ways", body: call('{"a":1.0,"b":-0,"c":1E+2,"d":1e400,"e":0.10}') },
  { what: "an id no double holds", body: '{"jsonrpc":"2.0","id":98765432109876543210,"method":"ping"}' },
  { what: "space of every kind", body: `\r\n\t ${call(' {\r\n\t"a" :\t[ ] , "b":{ } }')} \n\n` },
  { what: "escapes", body: call('{"a":"\\u0062\\/\\b\\f\\n\\r\\t\\"\\\\ \\u0000 \\ud83d\\ude00"}') },
  { what: "half of a surrogate pair", body: call('{"a":"\\ud800","b":"\\udc00\\ud800"}') },
  {
    what: "an escaped method",
    body: '{"jsonrpc":"2.0","id":1,"method":"\\u0074ools/call","params":{"name":"\\u0074"}}',
  },
  {
    what: "an order of its own",
    body: '{"params":{"z":1,"arguments":{"2":1,"1":2},"name":"t"},"method":"tools/call","id":1,"jsonrpc":"2.0"}',
  },
  {
    what: "letters of all lengths",
    body: call('{"\u00e4":"\u20ac\u2028\u2029\ufeff\u{1f600}e\u0301","\u540d":"\u0085\u007f"}'),
  },
  {
    what: "members nobody knows",
    body: '{"jsonrpc":"2.0","id":1,"method":"x/y","params":{"_meta":{"a/b":[]}},"extra":null}',
  },
  { what: "a notification", body: '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1.0}}' },
  { what: "a response", body: '{"jsonrpc":"2.0","id":7,"result":{"n":1.0,"big":12345678901234567890}}' },
  { what: "three megabytes", body: call(`{"s":"${"\u00e4".repeat(1.5 * 1024 * 1024)}"}`) },
];

describe("a body on its way to the backend", () => {
  it.each(BODIES)("is not changed by a byte: $what", async ({ body }) => {
    const { gateway, headers, received } = await startRawPair(answerEmpty);
    const answer = await send(gateway.url, { headers, body });
    expect(answer.status).toBe(200);
    expect(received().map((got) => got.body.equals(Buffer.from(body)))).toEqual([true]);
  });

  it("is put together when it comes in chunks that cut letters", async () => {
    const { gateway, headers, received } = await startRawPair(answerEmpty);
    const body = Buffer.from(call('{"a":"\u{1f600}\u00e4"}'));
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    const request = httpRequest(`${gateway.url}/mcp/eks-ro/mcp`, { method: "POST", agent: false });
    for (let at = 0; at < headers.length; at += 2) request.setHeader(headers[at] ?? "", headers[at + 1] ?? "");
    request.on("response", (response) => resolve(response.resume().statusCode)).on("error", reject);
    for (const byte of body) request.write(Buffer.from([byte]));
    request.end();
    expect([await promise, received().map((got) => got.body.equals(body))]).toEqual([200, [true]]);
  });
});
