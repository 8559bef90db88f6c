import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { localhostHostValidation, toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { SAMPLE_SERVERS } from "./story.ts";

/** One of the demo's MCP servers, in a process of its own: `demo-server NAME` serves sample data and prints its port. */
const name = process.argv[2] ?? "";
const tools = SAMPLE_SERVERS[name];
if (tools === undefined) throw new Error(`there is no sample server ${JSON.stringify(name)}`);

const handler = toNodeHandler(
  createMcpHandler(() => {
    const server = new McpServer({ name: `${name} (sample data)`, version: "1.0.0" });
    for (const tool of tools) {
      const inputSchema = z.object(Object.fromEntries(tool.arguments.map((argument) => [argument, z.string()])));
      const config = {
        description: `${tool.description} (sample data)`,
        inputSchema,
        annotations: { readOnlyHint: true },
      };
      server.registerTool(tool.name, config, async () => ({ content: [{ type: "text", text: tool.answer }] }));
    }
    return server;
  }),
);
const isLocal = localhostHostValidation();
const listener = createServer((request, response) => {
  if (isLocal(request, response)) void handler(request as Parameters<typeof handler>[0], response);
});
listener.listen(0, "127.0.0.1", () => process.stdout.write(`${(listener.address() as AddressInfo).port}\n`));
// The demo holds standard input open: when it is gone, so is this server.
process.stdin.resume().on("end", () => process.exit(0));
