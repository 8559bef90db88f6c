import type { Server } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { createAdminServer } from "./admin/admin-server.ts";
import { Report } from "./admin/report.ts";
import { AuditSink } from "./audit-sink.ts";
import { Auditor } from "./auditor.ts";
import { ExpiryTimer } from "./expiry-timer.ts";
import type { Ports } from "./handle.ts";
import { BodyBudget } from "./http/body.ts";
import { InFlight } from "./in-flight.ts";
import { DEFAULT_LIMITS, type GatewayLimits } from "./limits.ts";
import { Metrics } from "./metrics.ts";
import { Pools } from "./pools.ts";
import { Refusal } from "./refusal.ts";
import { createGatewayServer, listen, type Address } from "./server.ts";
import { SYSTEM_CLOCK, type Clock } from "./state/clock.ts";
import { GatewayState } from "./state/gateway-state.ts";

export interface GatewayOptions {
  /** Paths of keys.json files, or folders of mounted Secrets. */
  readonly keys: readonly string[];
  readonly locks: string;
  readonly roles: string;
  readonly backends: string;
  readonly listen: Address;
  readonly admin: Address;
  /** Null for standard output. */
  readonly auditFile: string | null;
  /** Whether entries that no role folder vouches for are taken from a mounted Secret too. */
  readonly allowsBareHashes: boolean;
  /** Host names that are served beside loopback and the listen address. */
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly instance: string;
  /** How long what broke or fell silent stays in force. */
  readonly maxAgeSeconds: number;
  readonly version: string;
  /** One line for people. */
  readonly log: (line: string) => void;
  readonly limits?: Partial<GatewayLimits>;
  readonly clock?: Clock;
}

export interface RunningGateway {
  readonly url: string;
  readonly adminUrl: string;
  /** Stops accepting, lets calls finish for a while, writes every record, and ends. */
  drain(): Promise<void>;
}

/**
 * Starts the gateway, before or after its files are there: what is missing is refused for, and told by /readyz.
 * @throws AppError when an address cannot be listened on or the audit file cannot be opened
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const clock = options.clock ?? SYSTEM_CLOCK;
  const { log } = options;
  const sink = new AuditSink({ path: options.auditFile, maxBufferedBytes: limits.maxAuditBytes, log });
  const state = new GatewayState(options, {
    clock,
    maxAgeMs: options.maxAgeSeconds * 1000,
    pollMs: limits.pollMs,
    log,
  });
  const metrics = new Metrics();
  const isBackend = (name: string): boolean => state.current.policy.value?.registry.has(name) === true;
  const running = { isDraining: false };
  const isDraining = (): boolean => running.isDraining;
  const inFlight = new InFlight();
  const ports: Ports = {
    state,
    surface: {
      hosts: namesOf([options.listen.host, ...options.allowedHosts]),
      origins: namesOf(options.allowedOrigins),
    },
    bodies: new BodyBudget({
      maxBytes: limits.maxBodyBytes,
      maxTotalBytes: limits.maxTotalBodyBytes,
      timeoutMs: limits.bodyTimeoutMs,
    }),
    pools: new Pools({ answerTimeoutMs: limits.answerTimeoutMs, connectTimeoutMs: limits.connectTimeoutMs }),
    inFlight,
    auditor: new Auditor({ sink, metrics, clock, instance: options.instance, isBackend }),
    sink,
    clock,
    isDraining,
    startRecordTimeoutMs: limits.startRecordTimeoutMs,
    log,
  };
  const expiry = new ExpiryTimer(
    () => state.nextChangeMs(),
    () => inFlight.recheck(),
  );
  state.onChange(() => {
    inFlight.recheck();
    expiry.arm();
  });
  await state.ready();
  const server = createGatewayServer(ports);
  const report = new Report({
    state,
    sink,
    inFlight,
    metrics,
    clock,
    isDraining,
    version: options.version,
    instance: options.instance,
  });
  const admin = createAdminServer(report, { hosts: namesOf([options.admin.host, ...options.allowedHosts]) });
  const close = async (): Promise<void> => {
    expiry.stop();
    state.close();
    await Promise.all([stop(admin), stop(server), ports.pools.close()]);
    await sink.close(limits.flushTimeoutMs);
  };
  try {
    const adminUrl = await listen(admin, options.admin, "the admin listener");
    const url = await listen(server, options.listen, "the gateway");
    const drain = async (): Promise<void> => {
      running.isDraining = true;
      await finishCalls(server, inFlight, limits.drainMs);
      await close();
    };
    let drained: Promise<void> | null = null;
    return { url, adminUrl, drain: () => (drained ??= drain()) };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Open streams are ended at once, for they never end by themselves; calls may finish for `drainMs`. */
async function finishCalls(server: Server, inFlight: InFlight, drainMs: number): Promise<void> {
  server.close();
  server.closeIdleConnections();
  inFlight.cut(new Refusal("draining"), ({ isOpenEnded }) => isOpenEnded);
  const deadline = performance.now() + drainMs;
  while (inFlight.size > 0 && performance.now() < deadline) await delay(10);
  inFlight.cut(new Refusal("draining"), () => true);
  // What was cut still has to write its record.
  await delay(0);
}

async function stop(server: Server): Promise<void> {
  if (!server.listening && server.address() === null) {
    server.closeAllConnections();
    return;
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}

function namesOf(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()));
}
