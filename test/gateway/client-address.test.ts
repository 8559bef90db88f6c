import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callHeaders, send, startTestGateway, toolCall, type TestGateway } from "../support/gateway.ts";
import { sendJson, startRawBackend, type Backend, type Received } from "../support/mcp-backend.ts";

let backend: Backend & { readonly received: Received[] };
const gateways: Record<string, TestGateway> = {};

/** The gateways of this file, by the proxies that they trust. */
const TRUST: Readonly<Record<string, readonly string[]>> = {
  "no proxy": [],
  "the peer": ["127.0.0.1"],
  "the peer's range and another": ["127.0.0.0/8", "10.0.0.0/8"],
  "somebody else": ["10.0.0.0/8"],
};

beforeAll(async () => {
  backend = await startRawBackend((_got, response) =>
    sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'),
  );
  for (const [name, trustedProxies] of Object.entries(TRUST))
    gateways[name] = await startTestGateway({ "eks-ro": backend.url }, {}, { trustedProxies });
});

afterAll(async () => {
  await Promise.all(Object.values(gateways).map((gateway) => gateway.close()));
  await backend.close();
});

interface Case {
  readonly trust: string;
  readonly said: readonly string[];
  readonly ip: string;
}

const CASES: readonly Case[] = [
  { trust: "no proxy", said: ["203.0.113.9"], ip: "127.0.0.1" },
  { trust: "somebody else", said: ["203.0.113.9"], ip: "127.0.0.1" },
  { trust: "the peer", said: [], ip: "127.0.0.1" },
  { trust: "the peer", said: ["203.0.113.9"], ip: "203.0.113.9" },
  { trust: "the peer", said: ["2001:db8::7"], ip: "2001:db8::7" },
  { trust: "the peer", said: ["198.51.100.66, 203.0.113.9"], ip: "203.0.113.9" },
  { trust: "the peer", said: ["198.51.100.66", "203.0.113.9"], ip: "203.0.113.9" },
  { trust: "the peer", said: ["203.0.113.9, 10.0.0.3"], ip: "10.0.0.3" },
  { trust: "the peer's range and another", said: ["198.51.100.66, 203.0.113.9, 10.0.0.3"], ip: "203.0.113.9" },
  { trust: "the peer's range and another", said: ["10.0.0.1, 10.0.0.3"], ip: "10.0.0.1" },
  { trust: "the peer", said: ["mcpk_notanaddress"], ip: "127.0.0.1" },
  { trust: "the peer", said: ['203.0.113.9", "role":"admin'], ip: "127.0.0.1" },
];

describe("the client's address in the record", () => {
  it.each(CASES)("where $trust is trusted and $said is said, is $ip", async ({ trust, said, ip }) => {
    const gateway = gateways[trust] as TestGateway;
    const before = (await gateway.records()).length;
    const extra = said.flatMap((value) => ["x-forwarded-for", value]);
    const { status } = await send(gateway.url, {
      headers: [...callHeaders(gateway.key), ...extra],
      body: toolCall("t"),
    });
    const records = await gateway.waitForRecords(before + 1);
    expect([status, records.slice(before).map(({ client_ip }) => client_ip)]).toEqual([200, [ip]]);
    expect(backend.received.at(-1)?.rawHeaders.map((name) => name.toLowerCase())).not.toContain("x-forwarded-for");
  });

  it("is told of a refusal, too", async () => {
    const gateway = gateways["the peer"] as TestGateway;
    const before = (await gateway.records()).length;
    await send(gateway.url, { headers: ["x-forwarded-for", "203.0.113.77"], body: toolCall("t") });
    const records = await gateway.waitForRecords(before + 1);
    expect(records.slice(before)).toMatchObject([{ reason: "key_missing", client_ip: "203.0.113.77" }]);
  });

  it("is the connection's for what could not be read", async () => {
    const gateway = gateways["the peer"] as TestGateway;
    const before = (await gateway.records()).length;
    const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
    socket.resume().end("GET / HTTP/1.1\r\nx-forwarded-for: 203.0.113.9\r\nbad header\r\n\r\n");
    const records = await gateway.waitForRecords(before + 1);
    expect(records.slice(before)).toMatchObject([{ reason: "http_malformed", client_ip: "127.0.0.1" }]);
  });

  it("decides nothing: a caller who names a trusted address is refused all the same", async () => {
    const gateway = gateways["the peer's range and another"] as TestGateway;
    const headers = ["x-forwarded-for", "127.0.0.1", "content-type", "application/json"];
    expect((await send(gateway.url, { headers, body: toolCall("t") })).status).toBe(401);
  });
});
