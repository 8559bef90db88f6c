import type { Reason } from "../../lib/audit/reasons.ts";
import { keyState } from "../../lib/keys/keyring.ts";
import type { AuditSink } from "../audit-sink.ts";
import type { InFlight } from "../in-flight.ts";
import type { Gauge, Metrics } from "../metrics.ts";
import type { Clock } from "../state/clock.ts";
import { usableKeyring, usableLocks, usablePolicy, type GatewayState } from "../state/gateway-state.ts";
import { ageSeconds, usable } from "../state/loaded.ts";
import type { Source } from "../state/source.ts";
import { judgeKeys, type KeyQuery } from "./subjects.ts";

export interface ReportPorts {
  readonly state: GatewayState;
  readonly sink: AuditSink;
  readonly inFlight: InFlight;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly isDraining: () => boolean;
  readonly version: string;
  readonly instance: string;
}

/** What the gateway says of itself on the admin listener. */
export class Report {
  readonly #ports: ReportPorts;

  constructor(ports: ReportPorts) {
    this.#ports = ports;
  }

  /** Why would every call be refused now? Empty when it would not. */
  unreadiness(): readonly Reason[] {
    const { state, clock, sink } = this.#ports;
    const snapshot = state.current;
    const reasons: Reason[] = [];
    if (this.#ports.isDraining()) reasons.push("draining");
    if (usableKeyring(snapshot, clock) === null) reasons.push("keys_unavailable");
    if (usablePolicy(snapshot, clock) === null) reasons.push("policy_unavailable");
    const locks = usableLocks(snapshot, clock);
    if (locks === null) reasons.push("locks_unavailable");
    else if (locks.all.some(({ target, until }) => target === "all" && (until === null || clock.now() < until)))
      reasons.push("all_locked");
    if (sink.isFailing) reasons.push("audit_unavailable");
    return reasons;
  }

  state(query: KeyQuery | null): Readonly<Record<string, unknown>> {
    const { state, clock, sink, inFlight, version, instance } = this.#ports;
    const snapshot = state.current;
    const keyring = usableKeyring(snapshot, clock);
    const policy = usablePolicy(snapshot, clock);
    const locks = usableLocks(snapshot, clock);
    return {
      version,
      instance,
      ready: this.unreadiness(),
      sources: state.sources.map((source) => this.#describe(source)),
      counts: {
        keys: keyring?.keys.size ?? null,
        foreign_entries: keyring?.foreign.length ?? null,
        roles: policy?.roles.size ?? null,
        backends: policy?.registry.size ?? null,
        locks: locks?.all.length ?? null,
        calls_in_flight: inFlight.size,
        open_streams: inFlight.streams,
      },
      audit: { failing: sink.isFailing, failed_writes: sink.failures.writes, dropped_records: sink.failures.dropped },
      ...(query === null
        ? {}
        : { query, keys: keyring === null ? null : judgeKeys(keyring, policy, locks, query, clock.now()) }),
    };
  }

  metrics(): string {
    return this.#ports.metrics.render(this.#gauges());
  }

  #describe(source: Source<unknown>): Readonly<Record<string, unknown>> {
    const monotonic = this.#ports.clock.monotonic();
    const { current } = source;
    return {
      what: source.what,
      path: source.path,
      usable: usable(current, monotonic) !== null,
      sha256: current.digest,
      age_seconds: ageSeconds(current, monotonic),
      problem: current.problem,
    };
  }

  #gauges(): readonly Gauge[] {
    const { state, sink, inFlight, clock, version } = this.#ports;
    const monotonic = clock.monotonic();
    const ages = state.sources.flatMap((source) => {
      const value = ageSeconds(source.current, monotonic);
      return value === null ? [] : [{ labels: { what: source.what, path: source.path }, value }];
    });
    const problems = state.sources.map((source) => ({
      labels: { what: source.what, path: source.path },
      value: source.current.problem === null ? 0 : 1,
    }));
    return [
      {
        name: "mcpctl_build_info",
        help: "The running version.",
        type: "gauge",
        samples: [{ labels: { version }, value: 1 }],
      },
      {
        name: "mcpctl_ready",
        help: "1 while calls are decided, 0 while all are refused.",
        type: "gauge",
        samples: [{ value: this.unreadiness().length === 0 ? 1 : 0 }],
      },
      {
        name: "mcpctl_calls_in_flight",
        help: "Calls and streams under way.",
        type: "gauge",
        samples: [{ value: inFlight.size }],
      },
      {
        name: "mcpctl_open_streams",
        help: "GET streams under way.",
        type: "gauge",
        samples: [{ value: inFlight.streams }],
      },
      { name: "mcpctl_source_age_seconds", help: "Age of what is loaded.", type: "gauge", samples: ages },
      {
        name: "mcpctl_source_problem",
        help: "1 while a file is broken, silent or missing.",
        type: "gauge",
        samples: problems,
      },
      { name: "mcpctl_keys", help: "Known keys by state.", type: "gauge", samples: this.#keyStates() },
      {
        name: "mcpctl_audit_failed_writes_total",
        help: "Audit writes that failed.",
        type: "counter",
        samples: [{ value: sink.failures.writes }],
      },
      {
        name: "mcpctl_audit_dropped_records_total",
        help: "Audit records lost for want of room.",
        type: "counter",
        samples: [{ value: sink.failures.dropped }],
      },
    ];
  }

  #keyStates(): Gauge["samples"] {
    const { state, clock } = this.#ports;
    const counts = new Map<string, number>([
      ["active", 0],
      ["superseded", 0],
      ["expired", 0],
      ["revoked", 0],
      ["unusable", 0],
    ]);
    for (const key of state.current.keyring.value?.keys.values() ?? []) {
      const name = keyState(key, clock.now());
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return [...counts].map(([name, value]) => ({ labels: { state: name }, value }));
  }
}
