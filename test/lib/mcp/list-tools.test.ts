import { afterEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { listTools, type ListToolsOptions } from "../../../src/lib/mcp/list-tools.ts";
import { sendJson, startRawBackend, type RawAnswer } from "../../support/mcp-backend.ts";
import { startToolServer, TOOL_SERVER_KINDS } from "../../support/tool-server.ts";

const SCHEMA = { type: "object" };
const TOOLS = ["a", "b", "c", "d", "e"].map((name) => ({
  name,
  inputSchema: SCHEMA,
  annotations: { readOnlyHint: name === "a" },
  _meta: { "x/y": { of: name } },
}));

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const list = (url: string, more: Partial<ListToolsOptions> = {}): Promise<readonly unknown[]> =>
  listTools({ url, token: null, signal: new AbortController().signal, ...more });

/** How it failed, in one line. */
async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "it did not fail";
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `${error.kind} ${error.code}: ${error.message.replace(/http:\/\/\S+/, "URL")}`;
  }
}

function causes(error: unknown): readonly string[] {
  return error instanceof Error ? [error.message, ...causes(error.cause)] : [];
}

async function raw(answer: RawAnswer): Promise<{ readonly url: string; readonly methods: () => readonly string[] }> {
  const backend = await startRawBackend(answer);
  closers.push(() => backend.close());
  return { url: `${backend.url}/mcp`, methods: () => backend.received.map(({ method }) => method) };
}

type Message = { readonly id?: unknown; readonly method?: string };

/** A server that shakes hands as of 2025-06-18, and answers `tools/list` so. */
function legacy(page: (times: number) => object): RawAnswer {
  let times = 0;
  return ({ body }, response) => {
    const { id, method } = JSON.parse(body.toString() || "{}") as Message;
    const reply = (result: object): void => sendJson(response, JSON.stringify({ jsonrpc: "2.0", id, result }));
    if (method === "initialize") {
      reply({ protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "x", version: "1" } });
    } else if (method === "tools/list") reply(page((times += 1)));
    else if (id === undefined) sendJson(response, "", 202);
    else sendJson(response, JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "no" } }));
  };
}

describe("listTools", () => {
  it.each(TOOL_SERVER_KINDS)("takes every page of a server (%s), as it stands", async (kind) => {
    const server = await startToolServer(kind, TOOLS);
    closers.push(() => server.close());
    expect(await list(server.url, { token: "abc" })).toEqual(TOOLS);
  });

  it("sends the token as bearer, in every request", async () => {
    const seen: (string | undefined)[] = [];
    const answer = legacy(() => ({ tools: [] }));
    const { url } = await raw((got, response) => {
      const at = got.rawHeaders.findIndex((name) => name.toLowerCase() === "authorization");
      seen.push(at < 0 ? undefined : got.rawHeaders[at + 1]);
      answer(got, response);
    });
    await list(url, { token: "abc" });
    expect(new Set(seen)).toEqual(new Set(["Bearer abc"]));
    seen.length = 0;
    await list(url);
    expect(new Set(seen)).toEqual(new Set([undefined]));
  });

  it("gives entries that fit no schema to whoever asked", async () => {
    const tools = [{ name: 7 }, "x", null, { name: "__proto__", annotations: [] }];
    const { url } = await raw(legacy(() => ({ tools })));
    expect(await list(url)).toEqual(tools);
  });

  it.each<[string, (times: number) => object]>([
    ["comes back to the same page", () => ({ tools: [], nextCursor: "again" })],
    ["always has a next page", (times) => ({ tools: [], nextCursor: `${times}` })],
    [
      "has too many tools",
      (times) => ({ tools: Array.from({ length: 40 }, () => ({ name: "a" })), nextCursor: `${times}` }),
    ],
  ])("stops where the list %s", async (_what, page) => {
    const { url, methods } = await raw(legacy(page));
    expect(await failure(list(url, { limits: { maxTools: 100, maxPages: 20 } }))).toBe(
      "unavailable mcp_list_endless: the list of tools at URL does not end",
    );
    expect(methods().length).toBeLessThan(30);
  });

  it.each(["application/json", "text/event-stream"])("stops at too large an answer of %s", async (type) => {
    let sent = 0;
    const { url } = await raw((_got, response) => {
      response.writeHead(200, { "content-type": type });
      const part = Buffer.alloc(64 * 1024, "x");
      const more = (): void => {
        while (!response.destroyed && sent < 1_000_000_000) {
          sent += part.length;
          if (!response.write(part)) return void response.once("drain", more);
        }
      };
      more();
    });
    expect(await failure(list(url, { limits: { maxBytes: 1_000_000 } }))).toBe(
      "unavailable mcp_answer_too_large: the server at URL answers more than 1000000 bytes",
    );
    expect(sent).toBeLessThan(64_000_000);
  });

  it("follows no redirect, and sends the token nowhere else", async () => {
    const other = await raw((_got, response) => sendJson(response, "{}"));
    const { url } = await raw((_got, response) => response.writeHead(307, { location: other.url }).end());
    expect(await failure(list(url, { token: "abc" }))).toBe(
      "unavailable mcp_redirect: the server at URL redirects, which is not followed",
    );
    expect(other.methods()).toEqual([]);
  });

  it("connects to no name that leads to a metadata address", async () => {
    const lookup: NonNullable<ListToolsOptions["lookup"]> = (_host, _options, callback) =>
      callback(null, [{ address: "169.254.169.254", family: 4 }]);
    const error: unknown = await list("http://tools.example/mcp", { lookup }).catch((thrown: unknown) => thrown);
    expect(causes(error)).toContain("tools.example is, or resolves to, a metadata, link-local or unspecified address");
  });

  it.each([
    [401, "unauthenticated mcp_not_authorised: the server at URL wants to know who asks (HTTP 401)"],
    [403, "forbidden mcp_not_authorised: the server at URL wants to know who asks (HTTP 403)"],
    [500, "unavailable mcp_list_failed: the server at URL does not list its tools"],
  ])("tells of a server that answers %i", async (status, told) => {
    const { url } = await raw((_got, response) => sendJson(response, "{}", status));
    expect(await failure(list(url))).toBe(told);
  });

  it.each([
    ["no list", { tools: {} }],
    ["nothing", {}],
  ])("takes %s for no list", async (_what, page) => {
    const { url } = await raw(legacy(() => page));
    expect(await failure(list(url))).toBe("unavailable mcp_list_failed: the server at URL does not list its tools");
  });

  it("does not wait for ever, nor after Ctrl-C", async () => {
    const { url } = await raw((_got, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": still here\n\n");
    });
    expect(await failure(list(url, { limits: { timeoutMs: 100 } }))).toBe(
      "unavailable mcp_list_failed: the server at URL does not list its tools",
    );
    expect(await failure(list(url, { signal: AbortSignal.timeout(50) }))).toBe(
      "interrupted interrupted: interrupted; nothing was changed",
    );
  });
});
