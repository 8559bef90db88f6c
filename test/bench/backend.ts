import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A backend that costs next to nothing: answers every JSON-RPC request with its id and a result of 1 KiB. */
const TEXT = "x".repeat(900);
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { id } = JSON.parse(Buffer.concat(chunks).toString()) as { id: number };
    const body = JSON.stringify({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text: TEXT }] } });
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
    response.end(body);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
process.stdin.resume().on("end", () => process.exit(0));
