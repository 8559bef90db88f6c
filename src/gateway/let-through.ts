import type { Allow } from "../lib/policy/decide.ts";
import { endpointOf } from "../lib/policy/registry.ts";
import { authorize, type Caller, type Wish } from "./authenticate.ts";
import type { Call, Ports } from "./call.ts";
import { Exchange, type Outcome } from "./forward.ts";
import { forwardedHeaders } from "./http/request-headers.ts";
import type { Ticket } from "./key-use.ts";
import { Refusal } from "./refusal.ts";
import { giveSession } from "./sessions.ts";

/** A call that was decided on, ready to be forwarded. */
export interface Approved {
  readonly caller: Caller;
  readonly wish: Wish;
  readonly grant: Allow;
  /** The backend's own id of the caller's session. */
  readonly session: string | null;
  /** Whether the answer is a stream that never ends by itself. */
  readonly isOpenEnded: boolean;
  readonly ticket: Ticket;
  readonly body: Buffer | null;
}

/** Forwards nothing that could not be recorded: room for the record is set aside first. @throws Refusal */
export function letThrough(call: Call, approved: Approved, ports: Ports): Promise<Outcome> {
  const { auditor, sink, startRecords } = ports;
  const recordBytes = auditor.prepare(call.trail);
  if (recordBytes === null) throw new Refusal("record_too_large");
  if (!sink.reserve(recordBytes)) throw new Refusal("audit_unavailable");
  call.trail.reservedBytes = recordBytes;
  const isRecordedFirst = startRecords === "all" || approved.grant.backend.access === "rw";
  return isRecordedFirst ? recordAndForward(call, approved, ports) : forward(call, approved, ports);
}

/** What can change something leaves a trace even if this process is killed; so it is written first, then decided again. */
async function recordAndForward(call: Call, approved: Approved, ports: Ports): Promise<Outcome> {
  ports.auditor.start(call.trail);
  if (!(await ports.sink.flush(ports.startRecordTimeoutMs))) throw new Refusal("audit_unavailable");
  const grant = authorize(approved.caller, approved.wish, ports.state.current, ports.clock);
  return forward(call, { ...approved, grant }, ports);
}

async function forward(
  call: Call,
  { caller, wish, grant, session, isOpenEnded, ticket, body }: Approved,
  ports: Ports,
): Promise<Outcome> {
  const { request, response, trail } = call;
  if (response.destroyed || request.socket.destroyed) throw new Refusal("client_gone");
  const rule = grant.grant.tools;
  const exchange = new Exchange({
    response,
    requestId: trail.requestId,
    message: trail.message,
    rule,
    isModern: wish.isModern,
    isOpenEnded,
    room: ticket,
    wrapSession: (id) => giveSession(id, wish.backend, { call, caller }, ports),
    silence: ports.silence,
    clock: ports.clock,
  });
  const leave = ports.inFlight.enter({
    recheck: () => refusalNow(caller, wish, grant, ports),
    cut: (refusal) => exchange.cut(refusal),
    giveUpIfSilent: () => exchange.giveUpIfSilent(),
    isOpenEnded,
    socket: request.socket,
  });
  try {
    response.once("close", () => {
      if (!response.writableFinished) exchange.cut(new Refusal("client_gone"));
    });
    const headers = forwardedHeaders(request.rawHeaders, {
      requestId: trail.requestId,
      subject: caller.subject,
      sessionId: session,
      needsIdentity: rule !== null,
    });
    const { pool, path } = ports.pools.at(endpointOf(grant.backend));
    trail.isForwarded = true;
    ports.lastUse.accepted(caller.subject.keyId, ports.clock.now());
    pool.dispatch({ path, method: request.method ?? "", headers, body }, exchange);
    return await exchange.outcome;
  } finally {
    leave();
  }
}

/** Why may a call that was let through under this grant not go on? Null while it may. */
function refusalNow(caller: Caller, wish: Wish, grant: Allow, ports: Ports): Refusal | null {
  try {
    const grantNow = authorize(caller, wish, ports.state.current, ports.clock);
    return isSameAccess(grant, grantNow, wish) ? null : new Refusal("grant_changed");
  } catch (error) {
    return error instanceof Refusal ? error : new Refusal("internal_error");
  }
}

/** Another address is another backend; what is filtered by other rules must begin anew. */
function isSameAccess(before: Allow, now: Allow, wish: Wish): boolean {
  if (before === now) return true;
  if (endpointOf(before.backend) !== endpointOf(now.backend)) return false;
  return wish.tool !== null || JSON.stringify(before.grant.tools) === JSON.stringify(now.grant.tools);
}
