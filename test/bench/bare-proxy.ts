import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool, type Dispatcher } from "undici";

/** What any proxy on `node:http` and undici costs: forwards POSTs to the origin in argv, no keys, no decision, no record. */
const pool = new Pool(process.argv[2] as string, { allowH2: false, bodyTimeout: 0 });

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    const { accept = "", "content-type": type = "" } = request.headers;
    const headers = { accept, "content-type": type, "content-length": String(body.length) };
    pool.dispatch({ path: request.url ?? "/", method: "POST", headers, body }, relayTo(response));
  });
});
server.keepAliveTimeout = 60_000;
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () =>
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`),
);
process.once("disconnect", () => process.exit(0));

function relayTo(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart() {},
    onResponseStart(_controller, status, headers) {
      const { connection: _c, "keep-alive": _k, "transfer-encoding": _t, ...relayed } = headers;
      response.writeHead(status, relayed);
    },
    onResponseData(controller, chunk) {
      if (response.write(chunk)) return;
      controller.pause();
      response.once("drain", () => controller.resume());
    },
    onResponseEnd() {
      response.end();
    },
    onResponseError() {
      response.destroy();
    },
  };
}
