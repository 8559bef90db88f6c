import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";

/** A server behind the gateway. */
export interface Backend {
  /** What backends.yaml names, without a path. */
  readonly url: string;
  close(): Promise<void>;
}

/** A request as a backend got it. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

const PODS = { content: [{ type: "text" as const, text: "payment-service-7d9f 47 restarts" }] };
const REFUSED = {
  content: [{ type: "text" as const, text: 'pods "nginx" is forbidden: cannot delete' }],
  isError: true,
};

/** An official v1 server with sessions, its answers framed as events. */
export async function startV1Backend(): Promise<Backend> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const backend = await startHttp(async (request, response) => {
    const id = request.headers["mcp-session-id"];
    const known = typeof id === "string" ? sessions.get(id) : undefined;
    if (known === undefined && id !== undefined) {
      response.writeHead(404, { "content-type": "application/json" });
      response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}');
      return;
    }
    await (known ?? (await newSession(sessions))).handleRequest(request, response);
  });
  const close = async (): Promise<void> => {
    await Promise.all([...sessions.values()].map((transport) => transport.close()));
    await backend.close();
  };
  return { url: backend.url, close };
}

async function newSession(
  sessions: Map<string, StreamableHTTPServerTransport>,
): Promise<StreamableHTTPServerTransport> {
  const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, transport),
  });
  const server = new McpServer({ name: "eks", version: "1.0.0" });
  server.registerTool(
    "eks_get_pods",
    { description: "Pods of a namespace", inputSchema: { namespace: z.string() } },
    () => PODS,
  );
  server.registerTool(
    "eks_delete_pod",
    { description: "Deletes a pod", inputSchema: { name: z.string() } },
    () => REFUSED,
  );
  await server.connect(transport);
  return transport;
}

export type RawAnswer = (received: Received, response: ServerResponse) => void;

/** A backend that does exactly what a test says, and keeps what it got. */
export async function startRawBackend(answer: RawAnswer): Promise<Backend & { readonly received: Received[] }> {
  const received: Received[] = [];
  const backend = await startHttp(async (request, response) => {
    const got = {
      method: request.method ?? "",
      url: request.url ?? "",
      rawHeaders: request.rawHeaders,
      body: await wholeBody(request),
    };
    received.push(got);
    answer(got, response);
  });
  return { ...backend, received };
}

/** Answers with JSON, as a plain MCP server would. */
export function sendJson(
  response: ServerResponse,
  text: string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(text);
}

async function wholeBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function startHttp(listener: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<Backend> {
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => closeServer(server) };
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}
