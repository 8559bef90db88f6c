import type { Reason } from "../../lib/audit/reasons.ts";
import { isAnyFolderUsable, isKeySilent, usableKeyring, usableLocks, usablePolicy } from "../state/gateway-state.ts";
import type { Locks } from "../../lib/policy/locks.ts";
import { ageSeconds, usable } from "../state/loaded.ts";
import { problemLine, type Source } from "../state/source.ts";
import { gaugesOf } from "./gauges.ts";
import { processGauges } from "./process-gauges.ts";
import type { ReportPorts } from "./report-ports.ts";
import { judgeKeys, lastUses, type KeyQuery } from "./subjects.ts";

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
    if (usableKeyring(snapshot, clock) === null || !isAnyFolderUsable(snapshot, clock))
      reasons.push("keys_unavailable");
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
    const { state, clock, tlsProblem } = this.#ports;
    const problems = state.sources.map((source) => {
      const isStale = source.current.value !== null && usable(source.current, clock.monotonic()) === null;
      const problem =
        source.current.problem ?? (isStale ? "is older than the limit (--max-age), and out of use" : null);
      return problem === null ? null : problemLine(source, problem);
    });
    return [...problems, tlsProblem()].filter((problem) => problem !== null);
  }

  /** `lock` is the id of a lock that is asked about. */
  state(query: KeyQuery | null, lock: string | null = null): Readonly<Record<string, unknown>> {
    const { state, clock, sink, inFlight, lastUse, version, instance } = this.#ports;
    const snapshot = state.current;
    const keyring = usableKeyring(snapshot, clock);
    const policy = usablePolicy(snapshot, clock);
    const locks = usableLocks(snapshot, clock);
    const isSilent = (hash: string): boolean => isKeySilent(snapshot, hash, clock);
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
      ...(lock === null ? {} : { lock: this.#lock(lock, locks) }),
      ...(query === null
        ? {}
        : {
            query,
            keys: keyring === null ? null : judgeKeys({ keyring, policy, locks, isSilent }, query, clock.now()),
          }),
      ...(query === null || keyring === null ? {} : { last_used: lastUses(keyring, lastUse, query) }),
    };
  }

  /** Does this lock hold here, since when, and what has it done? */
  #lock(id: string, locks: Locks | null): Readonly<Record<string, unknown>> {
    const effect = this.#ports.lockEffects.of(id);
    const time = (at: number | null | undefined): string | null => (at == null ? null : new Date(at).toISOString());
    const now = this.#ports.clock.now();
    return {
      id,
      in_force: locks?.all.some((lock) => lock.id === id && (lock.until === null || now < lock.until)) ?? false,
      since: time(effect?.since),
      refused_calls: effect?.refusedCalls ?? 0,
      first_refused_at: time(effect?.firstRefusedAt),
      cut_calls: effect?.cutCalls ?? 0,
    };
  }

  metrics(): string {
    const isReady = this.unreadiness().length === 0;
    return this.#ports.metrics.render([...gaugesOf(this.#ports, isReady), ...processGauges()]);
  }

  #describe(source: Source<unknown>): Readonly<Record<string, unknown>> {
    const monotonic = this.#ports.clock.monotonic();
    const { current } = source;
    return {
      what: source.what,
      path: source.path,
      usable: usable(current, monotonic) !== null,
      sha256: current.digest,
      resource_version: source.version,
      age_seconds: ageSeconds(current, monotonic),
      problem: current.problem,
    };
  }
}
