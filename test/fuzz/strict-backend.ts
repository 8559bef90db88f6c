import { createServer, type AddressInfo, type Socket } from "node:net";
import { judge, type Judged } from "./judge.ts";
import { takeRequest, valuesOf, type StrictRequest } from "./strict-request.ts";
import { numberOf, TAG_HEADER } from "./tags.ts";
import { TOOLS, type Role } from "./world.ts";

export interface StrictBackend {
  readonly origin: string;
  /** The gateway's ids of the requests that reached it, in order; empty text for one that could not be read. */
  reached(): readonly string[];
  /** Lets go of every connection, and takes new ones. */
  dropConnections(): void;
  close(): Promise<void>;
}

export interface StrictBackendOptions {
  readonly users: ReadonlyMap<string, Role>;
  /** Told of a request that must not have come; `number` where its tag says which it was. */
  readonly onBreach: (what: string, number: number | null) => void;
  /** Whether a request of this number carried a key of this user. */
  readonly isSentBy: (number: number, user: string) => boolean;
}

/** A backend that reads every byte itself, and tells of whatever the gateway should have held back. */
export async function startStrictBackend(options: StrictBackendOptions): Promise<StrictBackend> {
  const sockets = new Set<Socket>();
  const reached: string[] = [];
  let host = "";
  const serve = (socket: Socket, request: StrictRequest): void => {
    reached.push(valuesOf(request.headers, "x-request-id").join());
    const number = tagNumber(request);
    try {
      const judged = judge(request, host, options.users);
      if (number !== null && !options.isSentBy(number, judged.user))
        throw new Error(`nobody sent it as ${judged.user}`);
      socket.write(answerTo(request, judged));
    } catch (error) {
      options.onBreach(`${String(error)} in ${JSON.stringify(request.body.toString("latin1"))}`, number);
      socket.destroy();
    }
  };
  const server = createServer({ noDelay: true }, (socket) => {
    let pending: Buffer = Buffer.alloc(0);
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      try {
        for (let taken = takeRequest(pending); taken !== null; taken = takeRequest(pending)) {
          pending = taken.rest;
          serve(socket, taken.request);
        }
      } catch (error) {
        options.onBreach(String(error), null);
        socket.destroy();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dropConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    dropConnections();
    await closed;
  };
  return { origin: `http://${host}`, reached: () => reached, dropConnections, close };
}

function tagNumber({ headers }: StrictRequest): number | null {
  const tags = valuesOf(headers, TAG_HEADER);
  return tags.length === 1 ? numberOf(tags[0] as string) : null;
}

const LISTED = TOOLS.map((name) => `{"name":"${name}"}`).join(",");

function answerTo(request: StrictRequest, { backend, user, method, rawId }: Judged): string {
  if (request.method === "GET")
    return head("200 OK", "text/event-stream", 'data: {"jsonrpc":"2.0","method":"ping"}\n\n');
  if (rawId === null) return "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
  const result =
    method === "tools/list" ? `{"tools":[${LISTED}]}` : `{"content":[{"type":"text","text":"${backend} ${user}"}]}`;
  return head("200 OK", "application/json", `{"jsonrpc":"2.0","id":${rawId},"result":${result}}`);
}

function head(status: string, type: string, body: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
