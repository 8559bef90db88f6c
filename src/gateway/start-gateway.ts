import type { Server } from "node:http";
import { Server as SecureServer } from "node:https";
import { Server as NetServer, type BlockList } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Reason } from "../lib/audit/reasons.ts";
import type { FollowTimes } from "../lib/cluster/follow-object.ts";
import type { KubeApi } from "../lib/cluster/kube-api.ts";
import { DEFAULT_REDACTED_NAMES, RedactedNames } from "../lib/audit/redacted-names.ts";
import { createAdminServer } from "./admin/admin-server.ts";
import { Report } from "./admin/report.ts";
import { endpointOf } from "../lib/policy/registry.ts";
import { AuditSink } from "./audit-sink.ts";
import { Auditor } from "./auditor.ts";
import { ExpiryTimer } from "./expiry-timer.ts";
import { guarded } from "./fault.ts";
import type { Ports } from "./call.ts";
import { trustedProxies } from "./http/client-ip.ts";
import { hostNames } from "./http/route.ts";
import { InFlight } from "./in-flight.ts";
import { KeyUses, type UseLimits } from "./key-use.ts";
import { LastUse } from "./last-use.ts";
import { DEFAULT_LIMITS, type GatewayLimits } from "../lib/gateway-limits.ts";
import { LockEffects } from "./lock-effects.ts";
import { Metrics } from "./metrics.ts";
import { Pools } from "./pools.ts";
import { Refusal } from "./refusal.ts";
import { Sampler } from "./sampler.ts";
import { createGatewayServer, listen, type Address } from "./server.ts";
import { SYSTEM_CLOCK, type Clock } from "./state/clock.ts";
import { GatewayState } from "./state/gateway-state.ts";
import type { KeysPath } from "./state/keys-source.ts";
import { secureOptions } from "./tls-pair.ts";
import { TlsFiles } from "./tls.ts";

export interface GatewayOptions {
  readonly keys: readonly KeysPath[];
  readonly locks: string;
  readonly roles: string;
  readonly backends: string;
  /** The API server; null where nothing of a cluster is followed. */
  readonly cluster?: KubeApi | null;
  readonly followTimes?: Partial<FollowTimes>;
  /** A file; null for a secret that dies with this process. */
  readonly sessionSecret: string | null;
  /** The certificate and its key, PEM files; null to serve plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly listen: Address;
  readonly admin: Address;
  /** Null for standard output. */
  readonly auditFile: string | null;
  /** Whose calls leave a record before they are forwarded: those of backends that can change something, or everybody's. */
  readonly startRecords: "rw" | "all";
  /** Names of members whose values are never written down, beside the built-in ones. */
  readonly redactedNames: readonly string[];
  /** Whether entries that no role folder vouches for are taken from a mounted Secret too. */
  readonly allowsBareHashes: boolean;
  /** Host names that are served beside loopback and the listen address. */
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  /** Addresses and ranges of proxies whose X-Forwarded-For names the client, for the record. */
  readonly trustedProxies: readonly string[];
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

/** How long requests whose connection was ended may take to be recorded. */
const RECORD_MS = 2_000;
/** One key may hold a quarter of the room for bodies. */
const KEY_SHARE = 4;

/**
 * Starts the gateway, before or after its files are there: what is missing is refused for, and told by /readyz.
 * @throws AppError when an address cannot be listened on or the audit file cannot be opened
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const draining = { isOn: false };
  const { log } = options;
  const proxies = trustedProxies(options.trustedProxies);
  const tls = options.tls === null ? null : await openTls(options.tls, options, limits.pollMs);
  const { ports, report } = assemble(options, limits, { isDraining: () => draining.isOn, tls, proxies });
  const expiry = followDecisions(ports);
  const watch = watchCalls(ports);
  await ports.state.ready();
  const server = createGatewayServer(ports, limits, tls?.current ?? null);
  if (server instanceof SecureServer) tls?.onChange((pair) => server.setSecureContext(secureOptions(pair)));
  const hosts = hostNames([options.admin.host, ...options.allowedHosts]);
  const admin = createAdminServer({ report, surface: { hosts }, log });
  const close = async (): Promise<boolean> => {
    expiry.stop();
    clearInterval(watch);
    ports.state.close();
    options.cluster?.close();
    tls?.close();
    await Promise.all([stop(admin), stop(server), ports.pools.close()]);
    // Whoever lost its connection just now still has its record to write.
    await recorded(ports.inFlight);
    const { untold } = ports.auditor;
    if (untold > 0) log(`audit: ${untold} refusals since the last record were counted and not written`);
    return ports.sink.close(limits.flushTimeoutMs);
  };
  const drain = async (): Promise<boolean> => {
    draining.isOn = true;
    await finishCalls(server, ports.inFlight, limits.drainMs);
    return close();
  };
  let drained: Promise<boolean> | null = null;
  try {
    const adminUrl = await listen(admin, { scheme: "http", address: options.admin, what: "the admin listener", log });
    const scheme = tls === null ? "http" : "https";
    const url = await listen(server, { scheme, address: options.listen, what: "the gateway", log });
    return { url, adminUrl, unreadiness: () => report.unreadiness(), drain: () => (drained ??= drain()) };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What must be good before anything else is opened. */
interface Opened {
  readonly isDraining: () => boolean;
  readonly tls: TlsFiles | null;
  readonly proxies: BlockList | null;
}

interface Parts {
  readonly ports: Ports;
  readonly report: Report;
}

/** Everything that serves requests, not serving yet. @throws AppError when the audit file cannot be opened */
function assemble(options: GatewayOptions, limits: GatewayLimits, { isDraining, tls, proxies }: Opened): Parts {
  const { log, instance, version } = options;
  const clock = options.clock ?? SYSTEM_CLOCK;
  const sink = new AuditSink({ path: options.auditFile, maxBufferedBytes: limits.maxAuditBytes, log });
  const maxAgeMs = options.maxAgeSeconds * 1000;
  const state = new GatewayState(options, {
    clock,
    maxAgeMs,
    pollMs: limits.pollMs,
    cluster: options.cluster ?? null,
    ...(options.followTimes === undefined ? {} : { followTimes: options.followTimes }),
    log,
  });
  const metrics = new Metrics();
  const inFlight = new InFlight();
  const lastUse = new LastUse();
  const lockEffects = new LockEffects(clock.now);
  const tlsProblem = (): string | null => tls?.problem ?? null;
  const sampler = new Sampler(clock.monotonic);
  const redactedNames = new RedactedNames([...DEFAULT_REDACTED_NAMES, ...options.redactedNames]);
  const isBackend = (name: string): boolean => state.current.policy.value?.registry.has(name) === true;
  const ports: Ports = {
    state,
    surface: {
      hosts: hostNames([options.listen.host, ...options.allowedHosts]),
      origins: new Set(options.allowedOrigins.map((origin) => origin.toLowerCase())),
    },
    trustedProxies: proxies,
    keyUses: new KeyUses(useLimits(limits), clock.monotonic),
    maxBodyBytes: limits.maxBodyBytes,
    maxJsonDepth: limits.maxJsonDepth,
    pools: new Pools({ answerTimeoutMs: limits.answerTimeoutMs, connectTimeoutMs: limits.connectTimeoutMs }),
    silence: { streamMs: limits.answerTimeoutMs, otherMs: limits.answerIdleTimeoutMs },
    inFlight,
    lastUse,
    lockEffects,
    auditor: new Auditor({ sink, sampler, metrics, clock, instance, redactedNames, isBackend }),
    sink,
    clock,
    isDraining,
    startRecords: options.startRecords,
    startRecordTimeoutMs: limits.startRecordTimeoutMs,
    log,
  };
  return {
    ports,
    report: new Report({
      state,
      sink,
      inFlight,
      lastUse,
      lockEffects,
      metrics,
      clock,
      isDraining,
      tlsProblem,
      version,
      instance,
    }),
  };
}

/** Decides again on what is under way whenever a file changes, or time alone could change a decision. */
function followDecisions({ state, inFlight, lastUse, lockEffects, pools, log }: Ports): ExpiryTimer {
  const recheck = guarded(log, () => {
    lockEffects.follow(state.current.locks.value?.all ?? []);
    inFlight.recheck(({ lock }) => {
      if (lock !== null) lockEffects.cut(lock);
    });
  });
  const expiry = new ExpiryTimer(() => state.nextChangeMs(), recheck);
  let keyring = state.current.keyring.value;
  state.onChange(() => {
    recheck();
    expiry.arm();
    const registry = state.current.policy.value?.registry;
    if (registry !== undefined) pools.keep([...registry.values()].map(endpointOf));
    if (state.current.keyring.value === keyring) return;
    keyring = state.current.keyring.value;
    if (keyring !== null) lastUse.prune(keyring);
  });
  return expiry;
}

/** @throws AppError when there is no usable pair at the start */
async function openTls(
  { cert, key }: { readonly cert: string; readonly key: string },
  { log, clock = SYSTEM_CLOCK }: GatewayOptions,
  pollMs: number,
): Promise<TlsFiles> {
  const tls = new TlsFiles(cert, key, { log, clock, pollMs });
  try {
    await tls.ready;
    return tls;
  } catch (error) {
    tls.close();
    throw error;
  }
}

/** One call's body always finds room within its key's share. */
function useLimits(limits: GatewayLimits): UseLimits {
  const { maxBodyBytes, maxTotalBodyBytes, maxCallsPerSecond, ...counts } = limits;
  return {
    ...counts,
    callsPerSecond: maxCallsPerSecond,
    maxBodyBytes: maxTotalBodyBytes,
    maxBodyBytesPerKey: Math.max(maxTotalBodyBytes / KEY_SHARE, maxBodyBytes),
  };
}

/** Looks often enough that no backend is silent for much longer than it may, and forgets who is idle. */
function watchCalls({ inFlight, keyUses, silence, log }: Ports): NodeJS.Timeout {
  const everyMs = Math.min(1_000, silence.streamMs / 4, silence.otherMs / 4);
  const look = guarded(log, () => {
    inFlight.giveUpSilent();
    keyUses.forgetIdle();
  });
  return setInterval(look, everyMs).unref();
}

/** Open streams are ended at once, for they never end by themselves; calls may finish for `drainMs`. */
async function finishCalls(server: Server, inFlight: InFlight, drainMs: number): Promise<void> {
  // Not http's own close: that destroys connections whose answer was given to them and is not sent yet.
  NetServer.prototype.close.call(server);
  inFlight.cut(new Refusal("draining"), ({ isOpenEnded }) => isOpenEnded);
  const deadline = performance.now() + drainMs;
  while (inFlight.unfinished > 0 && performance.now() < deadline) await delay(10);
  inFlight.cut(new Refusal("draining"), () => true);
  // What was cut before its answer began is still told so.
  await delay(0);
}

/** Resolves when every request has its record, or soon. */
async function recorded(inFlight: InFlight): Promise<void> {
  const deadline = performance.now() + RECORD_MS;
  while (inFlight.unfinished > 0 && performance.now() < deadline) await delay(1);
}

async function stop(server: Server): Promise<void> {
  if (!server.listening && server.address() === null) {
    // Ends http's own timer, too.
    server.close();
    server.closeAllConnections();
    return;
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
