import type { Reason } from "../../lib/audit/reasons.ts";
import { keyState } from "../../lib/keys/keyring.ts";
import type { AuditSink } from "../audit-sink.ts";
import type { InFlight } from "../in-flight.ts";
import type { Gauge, Metrics } from "../metrics.ts";
import type { Clock } from "../state/clock.ts";
import { usableKeyring, usableLocks, usablePolicy, type GatewayState } from "../state/gateway-state.ts";
import { ageSeconds, usable } from "../state/loaded.ts";
import { problemLine, type Source } from "../state/source.ts";
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
    if (sink.isFailing || sink.isFull) reasons.push("audit_unavailable");
    return reasons;
  }

  /** What is wrong with what is followed, one line each, and what to do about it; some of it may still be in force. */
  problems(): readonly string[] {
    return this.#ports.state.sources.flatMap((source) => {
      const { problem } = source.current;
      return problem === null ? [] : [problemLine(source, problem)];
    });
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
    return [...this.#ownGauges(), ...this.#sourceGauges(), ...this.#auditCounters()];
  }

  #ownGauges(): readonly Gauge[] {
    const { inFlight, version } = this.#ports;
    return [
      gauge("mcpctl_build_info", "The running version.", [{ labels: { version }, value: 1 }]),
      gauge("mcpctl_ready", "1 while calls are decided, 0 while all are refused.", [
        { value: this.unreadiness().length === 0 ? 1 : 0 },
      ]),
      gauge("mcpctl_calls_in_flight", "Calls and streams under way.", [{ value: inFlight.size }]),
      gauge("mcpctl_open_streams", "GET streams under way.", [{ value: inFlight.streams }]),
    ];
  }

  #sourceGauges(): readonly Gauge[] {
    const { state, clock } = this.#ports;
    const monotonic = clock.monotonic();
    const labelled = state.sources.map(({ what, path, current }) => ({ labels: { what, path }, current }));
    const ages = labelled.flatMap(({ labels, current }) => {
      const value = ageSeconds(current, monotonic);
      return value === null ? [] : [{ labels, value }];
    });
    const problems = labelled.map(({ labels, current }) => ({ labels, value: current.problem === null ? 0 : 1 }));
    return [
      gauge("mcpctl_source_age_seconds", "Age of what is loaded.", ages),
      gauge("mcpctl_source_problem", "1 while a file is broken, silent or missing.", problems),
      gauge("mcpctl_keys", "Known keys by state.", this.#keyStates()),
    ];
  }

  #auditCounters(): readonly Gauge[] {
    const { writes, dropped } = this.#ports.sink.failures;
    return [
      counter("mcpctl_audit_failed_writes_total", "Audit writes that failed.", writes),
      counter("mcpctl_audit_dropped_records_total", "Audit records lost for want of room.", dropped),
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

function gauge(name: string, help: string, samples: Gauge["samples"]): Gauge {
  return { name, help, type: "gauge", samples };
}

function counter(name: string, help: string, value: number): Gauge {
  return { name, help, type: "counter", samples: [{ value }] };
}
