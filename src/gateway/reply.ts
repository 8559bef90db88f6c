import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Message } from "./mcp/message.ts";
import type { Refused } from "./refusals.ts";

/** How long a refused client may go on sending the body that nobody reads. */
const LINGER_MS = 2_000;

/** Answers a refused call: a JSON-RPC error with the call's id, or plain JSON where nothing of MCP is served; tells its bytes. */
export function replyRefused(
  request: IncomingMessage,
  response: ServerResponse,
  refused: Refused,
  { requestId, message }: { readonly requestId: string; readonly message: Message | null },
): number {
  const body = refusedBody(refused, requestId, message);
  const length = Buffer.byteLength(body);
  response.writeHead(refused.status, {
    "content-type": "application/json",
    "content-length": length,
    ...refused.headers,
  });
  response.end(body);
  if (!request.complete) linger(request);
  return length;
}

export function refusedBody(refused: Refused, requestId: string, message: Message | null): string {
  if (refused.code === null) return JSON.stringify({ error: "not found", request_id: requestId });
  const error = JSON.stringify({ code: refused.code, message: refused.message, data: { request_id: requestId } });
  return `{"jsonrpc":"2.0","id":${message?.idText ?? "null"},"error":${error}}`;
}

/** Reads and forgets the rest of what a client sends, so that it sees the answer and no reset; not for long. */
export function linger(source: Duplex | IncomingMessage): void {
  const timer = setTimeout(() => source.destroy(), LINGER_MS).unref();
  source.once("close", () => clearTimeout(timer));
  source.resume();
}
