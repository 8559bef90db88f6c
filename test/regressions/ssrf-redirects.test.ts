import { afterAll, beforeAll, expect, it } from "vitest";
import { callHeaders, toolCall, type Ask } from "../support/gateway.ts";
import { HONEST, PASSED, refused, startScene, type Scene } from "../support/incident.ts";
import { sendJson, startRawBackend, type Backend, type Received } from "../support/mcp-backend.ts";

/**
 * The story (the MCP Registry CVE-2026-44430, Azure's MCP server CVE-2026-26118): URLs reached
 * inner addresses, in another notation of the address (6to4, NAT64) or plainly, down to the cloud's metadata service.
 * This gateway takes no URL from any caller, follows no redirect of a backend, and relays none: where a backend
 * points, the client neither learns nor goes.
 */
const METADATA = "http://169.254.169.254/latest/meta-data/iam/security-credentials/";
let scene: Scene;
let internal: Backend & { readonly received: Received[] };
/** What the backend answers next. */
let next: { readonly status: number; readonly headers: Readonly<Record<string, string>> } | null = null;
beforeAll(async () => {
  internal = await startRawBackend((_got, response) => sendJson(response, '{"secret":"of the inside"}'));
  scene = await startScene({
    answer: (_got, response) =>
      sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}', next?.status ?? 200, next?.headers),
  });
});
afterAll(async () => {
  await scene.close();
  await internal.close();
});

/** The headers of an answer of the gateway's own. */
const OUR_HEADERS = new Set(["connection", "keep-alive", "content-length", "content-type", "date"]);
const REDIRECT = { status: 502, code: -31502, reason: "backend_redirect", reached: "the same bytes" };
const targets = (): readonly string[] => [`${internal.url}/`, METADATA, "//169.254.169.254/", "/elsewhere", ""];
const inSession = (method: string, session: string, path: string): Ask => ({
  method,
  path,
  headers: [...callHeaders(scene.gateway.key), "mcp-session-id", session],
});

it.each([300, 301, 302, 303, 304, 305, 307, 308, 399])(
  "a redirect of status %i is neither followed nor relayed, and a plain answer passes",
  async (status) => {
    for (const path of ["/mcp/eks-ro/mcp", "/mcp/narrow/mcp"]) {
      for (const location of targets()) {
        next = { status, headers: { location } };
        expect(await scene.verdicts([scene.call(HONEST, [], { path })])).toEqual([REDIRECT]);
      }
      next = null;
      expect(await scene.verdicts([scene.call(HONEST, [], { path })])).toEqual([PASSED]);
    }
    expect(internal.received).toEqual([]);
  },
);

it.each(["GET", "DELETE"])(
  "a redirect of a %s is neither followed nor relayed, and a plain answer passes",
  async (method) => {
    const session = await scene.openSession();
    next = { status: 307, headers: { location: `${internal.url}/` } };
    expect(await scene.verdicts([inSession(method, session, "/mcp/eks-ro/mcp")])).toEqual([REDIRECT]);
    next = null;
    expect(await scene.verdicts([inSession(method, session, "/mcp/eks-ro/mcp")])).toEqual([PASSED]);
    expect(internal.received).toEqual([]);
  },
);

it("the client does not learn where a backend pointed", async () => {
  next = { status: 302, headers: { location: METADATA, refresh: `0; url=${METADATA}`, "content-location": METADATA } };
  const [answer] = await scene.answers([scene.call()]);
  next = null;
  expect([answer?.status, JSON.stringify(answer).includes("169.254")]).toEqual([502, false]);
  expect(Object.keys(answer?.headers ?? {}).filter((name) => !OUR_HEADERS.has(name))).toEqual([]);
});

it.each([
  METADATA,
  "/mcp/169.254.169.254/latest",
  "/mcp/http:%2f%2f169.254.169.254/latest",
  "/mcp/http://169.254.169.254/latest",
  "/mcp/[::ffff:169.254.169.254]/latest",
  "/mcp/[64:ff9b::a9fe:a9fe]/latest",
  "/mcp/[2002:a9fe:a9fe::]/latest",
  "/mcp/eks-ro/http://169.254.169.254/",
  "/mcp/eks-ro/mcp?url=http://169.254.169.254/",
  "/mcp/eks-ro/mcp@169.254.169.254/",
])("%s is no address that a caller can choose", async (path) => {
  expect(await scene.verdicts([scene.call(HONEST, [], { path }), scene.call()])).toEqual([
    refused(404, null, "path_unknown"),
    PASSED,
  ]);
});

it("a URL in arguments is the tool's affair: nobody but the backend is asked", async () => {
  const body = toolCall("fetch", JSON.stringify({ url: `${internal.url}/`, callback: METADATA }));
  expect(await scene.verdicts([scene.call(body)])).toEqual([PASSED]);
  expect(internal.received).toEqual([]);
});
