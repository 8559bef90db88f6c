import type { IncomingMessage, ServerResponse } from "node:http";
import type { BlockList } from "node:net";
import { nanoid } from "nanoid";
import type { AuditSink } from "./audit-sink.ts";
import type { Auditor, Trail } from "./auditor.ts";
import type { SilenceLimits } from "./forward.ts";
import type { BodyReader } from "./http/body.ts";
import type { Surface } from "./http/route.ts";
import type { InFlight } from "./in-flight.ts";
import type { KeyUses } from "./key-use.ts";
import type { LastUse } from "./last-use.ts";
import type { LockEffects } from "./lock-effects.ts";
import type { Pools } from "./pools.ts";
import type { Clock } from "./state/clock.ts";
import type { GatewayState } from "./state/gateway-state.ts";

/** Everything that a request needs beside itself. */
export interface Ports {
  readonly state: GatewayState;
  readonly surface: Surface;
  /** Proxies whose word on who calls is taken for the record; null for none. */
  readonly trustedProxies: BlockList | null;
  readonly keyUses: KeyUses;
  readonly maxBodyBytes: number;
  readonly maxJsonDepth: number;
  readonly pools: Pools;
  readonly silence: SilenceLimits;
  readonly inFlight: InFlight;
  readonly lastUse: LastUse;
  readonly lockEffects: LockEffects;
  readonly auditor: Auditor;
  readonly sink: AuditSink;
  readonly clock: Clock;
  readonly isDraining: () => boolean;
  /** Whose calls are recorded before they are forwarded: those of backends that can change something, or everybody's. */
  readonly startRecords: "rw" | "all";
  /** How long such a call waits until its start record is written. */
  readonly startRecordTimeoutMs: number;
  /** For faults of the gateway itself. */
  readonly log: (line: string) => void;
}

/** A client's connection, as far as its calls must know it. */
export interface Connection {
  readonly peer: string | null;
  /** How many calls are under way on it. */
  calls: number;
  /** The last body that was begun: it is given up when the connection turns out to be broken. */
  body: BodyReader | null;
  /** Whether something came that is no request: it ends when its calls are over. */
  isBroken: boolean;
  /** The last request that came on it. */
  request: IncomingMessage | null;
}

/** One request, its answer to be, and what is known of it so far. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly connection: Connection;
  readonly trail: Trail;
}

export function newTrail(clientIp: string | null, clock: Clock): Trail {
  return {
    requestId: `req_${nanoid(16)}`,
    startedAt: clock.monotonic(),
    clientIp,
    backend: null,
    keyId: null,
    subject: null,
    protocolVersion: null,
    traceparent: null,
    session: null,
    body: null,
    reservedBytes: 0,
    text: null,
    message: null,
    payload: null,
    policy: null,
    isForwarded: false,
  };
}
