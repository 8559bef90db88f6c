import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import type { StoryCall } from "./story.ts";

/** The agent: an official MCP client for each backend, with one key for all of them. */
export class Agent {
  readonly #gateway: string;
  readonly #token: string;
  readonly #clients = new Map<string, Client>();

  constructor(gateway: string, token: string) {
    this.#gateway = gateway;
    this.#token = token;
  }

  /** Calls a tool and gives the text of its answer. @throws the SDK's own error when it is refused */
  async call({ backend, tool, args }: Omit<StoryCall, "mustSay">): Promise<string> {
    const client = this.#clients.get(backend) ?? (await this.#connect(backend));
    const { content } = await client.callTool({ name: tool, arguments: { ...args } });
    return content.map((part) => (part.type === "text" ? part.text : `[${part.type}]`)).join("\n");
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
  }

  async #connect(backend: string): Promise<Client> {
    const client = new Client({ name: "incident-agent", version: "1.0.0" });
    const url = new URL(`${this.#gateway}/mcp/${backend}/mcp`);
    await client.connect(
      new StreamableHTTPClientTransport(url, { requestInit: { headers: { Authorization: `Bearer ${this.#token}` } } }),
    );
    this.#clients.set(backend, client);
    return client;
  }
}

/** What the gateway answers to a plain request with this token: the status, without an MCP client in between. */
export async function probe(gateway: string, backend: string, token: string): Promise<number> {
  const response = await fetch(`${gateway}/mcp/${backend}/mcp`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  });
  await response.arrayBuffer();
  return response.status;
}
