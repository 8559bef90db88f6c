import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestGateway, until, type TestGateway } from "../support/gateway.ts";
import { startV1Backend, type Backend } from "../support/mcp-backend.ts";

let backend: Backend;
let gateway: TestGateway;

beforeAll(async () => {
  backend = await startV1Backend();
  gateway = await startTestGateway({ v1: backend.url }, { roles: "roleMapping: { dev-readonly: [v1] }" });
});

afterAll(async () => {
  await gateway.close();
  await backend.close();
});

it("each call of an official client is recorded once, with what the tool said of it", async () => {
  const client = new Client({ name: "agent", version: "1.0.0" });
  const headers = { authorization: `Bearer ${gateway.key.token.reveal()}` };
  const transport = new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp/v1/mcp`), {
    requestInit: { headers },
  });
  await client.connect(transport);
  await client.callTool({ name: "eks_get_pods", arguments: { namespace: "production" } });
  await client.callTool({ name: "eks_delete_pod", arguments: { name: "nginx" } });
  await client.close();
  const calls = async () => (await gateway.records()).filter(({ method }) => method === "tools/call");
  const told = await until(calls, ({ length }) => length === 2);
  expect(
    told.map(({ tool_name, tool_args, decision, is_error }) => ({ tool_name, tool_args, decision, is_error })),
  ).toEqual([
    { tool_name: "eks_get_pods", tool_args: { namespace: "production" }, decision: "allow", is_error: false },
    { tool_name: "eks_delete_pod", tool_args: { name: "nginx" }, decision: "allow", is_error: true },
  ]);
});
