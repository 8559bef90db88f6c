import type { Server } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Reason } from "../lib/audit/reasons.ts";
import { createAdminServer } from "./admin/admin-server.ts";
import { Report } from "./admin/report.ts";
import { AuditSink } from "./audit-sink.ts";
import { Auditor } from "./auditor.ts";
import { ExpiryTimer } from "./expiry-timer.ts";
import { guarded } from "./fault.ts";
import type { Ports } from "./handle.ts";
import { BodyBudget } from "./http/body.ts";
import { hostNames } from "./http/route.ts";
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
  /** Why would every call be refused now? Empty when it would not; what /readyz answers. */
  unreadiness(): readonly Reason[];
  /** Stops accepting, lets calls finish for a while, writes every record, and ends; false when a record was lost. */
  drain(): Promise<boolean>;
}

/**
 * Starts the gateway, before or after its files are there: what is missing is refused for, and told by /readyz.
 * @throws AppError when an address cannot be listened on or the audit file cannot be opened
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const draining = { isOn: false };
  const { ports, report } = assemble(options, limits, () => draining.isOn);
  const { log } = options;
  const expiry = followDecisions(ports);
  const watch = watchSilence(ports);
  await ports.state.ready();
  const server = createGatewayServer(ports);
  const hosts = hostNames([options.admin.host, ...options.allowedHosts]);
  const admin = createAdminServer({ report, surface: { hosts }, log });
  const close = async (): Promise<boolean> => {
    expiry.stop();
    clearInterval(watch);
    ports.state.close();
    await Promise.all([stop(admin), stop(server), ports.pools.close()]);
    return ports.sink.close(limits.flushTimeoutMs);
  };
  const drain = async (): Promise<boolean> => {
    draining.isOn = true;
    await finishCalls(server, ports.inFlight, limits.drainMs);
    return close();
  };
  let drained: Promise<boolean> | null = null;
  try {
    const adminUrl = await listen(admin, { address: options.admin, what: "the admin listener", log });
    const url = await listen(server, { address: options.listen, what: "the gateway", log });
    return { url, adminUrl, unreadiness: () => report.unreadiness(), drain: () => (drained ??= drain()) };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Parts {
  readonly ports: Ports;
  readonly report: Report;
}

/** Everything that serves requests, not serving yet. @throws AppError when the audit file cannot be opened */
function assemble(options: GatewayOptions, limits: GatewayLimits, isDraining: () => boolean): Parts {
  const { log, instance, version } = options;
  const clock = options.clock ?? SYSTEM_CLOCK;
  const sink = new AuditSink({ path: options.auditFile, maxBufferedBytes: limits.maxAuditBytes, log });
  const maxAgeMs = options.maxAgeSeconds * 1000;
  const state = new GatewayState(options, { clock, maxAgeMs, pollMs: limits.pollMs, log });
  const metrics = new Metrics();
  const inFlight = new InFlight();
  const isBackend = (name: string): boolean => state.current.policy.value?.registry.has(name) === true;
  const ports: Ports = {
    state,
    surface: {
      hosts: hostNames([options.listen.host, ...options.allowedHosts]),
      origins: new Set(options.allowedOrigins.map((origin) => origin.toLowerCase())),
    },
    bodies: new BodyBudget({
      maxBytes: limits.maxBodyBytes,
      maxTotalBytes: limits.maxTotalBodyBytes,
      timeoutMs: limits.bodyTimeoutMs,
    }),
    pools: new Pools({ answerTimeoutMs: limits.answerTimeoutMs, connectTimeoutMs: limits.connectTimeoutMs }),
    silence: { streamMs: limits.answerTimeoutMs, otherMs: limits.answerIdleTimeoutMs },
    inFlight,
    auditor: new Auditor({ sink, metrics, clock, instance, isBackend }),
    sink,
    clock,
    isDraining,
    startRecordTimeoutMs: limits.startRecordTimeoutMs,
    log,
  };
  return { ports, report: new Report({ state, sink, inFlight, metrics, clock, isDraining, version, instance }) };
}

/** Decides again on what is under way whenever a file changes, or time alone could change a decision. */
function followDecisions({ state, inFlight, log }: Ports): ExpiryTimer {
  const recheck = guarded(log, () => inFlight.recheck());
  const expiry = new ExpiryTimer(() => state.nextChangeMs(), recheck);
  state.onChange(() => {
    recheck();
    expiry.arm();
  });
  return expiry;
}

/** Looks often enough that no backend is silent for much longer than it may. */
function watchSilence({ inFlight, silence, log }: Ports): NodeJS.Timeout {
  const everyMs = Math.min(1_000, silence.streamMs / 4, silence.otherMs / 4);
  return setInterval(
    guarded(log, () => inFlight.giveUpSilent()),
    everyMs,
  ).unref();
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
