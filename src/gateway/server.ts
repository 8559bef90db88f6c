import { readFileSync } from "node:fs";
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { Duplex } from "node:stream";
import { AppError } from "../lib/errors.ts";
import { handle, newTrail, type Ports } from "./handle.ts";
import { guarded } from "./fault.ts";
import { linger, refusedBody } from "./reply.ts";
import { REFUSALS } from "./refusals.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

const MAX_HEADER_BYTES = 16 * 1024;
const HEADERS_TIMEOUT_MS = 20_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than common clients keep a connection, so that it is they who close it. */
const KEEP_ALIVE_MS = 65_000;
const SWEEP_MS = 5_000;
/** Where the system does not tell its limit. */
const DEFAULT_CONNECTIONS = 10_000;

/** The public listener. */
export function createGatewayServer(ports: Ports): Server {
  /** How many calls each connection has under way. */
  const busy = new WeakMap<Duplex, { calls: number }>();
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const connection = busy.get(request.socket) ?? { calls: 0 };
    connection.calls += 1;
    await handle(request, response, ports);
    connection.calls -= 1;
  };
  const listener: RequestListener = (request, response) => void serve(request, response);
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: SWEEP_MS,
      noDelay: true,
      // Which Host is right is decided with the other headers.
      requireHostHeader: false,
    },
    listener,
  );
  server.maxConnections = maxConnections();
  // Node drops headers beyond a count in silence; the size alone bounds them here.
  server.maxHeadersCount = 0;
  server.on("connection", (socket: Duplex) => void busy.set(socket, { calls: 0 }));
  // Node would answer these by itself, and nothing would be recorded.
  server.on("checkExpectation", listener);
  const refuse = guarded(ports.log, (error: Error, socket: Duplex) => refuseUnreadable(error, socket, ports));
  server.on("connect", (_request, socket) => refuse(new Error("CONNECT"), socket));
  server.on("clientError", (error, socket) => {
    // A request under way has its own record, and notices that its client is gone.
    if ((busy.get(socket)?.calls ?? 0) > 0) socket.destroy();
    else refuse(error, socket);
  });
  return server;
}

/** Half of the descriptors: the other half is for backends, files and the admin listener, whatever clients do. */
function maxConnections(): number {
  try {
    const most = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return most === undefined ? DEFAULT_CONNECTIONS : Math.max(Math.floor(Number(most) / 2) - 32, 16);
  } catch {
    return DEFAULT_CONNECTIONS;
  }
}

/** Answers and records what could not be read as HTTP. */
function refuseUnreadable(error: Error & { code?: string }, socket: Duplex, ports: Ports): void {
  const trail = newTrail(ports.clock);
  // Node has let go of the socket: an error of it that nobody listens for would end the process.
  socket.on("error", () => socket.destroy());
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const reason =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "headers_too_large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "body_timeout"
        : "http_malformed";
  const refused = REFUSALS[reason];
  const body = refusedBody(refused, trail.requestId, null);
  socket.end(
    `HTTP/1.1 ${refused.status} ${STATUS_CODES[refused.status]}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
  linger(socket);
  ports.auditor.final(trail, { reason, status: refused.status, rpcErrorCode: refused.code, isError: null });
}

export interface ListenOptions {
  readonly address: Address;
  /** How people call it. */
  readonly what: string;
  readonly log: (line: string) => void;
}

/** Listens, or says clearly why not; resolves to the URL. @throws AppError */
export async function listen(server: Server, { address, what, log }: ListenOptions): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host: address.host, port: address.port, backlog: 1024 }, resolve);
  try {
    await promise;
  } catch (cause) {
    throw cannotListen(address, what, cause);
  } finally {
    server.off("error", reject);
  }
  // Failing to accept a connection, for want of descriptors say, must not end the process.
  server.on("error", (error) => log(`${what} could not accept a connection: ${error.message}`));
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
  return `http://${address.host.includes(":") ? `[${address.host}]` : address.host}:${port}`;
}

function cannotListen({ host, port }: Address, what: string, cause: unknown): AppError {
  const code = cause instanceof Error && "code" in cause ? cause.code : null;
  const label = `${what} cannot listen on ${host}:${port}`;
  if (code === "EADDRINUSE")
    return new AppError("conflict", "port_taken", `${label}: the port is taken`, {
      hint: "Name another port, or 0 for a free one.",
      cause,
    });
  if (code === "EACCES")
    return new AppError("unavailable", "port_not_permitted", `${label}: this user may not`, {
      hint: "Ports below 1024 need a privilege.",
      cause,
    });
  return new AppError("invalid", "address_unusable", `${label}: this machine has no such address`, {
    hint: "Use 127.0.0.1, or 0.0.0.0 for every address.",
    cause,
  });
}
