import { afterAll, beforeAll, expect, it } from "vitest";
import { HONEST, PASSED, refused, startScene, valuesOf, type Scene } from "../support/incident.ts";
import { sendJson, startRawBackend, type Backend, type Received } from "../support/mcp-backend.ts";

/**
 * The story (GHSA-g53w-w6mj-hrpp, Kuadrant's MCP gateway up to 0.6.1, CVSS 9.3): a request with the header
 * `mcp-init-host`, and a shared key that could be guessed, rewrote `:authority`, and so chose where the call went.
 * This gateway takes the backend from the path and its own registry alone. No header of a client routes anything, what
 * proxies say of host and path is not forwarded, and there is no secret that anybody could share or guess.
 */
let scene: Scene;
let internal: Backend & { readonly received: Received[] };
beforeAll(async () => {
  internal = await startRawBackend((_got, response) => sendJson(response, "{}"));
  scene = await startScene({ urls: { internal: internal.url } });
});
afterAll(async () => {
  await scene.close();
  await internal.close();
});

const elsewhere = (): string => new URL(internal.url).host;

it.each([
  "mcp-init-host",
  "Mcp-Init-Host",
  "x-mcp-init-host",
  "router-key",
  "mcp-gateway-target",
  "x-mcp-servername",
  "x-backend",
  "x-host",
  "x-target-url",
])("takes no backend from %s", async (name) => {
  expect(await scene.verdicts([scene.call(HONEST, [name, elsewhere()])])).toEqual([PASSED]);
  const [received] = scene.backend.received.slice(-1);
  expect([received?.url, received && valuesOf(received, "host")]).toEqual([
    "/eks/mcp",
    [new URL(scene.backend.url).host],
  ]);
  expect(internal.received).toEqual([]);
});

it.each([
  "X-Forwarded-Host",
  "x-forwarded-server",
  "x-forwarded-proto",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-uri",
  "x-forwarded-for",
  "Forwarded",
  "x-envoy-original-path",
  "x-envoy-original-dst-host",
  "x-envoy-decorator-operation",
  "x-envoy-internal",
  "X-Original-URL",
  "x-rewrite-url",
  "x-http-method-override",
  "x-real-ip",
  "x_forwarded_host",
])("takes no backend from %s, and does not hand it on", async (name) => {
  expect(await scene.verdicts([scene.call(HONEST, [name, `host=${elsewhere()}`])])).toEqual([PASSED]);
  const [received] = scene.backend.received.slice(-1);
  expect([received?.url, received && valuesOf(received, name.toLowerCase())]).toEqual(["/eks/mcp", []]);
  expect(internal.received).toEqual([]);
});

const raw = (target: string, more = ""): string =>
  `POST ${target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n` +
  `authorization: Bearer ${scene.gateway.key.token.reveal()}\r\ncontent-length: ${HONEST.length}\r\n${more}\r\n${HONEST}`;

it.each<[string, () => string, number, number | null, string]>([
  [
    "a header named :authority",
    () => raw("/mcp/eks-ro/mcp", `:authority: ${elsewhere()}\r\n`),
    400,
    -32600,
    "http_malformed",
  ],
  ["a header named :path", () => raw("/mcp/eks-ro/mcp", ":path: /mcp/internal/mcp\r\n"), 400, -32600, "http_malformed"],
  ["a target that is a whole URL", () => raw(`http://${elsewhere()}/mcp/eks-ro/mcp`), 404, null, "path_unknown"],
  ["a target of another scheme", () => raw("gopher://localhost/mcp/eks-ro/mcp"), 404, null, "path_unknown"],
  ["a target that begins with another host", () => raw(`//${elsewhere()}/mcp/eks-ro/mcp`), 404, null, "path_unknown"],
  ["two hosts", () => raw("/mcp/eks-ro/mcp", `host: ${elsewhere()}\r\n`), 403, -31403, "host_not_allowed"],
  ["an upgrade to HTTP/2", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, -32600, "http_malformed"],
])("refuses %s, and passes the plain request", async (_what, attack, status, code, reason) => {
  expect(await scene.verdicts([attack(), raw("/mcp/eks-ro/mcp")])).toEqual([refused(status, code, reason), PASSED]);
  expect(internal.received).toEqual([]);
});

it("refuses the other backend itself, which is not granted", async () => {
  expect(await scene.verdicts([raw("/mcp/internal/mcp"), raw("/mcp/eks-ro/mcp")])).toEqual([
    refused(403, -31403, "backend_not_granted"),
    PASSED,
  ]);
  expect(internal.received).toEqual([]);
});
