import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, until, type TestGateway } from "../support/gateway.ts";
import { startV1Backend, startV2Backend, type Backend } from "../support/mcp-backend.ts";

let v1: Backend;
let v1Json: Backend;
let v2: Backend;
let gateway: TestGateway;

beforeAll(async () => {
  [v1, v1Json, v2] = await Promise.all([startV1Backend(), startV1Backend(true), startV2Backend()]);
  const narrow = { roles: "roleMapping: { dev-readonly: [v1, v1-json, v2] }" };
  gateway = await startTestGateway({ v1: v1.url, "v1-json": v1Json.url, v2: v2.url }, narrow);
});

afterAll(async () => {
  await gateway.close();
  await Promise.all([v1.close(), v1Json.close(), v2.close()]);
});

const CLIENTS = [
  { client: "v1", use: useV1 },
  { client: "v2 legacy", use: (url: string, token?: string) => useV2(url, "legacy", token) },
  { client: "v2 auto", use: (url: string, token?: string) => useV2(url, "auto", token) },
];
const BACKENDS = [
  { backend: "v1", url: () => v1.url },
  { backend: "v1-json", url: () => v1Json.url },
  { backend: "v2", url: () => v2.url },
];
const CASES = CLIENTS.flatMap((client) => BACKENDS.map((backend) => ({ ...client, ...backend })));

describe("official clients", () => {
  it.each(CASES)(
    "a $client client lists and calls tools of a $backend server as it does directly",
    async ({ use, backend, url }) => {
      const direct = await use(`${url()}/mcp`);
      const through = await use(`${gateway.url}/mcp/${backend}/mcp`, gateway.key.token.reveal());
      expect(direct).toMatchObject({
        tools: ["eks_get_pods", "eks_delete_pod"],
        pods: { content: [{ text: "payment-service-7d9f 47 restarts" }] },
      });
      expect(through).toEqual(direct);
    },
  );

  it("records each call once, with what the tool said of it", async () => {
    const callsOfV1 = async () =>
      (await gateway.records()).filter(({ backend, method }) => backend === "v1" && method === "tools/call");
    const before = await until(callsOfV1, (calls) => calls.length % 2 === 0);
    await useV1(`${gateway.url}/mcp/v1/mcp`, gateway.key.token.reveal());
    const after = await until(callsOfV1, (calls) => calls.length === before.length + 2);
    const told = after
      .slice(-2)
      .map(({ tool_name, tool_args, decision, is_error }) => ({ tool_name, tool_args, decision, is_error }));
    expect(told.toSorted((a, b) => Number(a.is_error) - Number(b.is_error))).toEqual([
      { tool_name: "eks_get_pods", tool_args: { namespace: "production" }, decision: "allow", is_error: false },
      { tool_name: "eks_delete_pod", tool_args: { name: "nginx" }, decision: "allow", is_error: true },
    ]);
  });
});

interface Seen {
  readonly tools: readonly string[];
  readonly list: unknown;
  readonly pods: unknown;
  readonly deleted: unknown;
}

async function useV1(url: string, token?: string): Promise<Seen> {
  const client = new ClientV1({ name: "agent", version: "1.0.0" });
  const transport = new TransportV1(new URL(url), { requestInit: { headers: headersWith(token) } });
  await client.connect(transport);
  return useAndClose(client, () => transport.terminateSession());
}

async function useV2(url: string, mode: "legacy" | "auto", token?: string): Promise<Seen> {
  const client = new ClientV2({ name: "agent", version: "1.0.0" }, { versionNegotiation: { mode } });
  const transport = new TransportV2(new URL(url), { requestInit: { headers: headersWith(token) } });
  await client.connect(transport);
  return useAndClose(client, () => transport.terminateSession());
}

interface AnyClient {
  listTools(): Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  close(): Promise<void>;
}

async function useAndClose(client: AnyClient, terminate: () => Promise<void>): Promise<Seen> {
  const list = await client.listTools();
  const pods = await client.callTool({ name: "eks_get_pods", arguments: { namespace: "production" } });
  const deleted = await client.callTool({ name: "eks_delete_pod", arguments: { name: "nginx" } });
  await terminate();
  await client.close();
  return { tools: list.tools.map(({ name }) => name), list, pods, deleted };
}

function headersWith(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}
