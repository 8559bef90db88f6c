import { afterEach, describe, expect, it } from "vitest";
import { callHeaders, send, startTestGateway } from "../support/gateway.ts";
import { startRawBackend } from "../support/mcp-backend.ts";

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const list = (names: string, result = "result", tools = "tools"): string =>
  `{"jsonrpc":"2.0","id":1,"${result}":{"${tools}":[${names}]}}`;
const DENIED = '{"name":"eks_delete_pod"}';
const EVENTS = "text/event-stream";
const JSON_TYPE = "application/json";

/** What a client of a grant narrowed to `eks_get_*` gets when its backend answers so, and what the backend was asked. */
async function relayed(type: string, bytes: string | Buffer, status = 200): Promise<{ body: string; asked: string }> {
  const backend = await startRawBackend((_got, response) => {
    response.writeHead(status, { "content-type": type });
    response.end(bytes);
  });
  closing.push(backend.close);
  const gateway = await startTestGateway({ narrow: backend.url });
  closing.push(gateway.close);
  // A stream that cannot be read surely is cut.
  const { body } = await send(gateway.url, {
    path: "/mcp/narrow/mcp",
    headers: [...callHeaders(gateway.key), "range", "bytes=20-"],
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
  }).catch(() => ({ body: "" }));
  return { body, asked: backend.received[0]?.rawHeaders.join("\n").toLowerCase() ?? "" };
}

const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

describe("a denied tool does not show", () => {
  it.each([
    ["behind two byte order marks", EVENTS, Buffer.concat([MARK, MARK, Buffer.from(`data: ${list(DENIED)}\n\n`)])],
    ["in a comment behind a line separator", EVENTS, `: x\u2028data: ${list(DENIED)}\n\n`],
    ["in an id behind a next-line", EVENTS, `id: 1\u0085data: ${list(DENIED)}\n\ndata: ${list("")}\n\n`],
    ["in a comment behind a vertical tab", EVENTS, `: x\u000bdata: ${list(DENIED)}\n\n`],
    ["behind a long s in tools", JSON_TYPE, list(DENIED, "result", "tool\u017f")],
    ["behind a long s in tools of an event", EVENTS, `data: ${list(DENIED, "result", "tool\u017f")}\n\n`],
    ["behind a long s in result", JSON_TYPE, list(DENIED, "re\u017fult")],
    ["under another case of name", JSON_TYPE, list('{"name":"eks_get_pods","Name":"eks_delete_pod"}')],
    [
      "in letters of another alphabet",
      "application/json; charset=utf-7",
      `{"jsonrpc":"2.0","id":1,"result":{"+AHQ-ools":[${DENIED}]}}`,
    ],
    [
      "in a message of several lines",
      EVENTS,
      `data: {"jsonrpc":"2.0","id":1,"result":{"to\ndata: ols":[${DENIED}]}}\n\n`,
    ],
  ])("%s", async (_what, type, bytes) => {
    expect((await relayed(type, bytes)).body).not.toContain("eks_delete_pod");
  });

  it("in a part of an answer, and no part is asked for", async () => {
    const { body, asked } = await relayed(JSON_TYPE, `${DENIED}]}}`, 206);
    expect([body.includes("eks_delete_pod"), asked.includes("range")]).toEqual([false, false]);
  });

  it.each([
    ["behind one mark", EVENTS, Buffer.concat([MARK, Buffer.from(`data: ${list('{"name":"eks_get_pods"}')}\n\n`)])],
    ["with its charset told", "application/json; charset=UTF-8", list('{"name":"eks_get_pods"}')],
    ["with odd letters in a text", EVENTS, `data: ${list('{"name":"eks_get_pods","description":"a\u2028b"}')}\n\n`],
  ])("and an allowed one does, %s", async (_what, type, bytes) => {
    expect((await relayed(type, bytes)).body).toContain("eks_get_pods");
  });
});
