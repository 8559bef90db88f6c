import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface StreamingBackend {
  readonly url: string;
  close(): Promise<void>;
}

/** An MCP server whose tools never end by themselves; everything else is answered at once. */
export async function startStreamingBackend(): Promise<StreamingBackend> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (Buffer.concat(parts).includes('"tools/call"')) {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(": at work\n\n");
        return;
      }
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"jsonrpc":"2.0","id":1,"result":{}}');
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}
