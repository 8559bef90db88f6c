import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerTo, type Asked } from "./answers.ts";

/**
 * A backend that costs next to nothing. It answers every `tools/call` with what the call's arguments ask for, an
 * `initialize` with a session, and a GET with a stream that says nothing until somebody POSTs /beat.
 */
const streams = new Set<ServerResponse>();
let sessions = 0;

const server = createServer((request, response) => {
  if (request.method === "GET") return openStream(response);
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => answer(request, response, Buffer.concat(chunks).toString()));
});
server.keepAliveTimeout = 60_000;
server.requestTimeout = 0;
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () =>
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`),
);
process.once("disconnect", () => process.exit(0));

function openStream(response: ServerResponse): void {
  streams.add(response);
  response.once("close", () => streams.delete(response));
  response.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
  response.flushHeaders();
}

function answer(request: IncomingMessage, response: ServerResponse, body: string): void {
  if (request.url === "/beat") {
    for (const stream of streams) stream.write(": keep-alive\n\n");
    response.end(`${streams.size}`);
    return;
  }
  const { id, method, params } = JSON.parse(body) as Call;
  if (method === "initialize") return initialize(response, id);
  const { bytes, isStream } = params.arguments;
  const text = answerTo({ id, bytes, isStream });
  response.writeHead(
    200,
    isStream
      ? { "content-type": "text/event-stream", "x-accel-buffering": "no" }
      : { "content-type": "application/json", "content-length": Buffer.byteLength(text) },
  );
  response.end(text);
}

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: { readonly arguments: Omit<Asked, "id"> };
}

function initialize(response: ServerResponse, id: number): void {
  sessions += 1;
  const result = `{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"bench","version":"1"}}`;
  response.writeHead(200, { "content-type": "application/json", "mcp-session-id": `session-${sessions}` });
  response.end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
}
