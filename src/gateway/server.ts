import { readFileSync } from "node:fs";
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { AppError } from "../lib/errors.ts";
import { newTrail, type Connection, type Ports } from "./call.ts";
import { handle } from "./handle.ts";
import { guarded } from "./fault.ts";
import { plainAddress } from "./http/client-ip.ts";
import { linger, refusedBody } from "./reply.ts";
import { Refusal } from "./refusal.ts";
import { REFUSALS } from "./refusals.ts";
import { secureOptions, type TlsPair } from "./tls-pair.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What one client may take of the listener. */
export interface ServerLimits {
  readonly maxHeaderBytes: number;
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the last of its body. */
  readonly bodyTimeoutMs: number;
}

/** Longer than common clients keep a connection, so that it is they who close it. */
const KEEP_ALIVE_MS = 65_000;
/** How often slow requests are looked for, at most. */
const SWEEP_MS = 1_000;
const DROP_LOG_MS = 60_000;
/** Where the system does not tell its limit. */
const DEFAULT_CONNECTIONS = 10_000;

/** The public listener; over TLS where there is a certificate. */
export function createGatewayServer(ports: Ports, limits: ServerLimits, pair: TlsPair | null): Server {
  const connections = new WeakMap<Duplex, Connection>();
  const listener: RequestListener = (request, response) =>
    void serve(request, response, connectionOf(connections, request.socket), ports);
  const options = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: Math.min(limits.headersTimeoutMs, limits.bodyTimeoutMs),
    requestTimeout: limits.bodyTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(SWEEP_MS, Math.ceil(limits.bodyTimeoutMs / 4)),
    noDelay: true,
    // Which Host is right is decided with the other headers.
    requireHostHeader: false,
  };
  const server =
    pair === null
      ? createServer(options, listener)
      : createSecureServer({ ...options, ...secureOptions(pair), handshakeTimeout: limits.headersTimeoutMs }, listener);
  server.maxConnections = maxConnections();
  // Node drops headers beyond a count in silence; the size alone bounds them here.
  server.maxHeadersCount = 0;
  // Node would answer these by itself, and nothing would be recorded.
  server.on("checkExpectation", listener);
  // Whoever has no key is not asked for a body; the others are, once they are known.
  server.on("checkContinue", listener);
  const drops = new DropLog(ports.log);
  server.on("drop", () => drops.note());
  const refuse = guarded(ports.log, (error: Error, socket: Duplex) => refuseUnreadable(error, socket, ports));
  server.on("connect", (_request, socket) => {
    // Node lets go of the connection: the calls on it would never learn that it ended.
    ports.inFlight.cut(new Refusal("client_gone"), ({ socket: theirs }) => theirs === socket);
    const { calls, body } = connectionOf(connections, socket);
    body?.fail("client_gone");
    if (calls === 0) refuse(new Error("CONNECT"), socket);
    else socket.destroy();
  });
  server.on("secureConnection", (socket: Duplex) => void connectionOf(connections, socket));
  server.on("clientError", (error, socket) => {
    // A handshake that failed is no request.
    if (socket instanceof TLSSocket && !connections.has(socket)) return void socket.destroy();
    const connection = connectionOf(connections, socket);
    const { calls, body } = connection;
    const problem = problemOf(error);
    // A request under way has its own answer and record; what followed it on this connection is lost.
    const isAnswered = connection.request?.complete === false;
    if (body !== null && !body.isComplete) body.fail(problem ?? "client_gone");
    else if (calls === 0 && isAnswered) socket.destroy();
    else if (calls === 0) refuse(error, socket);
    else if (problem === null) socket.destroy();
    else connection.isBroken = true;
  });
  return server;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  connection: Connection,
  ports: Ports,
): Promise<void> {
  connection.calls += 1;
  connection.request = request;
  await handle(request, response, connection, ports);
  connection.calls -= 1;
  if (!connection.isBroken || connection.calls > 0) return;
  request.socket.end();
  linger(request.socket);
}

function connectionOf(connections: WeakMap<Duplex, Connection>, socket: Duplex): Connection {
  let connection = connections.get(socket);
  if (connection === undefined) {
    connection = { peer: addressOf(socket), calls: 0, body: null, isBroken: false, request: null };
    connections.set(socket, connection);
  }
  return connection;
}

function addressOf(socket: Duplex): string | null {
  return socket instanceof Socket ? plainAddress(socket.remoteAddress) : null;
}

/** Tells of connections that found no room, once a minute at most. */
class DropLog {
  readonly #log: (line: string) => void;
  #count = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  note(): void {
    this.#count += 1;
    if (performance.now() - this.#toldAt < DROP_LOG_MS) return;
    this.#log(
      `the gateway has as many connections open as it may; ${this.#count} were turned away since this was told`,
    );
    this.#count = 0;
    this.#toldAt = performance.now();
  }
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

/** What is wrong with a request that node could not read; null when its client is gone. */
function problemOf(error: Error & { code?: string }): "headers_too_large" | "body_timeout" | "http_malformed" | null {
  if (error.code === "ECONNRESET" || error.code === "EPIPE" || error.code === "HPE_INVALID_EOF_STATE") return null;
  if (error.code === "HPE_HEADER_OVERFLOW") return "headers_too_large";
  return error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? "body_timeout" : "http_malformed";
}

/** Answers and records what could not be read as HTTP. */
function refuseUnreadable(error: Error, socket: Duplex, ports: Ports): void {
  const trail = newTrail(addressOf(socket), ports.clock);
  // Node has let go of the socket: an error of it that nobody listens for would end the process.
  socket.on("error", () => socket.destroy());
  const reason = problemOf(error);
  if (reason === null || !socket.writable) {
    socket.destroy();
    return;
  }
  const refused = REFUSALS[reason];
  const body = refusedBody(refused, trail.requestId, null);
  socket.end(
    `HTTP/1.1 ${refused.status} ${STATUS_CODES[refused.status]}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
  linger(socket);
  const { status, code } = refused;
  const bytesOut = Buffer.byteLength(body);
  ports.auditor.final(trail, { reason, status, rpcErrorCode: code, isError: null, bytesOut });
}

export interface ListenOptions {
  /** `http`, or `https` behind a certificate. */
  readonly scheme: "http" | "https";
  readonly address: Address;
  /** How people call it. */
  readonly what: string;
  readonly log: (line: string) => void;
}

/** Listens, or says clearly why not; resolves to the URL. @throws AppError */
export async function listen(server: Server, { scheme, address, what, log }: ListenOptions): Promise<string> {
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
  return `${scheme}://${address.host.includes(":") ? `[${address.host}]` : address.host}:${port}`;
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
