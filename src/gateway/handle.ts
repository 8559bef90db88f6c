import type { IncomingMessage, ServerResponse } from "node:http";
import { nanoid } from "nanoid";
import { keyId } from "../lib/keys/key.ts";
import type { Allow } from "../lib/policy/decide.ts";
import { endpointOf } from "../lib/policy/registry.ts";
import type { AuditSink } from "./audit-sink.ts";
import type { Auditor, Ending, Trail } from "./auditor.ts";
import { authenticate, authorize, readAuthorization, type Caller, type Wish } from "./authenticate.ts";
import { Exchange, type Outcome, type SilenceLimits } from "./forward.ts";
import { checkBodyHeads, readBody, type BodyBudget, type HeldBody } from "./http/body.ts";
import { readHeads, type Heads } from "./http/heads.ts";
import { forwardedHeaders } from "./http/request-headers.ts";
import { findRoute, type Route, type Surface } from "./http/route.ts";
import type { InFlight } from "./in-flight.ts";
import { readMessage } from "./mcp/message.ts";
import { checkMirroredHeaders, isModern } from "./mcp/mirrored-headers.ts";
import type { Pools } from "./pools.ts";
import { faultText } from "./fault.ts";
import { Refusal } from "./refusal.ts";
import { replyRefused } from "./reply.ts";
import type { Clock } from "./state/clock.ts";
import type { GatewayState } from "./state/gateway-state.ts";

/** Everything that a request needs beside itself. */
export interface Ports {
  readonly state: GatewayState;
  readonly surface: Surface;
  readonly bodies: BodyBudget;
  readonly pools: Pools;
  readonly silence: SilenceLimits;
  readonly inFlight: InFlight;
  readonly auditor: Auditor;
  readonly sink: AuditSink;
  readonly clock: Clock;
  readonly isDraining: () => boolean;
  /** How long a call that can change something waits until its start record is written. */
  readonly startRecordTimeoutMs: number;
  /** For faults of the gateway itself. */
  readonly log: (line: string) => void;
}

/** One request, its answer to be, and what is known of it so far. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly trail: Trail;
}

/** The whole life of a request: served or refused, and recorded once. Never rejects: nobody could answer for it. */
export async function handle(request: IncomingMessage, response: ServerResponse, ports: Ports): Promise<void> {
  try {
    const call: Call = { request, response, trail: newTrail(ports.clock) };
    ports.auditor.final(call.trail, await ended(call, ports));
  } catch (error) {
    ports.log(faultText(error));
    response.destroy();
  }
}

async function ended(call: Call, ports: Ports): Promise<Ending> {
  try {
    return await serve(call, ports);
  } catch (error) {
    return refuse(call, error, ports);
  }
}

export function newTrail(clock: Clock): Trail {
  return {
    requestId: `req_${nanoid(16)}`,
    startedAt: clock.monotonic(),
    backend: null,
    keyId: null,
    subject: null,
    message: null,
    isForwarded: false,
  };
}

/** The straight line: route, key, body, message, decision, record, backend. @throws Refusal */
async function serve(call: Call, ports: Ports): Promise<Outcome> {
  const { request, trail } = call;
  if (ports.isDraining()) throw new Refusal("draining");
  const heads = readHeads(request.rawHeaders);
  const route = findRoute(request.method, request.url, heads, ports.surface);
  trail.backend = route.backend;
  const hash = readAuthorization(heads.authorization);
  trail.keyId = keyId(hash);
  const caller = authenticate(hash, ports.state.current, ports.clock);
  trail.subject = caller.subject;
  const body = await bodyOf(request, route, heads, ports);
  try {
    const bytes = body?.bytes ?? null;
    const wish = readWish(trail, route, heads, bytes);
    const grant = authorize(caller, wish, ports.state.current, ports.clock);
    return await recorded(call, { caller, wish, grant, body: bytes }, ports);
  } finally {
    if (body !== null) ports.bodies.give(body.heldBytes);
  }
}

/** The whole body of a POST; GET and DELETE have none, and may not bring one. */
async function bodyOf(request: IncomingMessage, route: Route, heads: Heads, ports: Ports): Promise<HeldBody | null> {
  if (route.method === "POST") {
    checkBodyHeads(heads, ports.bodies.limits);
    return readBody(request, heads.contentLength, ports.bodies);
  }
  if ((heads.contentLength ?? "0") !== "0" || request.headers["transfer-encoding"] !== undefined)
    throw new Refusal("http_malformed");
  return null;
}

function readWish(trail: Trail, route: Route, heads: Heads, body: Buffer | null): Wish {
  const { backend, path } = route;
  if (body === null) return { backend, path, method: null, tool: null, isModern: false };
  const message = readMessage(body);
  trail.message = message;
  checkMirroredHeaders(message, heads);
  return { backend, path, method: message.method, tool: message.tool, isModern: isModern(message, heads) };
}

/** A call that was decided on, ready to be forwarded. */
interface Approved {
  readonly caller: Caller;
  readonly wish: Wish;
  readonly grant: Allow;
  readonly body: Buffer | null;
}

/** Forwards nothing that could not be recorded: room for the record is set aside first. @throws Refusal */
async function recorded(call: Call, approved: Approved, ports: Ports): Promise<Outcome> {
  const room = ports.auditor.roomFor(call.trail);
  if (!ports.sink.reserve(room)) throw new Refusal("audit_unavailable");
  try {
    if (approved.grant.backend.access === "ro") return await forward(call, approved, ports);
    // What can change something leaves a trace even if this process is killed; so it is written first, then decided again.
    ports.auditor.start(call.trail);
    if (!(await ports.sink.flush(ports.startRecordTimeoutMs))) throw new Refusal("audit_unavailable");
    const grant = authorize(approved.caller, approved.wish, ports.state.current, ports.clock);
    return await forward(call, { ...approved, grant }, ports);
  } finally {
    ports.sink.release(room);
  }
}

async function forward(call: Call, { caller, wish, grant, body }: Approved, ports: Ports): Promise<Outcome> {
  const { request, response, trail } = call;
  if (response.destroyed) throw new Refusal("client_gone");
  const rule = grant.grant.tools;
  const isOpenEnded = wish.method === null ? request.method === "GET" : wish.method === "subscriptions/listen";
  const exchange = new Exchange({
    response,
    requestId: trail.requestId,
    message: trail.message,
    rule,
    isModern: wish.isModern,
    isOpenEnded,
    silence: ports.silence,
    clock: ports.clock,
  });
  const leave = ports.inFlight.enter({
    recheck: () => refusalNow(caller, wish, ports),
    cut: (refusal) => exchange.cut(refusal),
    giveUpIfSilent: () => exchange.giveUpIfSilent(),
    isOpenEnded,
  });
  try {
    response.once("close", () => {
      if (!response.writableFinished) exchange.cut(new Refusal("client_gone"));
    });
    const headers = forwardedHeaders(request.rawHeaders, {
      requestId: trail.requestId,
      subject: caller.subject,
      needsIdentity: rule !== null,
    });
    const { pool, path } = ports.pools.at(endpointOf(grant.backend));
    trail.isForwarded = true;
    pool.dispatch({ path, method: request.method ?? "", headers, body }, exchange);
    return await exchange.outcome;
  } finally {
    leave();
  }
}

function refusalNow(caller: Caller, wish: Wish, ports: Ports): Refusal | null {
  try {
    authorize(caller, wish, ports.state.current, ports.clock);
    return null;
  } catch (error) {
    return error instanceof Refusal ? error : new Refusal("internal_error");
  }
}

/** Answers a refused call; what is no refusal is a fault of ours, told to the log and to nobody else. */
function refuse(call: Call, error: unknown, ports: Ports): Ending {
  const { request, response, trail } = call;
  if (!(error instanceof Refusal)) ports.log(`${trail.requestId}: ${faultText(error)}`);
  const { reason, refused } = error instanceof Refusal ? error : new Refusal("internal_error");
  // A fault in the middle of an answer comes too late for another one.
  if (response.headersSent) return { reason, status: response.statusCode, rpcErrorCode: null, isError: null };
  const isGone = reason === "client_gone" || response.destroyed;
  replyRefused(request, response, refused, trail.requestId, trail.message);
  return {
    reason,
    status: isGone ? null : refused.status,
    rpcErrorCode: isGone ? null : refused.code,
    isError: null,
  };
}
