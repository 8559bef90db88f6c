import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callHeaders, type Ask } from "../support/gateway.ts";
import { HONEST, PASSED, refused, startScene, type Scene, type Verdict } from "../support/incident.ts";

/**
 * The story (Docker's MCP gateway GHSA-46gc-mwh4-cc5r, the TypeScript SDK CVE-2025-66414, rmcp CVE-2026-42559): a page in
 * somebody's browser lets its own name resolve to a local address, and calls the MCP server there as that person.
 * This gateway serves the hosts of its list alone and no page's Origin unless it is listed, before it looks at a key and
 * whatever the HTTP method; a Host or an Origin that stands twice is nobody's.
 */
const CONSOLE = "https://console.example";
let scene: Scene;
beforeAll(async () => {
  scene = await startScene({ options: { allowedHosts: ["mcp.example"], allowedOrigins: [CONSOLE] } });
});
afterAll(() => scene.close());

const BAD_HOST = refused(403, -31403, "host_not_allowed");
const BAD_ORIGIN = refused(403, -31403, "origin_not_allowed");
/** The same request by each of the HTTP methods, in a session of its own. */
async function asks(headers: readonly string[]): Promise<readonly Ask[]> {
  const session = ["mcp-session-id", await scene.openSession()];
  const others = ["GET", "DELETE"].map((method) => ({
    method,
    headers: [...callHeaders(scene.gateway.key), ...session, ...headers],
  }));
  return [scene.call(HONEST, headers), ...others];
}
const thrice = (verdict: Verdict): readonly Verdict[] => [verdict, verdict, verdict];
const port = (): string => new URL(scene.gateway.url).port;

describe("a Host header", () => {
  it.each([
    ["another name", () => ["host", "evil.example"]],
    ["another name and our port", () => ["host", `evil.example:${port()}`]],
    ["a name that begins like ours", () => ["host", "localhost.evil.example"]],
    ["a name that ends like ours", () => ["host", "evil-mcp.example"]],
    ["a part of our name", () => ["host", "sub.mcp.example"]],
    ["an address before another name", () => ["host", "127.0.0.1.nip.example"]],
    ["an address in another notation", () => ["host", "2130706433"]],
    ["an address in hexadecimal", () => ["host", "0x7f000001"]],
    ["every address", () => ["host", "0.0.0.0"]],
    ["another address", () => ["host", "169.254.169.254"]],
    ["nothing", () => ["host", ""]],
    ["our name twice in one", () => ["host", "localhost, localhost"]],
    ["two hosts, ours first", () => ["host", "localhost", "host", "evil.example"]],
    ["two hosts, ours last", () => ["host", "evil.example", "host", "localhost"]],
    ["the same host twice", () => ["host", "localhost", "Host", "localhost"]],
  ])("with %s is refused for every method, and with ours served", async (_what, headers) => {
    expect(
      await scene.verdicts([...(await asks(headers())), ...(await asks(["host", `localhost:${port()}`]))]),
    ).toEqual([...thrice(BAD_HOST), ...thrice(PASSED)]);
  });

  it("may name the hosts of the list, in any case, and any address of this machine's loopback", async () => {
    const hosts = ["mcp.example", "MCP.Example:443", "127.0.0.1", `[::1]:${port()}`];
    for (const host of hosts) expect(await scene.verdicts(await asks(["host", host]))).toEqual(thrice(PASSED));
  });

  it("that is missing is refused", async () => {
    const request = (host: string): string =>
      `POST /mcp/eks-ro/mcp HTTP/1.1\r\n${host}connection: close\r\ncontent-type: application/json\r\n` +
      `authorization: Bearer ${scene.gateway.key.token.reveal()}\r\ncontent-length: ${HONEST.length}\r\n\r\n${HONEST}`;
    expect(
      await scene.verdicts([request(""), request("").replace("HTTP/1.1", "HTTP/1.0"), request("host: localhost\r\n")]),
    ).toEqual([BAD_HOST, BAD_HOST, PASSED]);
  });

  it("is looked at before the key is", async () => {
    const headers = ["content-type", "application/json", "host", "evil.example"];
    expect(await scene.verdicts([{ headers, body: HONEST }])).toEqual([BAD_HOST]);
    expect((await scene.gateway.records()).at(-1)).toMatchObject({ key_id: null, user: null, backend: null });
  });
});

describe("an Origin header", () => {
  it.each([
    ["another page", () => ["origin", "https://evil.example"]],
    ["null, as sandboxed pages and files send it", () => ["origin", "null"]],
    ["nothing", () => ["origin", ""]],
    ["our own address", () => ["origin", scene.gateway.url]],
    ["our own name", () => ["origin", `http://localhost:${port()}`]],
    ["the listed page, without its scheme", () => ["origin", "console.example"]],
    ["the listed page, by another scheme", () => ["origin", "http://console.example"]],
    ["the listed page, at another port", () => ["origin", `${CONSOLE}:8443`]],
    ["a page that begins like the listed one", () => ["origin", `${CONSOLE}.evil.example`]],
    ["a page below the listed one", () => ["origin", "https://x.console.example"]],
    ["every page", () => ["origin", "*"]],
    ["two pages in one", () => ["origin", `${CONSOLE} https://evil.example`]],
    ["the listed page and another", () => ["origin", CONSOLE, "origin", "https://evil.example"]],
    ["another page and the listed one", () => ["origin", "https://evil.example", "origin", CONSOLE]],
    ["the listed page twice", () => ["origin", CONSOLE, "Origin", CONSOLE]],
  ])("with %s is refused for every method, and the listed page served", async (_what, headers) => {
    expect(await scene.verdicts([...(await asks(headers())), ...(await asks(["origin", CONSOLE]))])).toEqual([
      ...thrice(BAD_ORIGIN),
      ...thrice(PASSED),
    ]);
  });

  it("lets no page ask beforehand", async () => {
    const ask = {
      method: "OPTIONS",
      headers: ["origin", "https://evil.example", "access-control-request-method", "POST"],
    };
    expect(await scene.verdicts([ask, { ...ask, headers: ["origin", CONSOLE] }])).toEqual([
      BAD_ORIGIN,
      refused(405, -31405, "http_method_not_allowed"),
    ]);
  });
});
