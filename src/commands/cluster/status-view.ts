import { listSome } from "../../lib/list-some.ts";
import type { ChalkInstance } from "chalk";
import { buildKeyring } from "../../lib/keys/followed-keyring.ts";
import { isExpiring } from "../../lib/keys/key-filter.ts";
import { keyState, type KeyEntry, type Keyring, type KeyState } from "../../lib/keys/keyring.ts";
import { printable } from "../../lib/output/printable.ts";
import type { View } from "../../lib/output/view.ts";
import { locksInForce, type Lock } from "../../lib/policy/locks.ts";
import { formatTime } from "../../lib/time.ts";
import { keysLockedBy, mayGoAt } from "../lock/finish.ts";
import { lockData } from "../lock/list.ts";
import { sharedIds } from "../keys/load-keyring.ts";
import type { DenylistFound, Everything, Found, ReplicaFound, SecretFound } from "./status-gather.ts";
import { nameOfStore } from "./status-gather.ts";
import { sourceOf, type Judgement } from "./status-judge.ts";

export interface StatusSettings {
  /** Null where the role file cannot be used. */
  readonly roles: ReadonlySet<string> | null;
  readonly now: number;
  readonly expiringSeconds: number;
}

/** More names than anybody reads on one screen. */
const MOST_NAMED = 5;
const STATES: readonly KeyState[] = ["active", "superseded", "expired", "revoked", "unusable"];

export function statusView(everything: Everything, judgement: Judgement, settings: StatusSettings): View {
  const data = statusData(everything, judgement, settings);
  return { data, text: (paint) => draw(data, paint) };
}

function statusData(everything: Everything, { drift, away }: Judgement, settings: StatusSettings) {
  const { context, store, secrets, denylist, replicas, apiCalls } = everything;
  return {
    context: context.name,
    at: formatTime(settings.now),
    agrees: drift.length === 0 && away.length === 0,
    drift,
    not_looked_at: away,
    store: storeData(everything, settings),
    secrets: secrets?.map(secretData) ?? null,
    gateways: replicas.ok ? replicas.value.map(replicaData) : null,
    locks: denylist.ok
      ? locksData(denylist.value, store.ok ? buildKeyring(store.value.entries) : null, settings.now)
      : null,
    calls: { kubernetes: apiCalls, store: store.ok ? store.value.calls : null },
  };
}

/** The locks in force, and when a break-glass lock may go at the earliest, as far as the keys are known. */
function locksData(denylist: DenylistFound, keyring: Keyring | null, now: number) {
  const goesAt = (lock: Lock): string => formatTime(mayGoAt(lock, keyring === null ? [] : keysLockedBy(lock, keyring)));
  return locksInForce(denylist, now).map((lock) => ({
    ...lockData(lock),
    may_go_at: lock.revokes ? goesAt(lock) : null,
  }));
}

function storeData(everything: Everything, { roles, expiringSeconds }: StatusSettings) {
  const { store } = everything;
  const label = nameOfStore(everything);
  if (!store.ok)
    return { label, entries: null, keys: null, without_role: null, expiring: null, shared_ids: null, foreign: null };
  const { entries, now } = store.value;
  const keyring = buildKeyring(entries);
  const keys = [...keyring.keys.values()];
  const isLive = (key: KeyEntry): boolean => ["active", "superseded"].includes(keyState(key, now));
  return {
    label,
    entries: entries.length,
    keys: Object.fromEntries(STATES.map((state) => [state, keys.filter((key) => keyState(key, now) === state).length])),
    without_role:
      roles === null ? null : idsOf(keys.filter((key) => isLive(key) && !roles.has(key.subject?.role ?? ""))),
    expiring: idsOf(keys.filter((key) => isExpiring(key, now, expiringSeconds))),
    shared_ids: [...sharedIds(keyring)],
    foreign: keyring.foreign.map(({ label: name }) => name),
  };
}

function idsOf(keys: readonly KeyEntry[]): readonly string[] {
  return keys.map(({ keyId }) => keyId);
}

function secretData(found: Found<SecretFound>) {
  if (!found.ok)
    return {
      external_secret: null,
      secret: null,
      ready: null,
      refresh_time: null,
      synced: null,
      entries: null,
      bytes: null,
      sha256: null,
    };
  const { externalSecret, secret, isReady, refreshTime, contents } = found.value;
  const value = contents.ok ? contents.value : null;
  return {
    external_secret: externalSecret,
    secret,
    ready: isReady,
    refresh_time: refreshTime,
    synced: value?.synced ?? null,
    entries: value?.entries.length ?? null,
    bytes: value?.bytes ?? null,
    sha256: value?.sha256 ?? null,
  };
}

function replicaData({ name, isTerminating, state }: ReplicaFound) {
  const sources = state.ok ? state.value.sources : [];
  const digest = (what: string): string | null => sourceOf(sources, what)?.sha256 ?? null;
  return {
    name,
    terminating: isTerminating,
    version: state.ok ? state.value.version : null,
    ready: state.ok ? state.value.ready.length === 0 : null,
    keys: state.ok ? (state.value.counts["keys"] ?? null) : null,
    locks: state.ok ? (state.value.counts["locks"] ?? null) : null,
    open_streams: state.ok ? (state.value.counts["open_streams"] ?? null) : null,
    keys_age_seconds: sourceOf(sources, "keys")?.age_seconds ?? null,
    digests: { keys: digest("keys"), locks: digest("locks"), roles: digest("roles"), backends: digest("backends") },
  };
}

type StatusData = ReturnType<typeof statusData>;

/** One screen for people. */
function draw(data: StatusData, paint: ChalkInstance): string {
  const { store, secrets, gateways, locks, calls } = data;
  const problems = [...data.drift, ...data.not_looked_at.map((line) => `Not looked at: ${line}`)];
  const word = data.drift.length > 0 ? "drift" : "not everything was seen";
  const head = problems.length === 0 ? paint.green("all layers agree") : paint.red(word);
  // Everything may come from outside: a name must not move the cursor.
  const line = (label: string, text: string): string => `${paint.bold(label.padEnd(LABEL))}${printable(text)}`;
  /** What belongs to one thing, below each other. */
  const block = (label: string, texts: readonly string[]): readonly string[] =>
    texts.map((text, index) => line(index === 0 ? label : "", text));
  return [
    `${head}  ${printable(`context ${data.context}, ${data.at}`)}`,
    ...problems.map((problem) => `${paint.red("!")} ${printable(problem)}`),
    "",
    line("store", store.label),
    ...storeLines(store).map((text) => line("", text)),
    ...(secrets ?? [])
      .filter(({ external_secret: name }) => name !== null)
      .flatMap((secret) => block("secret", secretLines(secret))),
    ...(gateways ?? []).flatMap((gateway) => block("gateway", gatewayLines(gateway))),
    ...(locks ?? []).flatMap((lock) => block("lock", lockLines(lock))),
    ...(locks?.length === 0 ? [line("locks", "none")] : []),
    line("calls", `${calls.kubernetes ?? 0} of the API server, ${calls.store ?? 0} of AWS`),
  ].join("\n");
}

const LABEL = 10;

function storeLines(store: StatusData["store"]): readonly string[] {
  if (store.keys === null) return [];
  const counts = Object.entries(store.keys).filter(([, count]) => count > 0);
  return [
    `${counts.map(([state, count]) => `${count} ${state}`).join(", ") || "no keys"}; ${store.entries} entries`,
    ...named("live keys of roles that are gone", store.without_role),
    ...named("keys that end soon", store.expiring),
    ...named("ids that several keys share", store.shared_ids),
    ...named("things that are no keys", store.foreign),
  ];
}

function secretLines(secret: NonNullable<StatusData["secrets"]>[number]): readonly string[] {
  const { external_secret: name, ready, synced, entries, bytes, sha256 } = secret;
  const state = ready === true ? "synced" : "NOT synced";
  return [
    `${name ?? "-"}: ${state} ${synced ?? "-"}`,
    `${entries ?? "-"} entries, ${bytes ?? "-"} bytes, ${short(sha256)}`,
  ];
}

function gatewayLines(gateway: NonNullable<StatusData["gateways"]>[number]): readonly string[] {
  const { name, terminating, version, ready, keys, keys_age_seconds: age, locks, digests } = gateway;
  const who = `${name}${terminating ? " (ending)" : ""}`;
  if (version === null) return [`${who}: not looked at`];
  const state = ready === true ? "ready" : "NOT ready";
  const ago = age === null ? "-" : `${Math.round(age)} s`;
  return [
    `${who}: ${state}, version ${version}`,
    `${keys ?? "-"} keys ${short(digests.keys)}, ${ago} old; ${locks ?? "-"} locks ${short(digests.locks)}; roles ${short(digests.roles)}`,
  ];
}

function lockLines(lock: NonNullable<StatusData["locks"]>[number]): readonly string[] {
  const { id, target, value, by, at, until, may_go_at: mayGoAt } = lock;
  const end = until === null ? "" : ` until ${until}`;
  return [
    `${id}: ${target}${value === null ? "" : ` ${value}`}`,
    `by ${by} since ${at}${end}`,
    ...(mayGoAt === null ? [] : [`may go after ${mayGoAt}, by \`mcpctl lock remove\``]),
  ];
}

function named(what: string, names: readonly string[] | null): readonly string[] {
  if (names === null || names.length === 0) return [];
  return [`${names.length} ${what}: ${listSome(names, MOST_NAMED)}`];
}

function short(digest: string | null): string {
  return digest === null ? "-" : digest.slice(0, 12);
}
