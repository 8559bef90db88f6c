import type { IncomingMessage, ServerResponse } from "node:http";
import { keyId } from "../lib/keys/key.ts";
import type { Ending, Trail } from "./auditor.ts";
import { authenticate, authorize, readAuthorization, type Caller, type Wish } from "./authenticate.ts";
import { newTrail, type Call, type Connection, type Ports } from "./call.ts";
import { faultText } from "./fault.ts";
import type { Outcome } from "./forward.ts";
import { BodyReader, checkBodyHeads } from "./http/body.ts";
import { clientIp } from "./http/client-ip.ts";
import { readHeads, type Heads } from "./http/heads.ts";
import { findRoute, type Route } from "./http/route.ts";
import type { Ticket } from "./key-use.ts";
import { letThrough, type Approved } from "./let-through.ts";
import { readMessage, readText } from "./mcp/message.ts";
import { checkMirroredHeaders, isModern } from "./mcp/mirrored-headers.ts";
import { Refusal } from "./refusal.ts";
import { replyRefused } from "./reply.ts";
import { openSession } from "./sessions.ts";

const STRANGER_IDLE_MS = 5_000;
/** The method whose answer is a stream that never ends by itself (revision 2026-07-28). */
const OPENS_STREAM = "subscriptions/listen";

/** The whole life of a request: served or refused, and recorded once. Never rejects: nobody could answer for it. */
export async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  connection: Connection,
  ports: Ports,
): Promise<void> {
  ports.inFlight.arrive();
  try {
    const trail = newTrail(callerOf(request, connection, ports), ports.clock);
    const call: Call = { request, response, connection, trail };
    let ending: Ending;
    try {
      ending = await serve(call, ports);
    } catch (error) {
      ending = refuse(call, error, ports);
    }
    ports.auditor.final(trail, ending);
  } catch (error) {
    ports.log(faultText(error));
    response.destroy();
  } finally {
    ports.inFlight.depart();
  }
}

function callerOf(request: IncomingMessage, { peer }: Connection, { trustedProxies }: Ports): string | null {
  return trustedProxies === null ? peer : clientIp(peer, request.headers["x-forwarded-for"], trustedProxies);
}

/** The straight line: route, key, room, body, message, decision, session, record, backend. @throws Refusal */
async function serve(call: Call, ports: Ports): Promise<Outcome> {
  const { request, trail } = call;
  if (ports.isDraining()) throw new Refusal("draining");
  // Node also takes a request line without a version, as HTTP/0.9 had it.
  if (request.httpVersionMajor !== 1) throw new Refusal("http_malformed");
  const heads = readHeads(request.rawHeaders);
  const route = findRoute(request.method, request.url, heads, ports.surface);
  trail.backend = route.backend;
  const hash = readAuthorization(heads.authorization);
  trail.keyId = keyId(hash);
  const caller = authenticate(hash, ports.state.current, ports.clock);
  trail.subject = caller.subject;
  trail.protocolVersion = heads.protocolVersion;
  trail.traceparent = heads.traceparent;
  const ticket = ports.keyUses.enter(hash, route.method === "GET" ? "stream" : "call");
  try {
    const reader = readerOf(call, route, heads, ticket, ports);
    const body = reader === null ? null : await reader.whole;
    return await letThrough(call, decideOn(call, { route, heads, caller, ticket, body }, ports), ports);
  } finally {
    ticket.leave();
    ports.sink.release(trail.reservedBytes);
  }
}

/** Reads the body of a POST; GET and DELETE have none, and may not bring one. @throws Refusal */
function readerOf(
  { request, response, connection, trail }: Call,
  route: Route,
  heads: Heads,
  ticket: Ticket,
  { maxBodyBytes }: Ports,
): BodyReader | null {
  if (route.method !== "POST") {
    if ((heads.contentLength ?? "0") !== "0" || request.headers["transfer-encoding"] !== undefined)
      throw new Refusal("http_malformed");
    return null;
  }
  checkBodyHeads(heads, maxBodyBytes);
  if (heads.expect?.toLowerCase() === "100-continue") response.writeContinue();
  trail.body = new BodyReader(request, heads.contentLength, ticket, maxBodyBytes);
  connection.body = trail.body;
  return trail.body;
}

/** A caller whose key is good, and everything that it sent. */
interface Asked {
  readonly route: Route;
  readonly heads: Heads;
  readonly caller: Caller;
  readonly ticket: Ticket;
  readonly body: Buffer | null;
}

/** Is this call allowed, as everything stands now? @throws Refusal */
function decideOn(call: Call, { route, heads, caller, ticket, body }: Asked, ports: Ports): Approved {
  const { state, clock } = ports;
  const { trail } = call;
  const wish = readWish(trail, route, heads, body, ports.maxJsonDepth);
  trail.policy = state.current.policy.digest;
  const grant = authorize(caller, wish, state.current, clock);
  const isOpenEnded = route.method === "GET" || wish.method === OPENS_STREAM;
  if (isOpenEnded && route.method !== "GET") ticket.becomes("stream");
  const session = openSession(heads.sessionId, wish.backend, { call, caller }, ports);
  return { caller, wish, grant, session, isOpenEnded, ticket, body };
}

function readWish(trail: Trail, route: Route, heads: Heads, body: Buffer | null, maxDepth: number): Wish {
  const { backend, path } = route;
  if (body === null) return { backend, path, method: null, tool: null, isModern: false };
  const text = readText(body);
  const message = readMessage(text, maxDepth);
  trail.text = text;
  trail.message = message;
  checkMirroredHeaders(message, heads);
  return { backend, path, method: message.method, tool: message.tool, isModern: isModern(message, heads) };
}

/** Answers a refused call; what is no refusal is a fault of ours, told to the log and to nobody else. */
function refuse(call: Call, error: unknown, ports: Ports): Ending {
  const { request, response, trail } = call;
  if (!(error instanceof Refusal)) ports.log(`${trail.requestId}: ${faultText(error)}`);
  const { reason, refused, lock } = error instanceof Refusal ? error : new Refusal("internal_error");
  if (lock !== null) ports.lockEffects.refused(lock);
  // A fault in the middle of an answer comes too late for another one.
  if (response.headersSent) return { reason, status: response.statusCode, ...UNTOLD };
  const isGone = reason === "client_gone" || response.destroyed;
  if (isGone) {
    // Not the response alone: one that waits behind another's answer has no connection yet.
    request.socket.destroy();
    return { reason, status: null, ...UNTOLD };
  }
  // A connection that showed no good key is not kept for long.
  if (trail.subject === null) response.once("finish", () => request.socket.setTimeout(STRANGER_IDLE_MS));
  const bytesOut = replyRefused(request, response, refused, trail);
  return { reason, status: refused.status, rpcErrorCode: refused.code, isError: null, bytesOut };
}

const UNTOLD = { rpcErrorCode: null, isError: null, bytesOut: 0 };
