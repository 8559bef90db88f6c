import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Report } from "../../../src/gateway/admin/report.ts";
import type { ReportPorts } from "../../../src/gateway/admin/report-ports.ts";
import { LockEffects } from "../../../src/gateway/lock-effects.ts";
import { LastUse } from "../../../src/gateway/last-use.ts";
import { Metrics } from "../../../src/gateway/metrics.ts";
import { NOTHING_LOADED, type Loaded } from "../../../src/gateway/state/loaded.ts";
import { NO_KEYS } from "../../../src/gateway/state/gateway-state.ts";
import { buildKeyring } from "../../../src/lib/keys/followed-keyring.ts";
import { mintKey } from "../../../src/lib/keys/key.ts";
import type { StoredEntry } from "../../../src/lib/keys/key-store.ts";
import { indexLocks } from "../../../src/lib/policy/locks.ts";
import { readRegistry } from "../../../src/lib/policy/registry.ts";
import { readRoles } from "../../../src/lib/policy/role-file.ts";
import { malformed } from "../../support/exposition.ts";
import { registryOf } from "../../support/gateway.ts";

const NOW = Date.parse("2026-11-20T09:00:00Z");
const keys = { used: mintKey(randomBytes), idle: mintKey(randomBytes), other: mintKey(randomBytes) };

const entry = (hash: string, user: string): StoredEntry => ({
  label: `dev.${hash}`,
  name: { role: "dev", hash, part: "record" },
  value: `dev/${user}`,
  version: null,
  changedAt: null,
});
const loaded = <T>(value: T): Loaded<T> => ({ value, staleAt: Infinity, freshAt: 0, digest: null, problem: null });

const keyring = buildKeyring([
  entry(keys.used.hash, "agent-01"),
  entry(keys.idle.hash, "agent-01"),
  entry(keys.other.hash, "agent-02"),
]);

const { roles } = readRoles("roles.yaml", Buffer.from("roleMapping:\n  dev: [eks-ro]\n  ops: [eks-ro]\n"));
const { registry } = readRegistry("backends.yaml", Buffer.from(registryOf({ "eks-ro": "http://a" })));

const ports: ReportPorts = {
  state: {
    current: {
      keyring: { ...NO_KEYS, ...loaded(keyring) },
      policy: loaded({ roles, registry }),
      locks: loaded(indexLocks([])),
      sessions: NOTHING_LOADED,
    },
    sources: [],
  },
  sink: { isFailing: false, isFull: false, failures: { writes: 2, dropped: 1 }, waitingBytes: 512 },
  inFlight: { size: 3, streams: 1 },
  metrics: new Metrics(),
  clock: { now: () => NOW, monotonic: () => 0 },
  lastUse: new LastUse(),
  lockEffects: new LockEffects(() => NOW),
  tlsProblem: () => null,
  isDraining: () => false,
  version: "0.0.0-test",
  instance: "gw-test",
};

const ask = (query: { key?: string; user?: string; role?: string }) => ({
  key: null,
  user: null,
  role: null,
  ...query,
});

describe("the state of keys that are asked about", () => {
  const lastUse = new LastUse();
  lastUse.accepted(keys.used.id, NOW - 60_000);
  lastUse.accepted(keys.used.id, NOW - 1_500);
  lastUse.accepted(keys.other.id, NOW);
  const report = new Report({ ...ports, lastUse });
  const used = { key_id: keys.used.id, at: "2026-11-20T08:59:58Z", count: 2 };
  const idle = { key_id: keys.idle.id, at: null, count: 0 };
  const other = { key_id: keys.other.id, at: "2026-11-20T09:00:00Z", count: 1 };

  it.each([
    ["one key", ask({ key: keys.used.id }), [used]],
    ["a user", ask({ user: "agent-01" }), [used, idle]],
    ["a role", ask({ role: "dev" }), [used, idle, other]],
    ["a user and another's key", ask({ user: "agent-01", key: keys.other.id }), []],
  ])("tells when each was used last: %s", (_what, query, uses) => {
    expect(report.state(query)["last_used"]).toEqual(uses);
  });

  it("is not told to who asks for nothing, so that the answer stays small", () => {
    expect(Object.keys(report.state(null))).toEqual(["version", "instance", "ready", "sources", "counts", "audit"]);
  });

  it("is not told while the keys are unknown", () => {
    const unknown = { ...ports.state, current: { ...ports.state.current, keyring: NO_KEYS } };
    const told = new Report({ ...ports, lastUse, state: unknown }).state(ask({ role: "dev" }));
    expect("last_used" in told).toBe(false);
  });
});

describe("the metrics of how things stand", () => {
  const valuesOf = (text: string): readonly string[] =>
    text.split("\n").filter((line) => /^(mcpctl_(?!source|keys|build)|process)/.test(line));

  it("tell every gauge, in a form that Prometheus takes", () => {
    const text = new Report(ports).metrics();
    expect(malformed(text)).toEqual([]);
    expect(valuesOf(text).filter((line) => line.startsWith("mcpctl_"))).toEqual([
      "mcpctl_ready 1",
      "mcpctl_calls_in_flight 3",
      "mcpctl_open_streams 1",
      "mcpctl_roles 2",
      "mcpctl_backends 1",
      "mcpctl_locks 0",
      "mcpctl_audit_failed_writes_total 2",
      "mcpctl_audit_dropped_records_total 1",
      "mcpctl_audit_waiting_bytes 512",
    ]);
  });

  it("leave out what is not known", () => {
    const current = {
      keyring: NO_KEYS,
      policy: NOTHING_LOADED,
      locks: NOTHING_LOADED,
      sessions: NOTHING_LOADED,
    };
    const text = new Report({ ...ports, state: { sources: [], current } }).metrics();
    expect(malformed(text)).toEqual([]);
    expect(valuesOf(text).filter((line) => line.startsWith("mcpctl_"))).toEqual([
      "mcpctl_ready 0",
      "mcpctl_calls_in_flight 3",
      "mcpctl_open_streams 1",
      "mcpctl_audit_failed_writes_total 2",
      "mcpctl_audit_dropped_records_total 1",
      "mcpctl_audit_waiting_bytes 512",
    ]);
  });

  it("tell what the process takes", () => {
    const numbers = valuesOf(new Report(ports).metrics())
      .map((line) => line.split(" "))
      .filter(([name]) => name?.startsWith("process_"))
      .map(([name, value]) => [name, Number(value) > 0]);
    expect(numbers.slice(0, 2)).toEqual([
      ["process_resident_memory_bytes", true],
      ["process_heap_bytes", true],
    ]);
    // Only some systems tell the number of descriptors.
    expect(numbers.slice(2).every(([name, isPositive]) => name === "process_open_fds" && isPositive)).toBe(true);
  });

  it("tell the digest of what each file held when it was last good", () => {
    const source = (problem: string | null) => ({
      what: "keys",
      path: "/a/keys.json",
      version: null,
      current: { ...loaded(null), digest: "ab".repeat(32), problem },
      ready: Promise.resolve(),
      close: () => undefined,
    });
    const sources = [source("is broken"), { ...source(null), what: "locks", current: NOTHING_LOADED }];
    const text = new Report({ ...ports, state: { ...ports.state, sources } }).metrics();
    expect(text.split("\n").filter((line) => line.startsWith("mcpctl_source"))).toEqual([
      `mcpctl_source_info{what="keys",path="/a/keys.json",sha256="${"ab".repeat(32)}"} 1`,
      'mcpctl_source_age_seconds{what="keys",path="/a/keys.json"} 0',
      'mcpctl_source_problem{what="keys",path="/a/keys.json"} 1',
      'mcpctl_source_problem{what="locks",path="/a/keys.json"} 1',
    ]);
  });
});
