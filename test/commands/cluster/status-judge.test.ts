import { describe, expect, it } from "vitest";
import type { Everything, Found, SecretFound, ReplicaFound } from "../../../src/commands/cluster/status-gather.ts";
import { judge } from "../../../src/commands/cluster/status-judge.ts";
import { statusView } from "../../../src/commands/cluster/status-view.ts";
import type { ReplicaSource, ReplicaState } from "../../../src/lib/cluster/replica-state.ts";
import type { StoredEntry } from "../../../src/lib/keys/key-store.ts";
import { formatEntryName, type EntryName } from "../../../src/lib/keys/record.ts";
import type { Lock } from "../../../src/lib/policy/locks.ts";
import { Chalk } from "chalk";

const NOW = Date.parse("2026-11-20T10:00:00Z");
const [KEYS, LOCKS, ROLES] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [string, string, string];

const entry = (digit: string, value = "dev/agent", part: EntryName["part"] = "record"): StoredEntry => {
  const name: EntryName = { role: "dev", hash: digit.repeat(64), part };
  return { label: formatEntryName(name, "/"), name, value, version: 1, changedAt: null };
};
const source = (what: string, sha256: string | null, more: Partial<ReplicaSource> = {}): ReplicaSource => ({
  what,
  path: `${what}.json`,
  usable: true,
  sha256,
  resource_version: null,
  age_seconds: 1,
  problem: null,
  ...more,
});
const SOURCES = [source("keys", KEYS), source("locks", LOCKS), source("roles", ROLES), source("backends", ROLES)];
const state = (more: Partial<ReplicaState> = {}): ReplicaState => ({
  version: "1.0.0",
  instance: "gw",
  ready: [],
  sources: SOURCES,
  counts: { keys: 1, locks: 0, open_streams: 0 },
  keys: null,
  lock: null,
  ...more,
});
const replica = (name: string, more: Partial<ReplicaState> = {}): ReplicaFound => ({
  name,
  isTerminating: false,
  state: { ok: true, value: state(more) },
});
const contents = (more: object = {}) => ({
  ok: true as const,
  value: {
    name: "s",
    resourceVersion: "1",
    sha256: KEYS,
    bytes: 10,
    entries: [entry("1")],
    synced: "2026-11-20T09:59:30Z",
    ...more,
  },
});
const secret = (more: Partial<SecretFound> = {}): Found<SecretFound> => ({
  ok: true,
  value: {
    externalSecret: "es",
    secret: "s",
    isReady: true,
    message: "",
    refreshTime: null,
    objections: [],
    contents: contents(),
    ...more,
  },
});
const everything = (more: Partial<Everything> = {}): Everything => ({
  context: {
    name: "prod",
    store: { type: "file", path: "keys.json", denylist: "denylist.json" },
    kubernetes: null,
    gateway: { url: "http://x", admin: [] },
  },
  store: { ok: true, value: { label: "ssm /k", entries: [entry("1")], now: NOW, calls: 1, sha256: null } },
  secrets: [secret()],
  denylist: { ok: true, value: { label: "d", sha256: LOCKS, locks: [], removed: new Set() } },
  replicas: { ok: true, value: [replica("gw-1"), replica("gw-2")] },
  apiCalls: 5,
  ...more,
});
const away = { ok: false as const, problem: "it is away" };
const replicas = (...value: readonly ReplicaFound[]): Partial<Everything> => ({ replicas: { ok: true, value } });
const storeOf = (...entries: readonly StoredEntry[]): Partial<Everything> => ({
  store: { ok: true, value: { label: "ssm /k", entries, now: NOW, calls: 1, sha256: null } },
});
const changed = (what: string, more: Partial<ReplicaSource>): Partial<ReplicaState> => ({
  sources: SOURCES.map((one) => (one.what === what ? { ...one, ...more } : one)),
});

describe("what is between the layers", () => {
  it.each<[string, Partial<Everything>]>([
    ["when all say the same", {}],
    ["in a context without a cluster", { secrets: null }],
    ["when a gateway is being ended and agrees", replicas({ ...replica("gw-1"), isTerminating: true })],
    ["when a stranger's parameter is in the store", storeOf(entry("1"), { ...entry("2"), name: null })],
    [
      "when the operator was last there five minutes ago",
      {
        secrets: [secret({ contents: contents({ synced: "2026-11-20T09:55:00Z" }) })],
      },
    ],
    [
      "when a gateway follows several Secrets",
      {
        secrets: [secret(), secret({ contents: contents({ sha256: ROLES, entries: [] }) })],
        ...replicas(replica("gw-1", { sources: [...SOURCES, source("keys", ROLES)] })),
      },
    ],
  ])("is nothing %s", (_what, more) => {
    expect(judge(everything(more), NOW)).toEqual({ drift: [], away: [] });
  });

  it.each<[string, Partial<Everything>, string]>([
    [
      "an ExternalSecret that is not synced",
      { secrets: [secret({ isReady: false, message: "no store" })] },
      "ExternalSecret es is not synced: no store.",
    ],
    [
      "one that must not be trusted",
      { secrets: [secret({ objections: ["it is owned. Mend it."] })] },
      "ExternalSecret es: it is owned. Mend it.",
    ],
    [
      "a Secret without `synced`",
      { secrets: [secret({ contents: contents({ synced: null }) })] },
      "Secret s does not say when it was synced.",
    ],
    [
      "a `synced` that is no time",
      { secrets: [secret({ contents: contents({ synced: "\u001b[2J" }) })] },
      "Secret s does not say when it was synced.",
    ],
    [
      "an operator that has stopped",
      { secrets: [secret({ contents: contents({ synced: "2026-11-20T09:54:59Z" }) })] },
      "Secret s was synced 301 s ago: External Secrets has stopped, and gateways will refuse every key.",
    ],
    [
      "an entry that the Secret lacks",
      storeOf(entry("1"), entry("1", "at=x", "revoked")),
      `1 entries of the store are not in the Secret (dev.${"1".repeat(64)}.revoked).`,
    ],
    [
      "an entry that the store lacks",
      storeOf(),
      `1 entries of the Secret are not in the store (dev.${"1".repeat(64)}).`,
    ],
    ["an entry that is another", storeOf(entry("1", "dev/other")), `1 entries differ (dev.${"1".repeat(64)}).`],
    ["no gateway", replicas(), "No gateway is there."],
    [
      "a gateway that refuses every call",
      replicas(replica("gw-1", { ready: ["audit_unavailable"] })),
      "gw-1 refuses every call: audit_unavailable.",
    ],
    [
      "a gateway with a problem",
      replicas(replica("gw-1", changed("locks", { problem: "2 locks vanished" }))),
      "gw-1: locks: 2 locks vanished.",
    ],
    [
      "a gateway with an older Secret",
      replicas(replica("gw-1", changed("keys", { sha256: ROLES }))),
      "gw-1 has not read Secret s as it stands.",
    ],
    [
      "a gateway with an older denylist",
      replicas(replica("gw-1", changed("locks", { sha256: null }))),
      "gw-1 has not read the denylist as it stands.",
    ],
    [
      "gateways with other roles",
      replicas(replica("gw-1"), replica("gw-2", changed("roles", { sha256: KEYS }))),
      "The gateways do not enforce the same roles and backends: gw-1 / gw-2.",
    ],
    [
      "gateways with other backends",
      replicas(replica("gw-1"), replica("gw-2", changed("backends", { sha256: KEYS })), replica("gw-3")),
      "The gateways do not enforce the same roles and backends: gw-1, gw-3 / gw-2.",
    ],
  ])("is drift: %s", (_what, more, drift) => {
    expect(judge(everything(more), NOW)).toEqual({ drift: [drift], away: [] });
  });

  it.each<[string, Partial<Everything>, string]>([
    ["the store", { store: away }, "store: it is away."],
    ["an ExternalSecret", { secrets: [away] }, "ExternalSecret: it is away."],
    ["a Secret", { secrets: [secret({ contents: away })] }, "Secret: it is away."],
    ["the denylist", { denylist: away }, "denylist: it is away."],
    ["the gateways", { replicas: away }, "gateways: it is away."],
  ])("is not known, and is no drift, when %s cannot be looked at", (_what, more, line) => {
    expect(judge(everything(more), NOW)).toEqual({ drift: [], away: [line] });
  });
});

describe("the screen", () => {
  const settings = { roles: new Set(["dev"]), now: NOW, expiringSeconds: 86_400 };
  const draw = (shown: Everything): string =>
    statusView(shown, judge(shown, NOW), settings).text?.(new Chalk({ level: 0 })) ?? "";
  const lock = (more: Partial<Lock> = {}): Lock => ({
    id: "lock_a",
    target: "user",
    value: "agent",
    reason: "why",
    tell: false,
    by: "alice",
    at: "2026-11-20T09:00:00Z",
    until: null,
    revokes: true,
    ...more,
  });
  const locked = (...locks: readonly Lock[]): Partial<Everything> => ({
    denylist: { ok: true, value: { label: "d", sha256: LOCKS, locks, removed: new Set(["lock_gone"]) } },
  });

  it("says that all layers agree", () => {
    expect(draw(everything())).toBe(
      [
        "all layers agree  context prod, 2026-11-20T10:00:00Z",
        "",
        "store     ssm /k",
        "          1 active; 1 entries",
        "secret    es: synced 2026-11-20T09:59:30Z",
        "          1 entries, 10 bytes, aaaaaaaaaaaa",
        "gateway   gw-1: ready, version 1.0.0",
        "          1 keys aaaaaaaaaaaa, 1 s old; 0 locks bbbbbbbbbbbb; roles cccccccccccc",
        "gateway   gw-2: ready, version 1.0.0",
        "          1 keys aaaaaaaaaaaa, 1 s old; 0 locks bbbbbbbbbbbb; roles cccccccccccc",
        "locks     none",
        "calls     5 of the API server, 1 of AWS",
      ].join("\n"),
    );
  });

  it.each<[string, readonly StoredEntry[], string]>([
    ["ten minutes after the lock, where nothing is revoked", [entry("1", "dev/agent")], "2026-11-20T09:10:00Z"],
    [
      "ten minutes after the last revocation",
      [entry("1", "dev/agent"), entry("1", "at=2026-11-20T09:30:00Z", "revoked")],
      "2026-11-20T09:40:00Z",
    ],
    [
      "whatever was revoked of somebody else",
      [entry("1", "dev/other"), entry("1", "at=2026-11-20T09:30:00Z", "revoked")],
      "2026-11-20T09:10:00Z",
    ],
  ])("says when a break-glass lock may go: %s", (_what, entries, time) => {
    expect(draw(everything({ ...storeOf(...entries), ...locked(lock()) }))).toContain(
      `lock      lock_a: user agent\n          by alice since 2026-11-20T09:00:00Z\n          may go after ${time}, by \`mcpctl lock remove\`\n`,
    );
  });

  it("shows no lock that ended or was removed", () => {
    const shown = everything(locked(lock({ id: "lock_gone" }), lock({ id: "lock_ended", until: NOW })));
    expect(draw(shown)).toContain("locks     none\n");
  });

  it("shows nothing that could steer a terminal, wherever it comes from", () => {
    const bad = "\u001b]0;x\u0007\u202e\n";
    const shown = everything({
      ...locked(lock({ by: bad, reason: bad })),
      secrets: [secret({ isReady: false, message: bad, objections: [bad], externalSecret: bad, secret: bad })],
      replicas: {
        ok: true,
        value: [{ ...replica(bad, { version: bad, ready: [bad], ...changed("keys", { problem: bad }) }) }],
      },
      store: {
        ok: true,
        value: { label: bad, entries: [{ ...entry("1"), name: null, label: bad }], now: NOW, calls: 1, sha256: null },
      },
    });
    // What is left are the lines that the screen itself has.
    expect(draw(shown)).not.toMatch(/[\u001b\u0007\u202e]/);
    expect(
      draw(shown)
        .split("\n")
        .filter((line) => line.startsWith("gateway")),
    ).toHaveLength(1);
  });
});
