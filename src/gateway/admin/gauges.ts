import { keyState, type KeyState } from "../../lib/keys/keyring.ts";
import { counter, gauge, type Gauge } from "../metric-lines.ts";
import { ageSeconds } from "../state/loaded.ts";
import type { ReportPorts } from "./report-ports.ts";

/** How do things stand now? Counted when asked, at most once for each key and call under way. */
export function gaugesOf(ports: ReportPorts, isReady: boolean): readonly Gauge[] {
  return [...ownGauges(ports, isReady), ...sourceGauges(ports), ...loadedGauges(ports), ...auditGauges(ports)];
}

function ownGauges({ inFlight, version }: ReportPorts, isReady: boolean): readonly Gauge[] {
  return [
    gauge("mcpctl_build_info", "The running version.", [{ labels: { version }, value: 1 }]),
    gauge("mcpctl_ready", "1 while calls are decided, 0 while all are refused.", [{ value: isReady ? 1 : 0 }]),
    gauge("mcpctl_calls_in_flight", "Calls and streams under way.", [{ value: inFlight.size }]),
    gauge("mcpctl_open_streams", "Streams under way that end only when somebody leaves.", [
      { value: inFlight.streams },
    ]),
  ];
}

function sourceGauges({ state, clock }: ReportPorts): readonly Gauge[] {
  const monotonic = clock.monotonic();
  const labelled = state.sources.map(({ what, path, current }) => ({ labels: { what, path }, current }));
  const infos = labelled.flatMap(({ labels, current }) =>
    current.digest === null ? [] : [{ labels: { ...labels, sha256: current.digest }, value: 1 }],
  );
  const ages = labelled.flatMap(({ labels, current }) => {
    const value = ageSeconds(current, monotonic);
    return value === null ? [] : [{ labels, value }];
  });
  const problems = labelled.map(({ labels, current }) => ({ labels, value: current.problem === null ? 0 : 1 }));
  return [
    gauge("mcpctl_source_info", "The last good content of each followed file.", infos),
    gauge("mcpctl_source_age_seconds", "Age of what is loaded.", ages),
    gauge("mcpctl_source_problem", "1 while a file is broken, silent or missing.", problems),
  ];
}

/** What is loaded, in force or too old; what was never read, or is out of use, has no sample. */
function loadedGauges({ state, clock }: ReportPorts): readonly Gauge[] {
  const { keyring, policy, locks } = state.current;
  return [
    gauge("mcpctl_keys", "Known keys by state.", keyStates(keyring.value?.keys.values() ?? [], clock.now())),
    gauge("mcpctl_roles", "Roles of the role file.", known(policy.value?.roles.size)),
    gauge("mcpctl_backends", "Backends of the registry.", known(policy.value?.registry.size)),
    gauge("mcpctl_locks", "Locks of the denylist, ended ones too.", known(locks.value?.all.length)),
  ];
}

function auditGauges({ sink }: ReportPorts): readonly Gauge[] {
  const { writes, dropped } = sink.failures;
  return [
    counter("mcpctl_audit_failed_writes_total", "Audit writes that failed.", [{ value: writes }]),
    counter("mcpctl_audit_dropped_records_total", "Audit records lost for want of room.", [{ value: dropped }]),
    gauge("mcpctl_audit_waiting_bytes", "Bytes of audit records that wait to be written.", [
      { value: sink.waitingBytes },
    ]),
  ];
}

function known(value: number | undefined): Gauge["samples"] {
  return value === undefined ? [] : [{ value }];
}

function keyStates(keys: Iterable<Parameters<typeof keyState>[0]>, now: number): Gauge["samples"] {
  const counts: Record<KeyState, number> = { active: 0, superseded: 0, expired: 0, revoked: 0, unusable: 0 };
  for (const key of keys) counts[keyState(key, now)] += 1;
  return Object.entries(counts).map(([state, value]) => ({ labels: { state }, value }));
}
