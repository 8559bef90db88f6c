import { compareWithStore, hasDrift } from "../../lib/cluster/secret-contents.ts";
import type { ReplicaSource, ReplicaState } from "../../lib/cluster/replica-state.ts";
import { parseTime } from "../../lib/time.ts";
import { describeDrift } from "./sync.ts";
import type { Everything, Found, SecretFound } from "./status-gather.ts";

export interface Judgement {
  /** Where layers say different things, or one does not do its work; each ends with exit code 1. */
  readonly drift: readonly string[];
  /** What could not be looked at. */
  readonly away: readonly string[];
}

/** A `synced` that is older than this, in seconds, means that External Secrets does not refresh: it should every minute. */
const MAX_SYNCED_SECONDS = 300;

/** What is wrong between the layers? `now` is this machine's time. */
export function judge(everything: Everything, now: number): Judgement {
  const { store, secrets, denylist, replicas } = everything;
  const away = [
    ...(store.ok ? [] : [`store: ${store.problem}.`]),
    ...(secrets ?? []).flatMap((secret) =>
      secret.ok ? problemOf("Secret", secret.value.contents) : [`ExternalSecret: ${secret.problem}.`],
    ),
    ...problemOf("denylist", denylist),
    ...problemOf("gateways", replicas),
    ...(replicas.ok ? replicas.value.flatMap(({ state }) => (state.ok ? [] : [`${state.problem}.`])) : []),
  ];
  const found = (secrets ?? []).flatMap((secret) => (secret.ok ? [secret.value] : []));
  return {
    away: [...new Set(away)],
    drift: [
      ...found.flatMap((secret) => secretDrift(secret, now)),
      ...storeDrift(everything, found),
      ...replicaDrift(everything, found),
    ],
  };
}

function problemOf(what: string, layer: Found<unknown>): readonly string[] {
  return layer.ok ? [] : [`${what}: ${layer.problem}.`];
}

function secretDrift(
  { externalSecret, secret, isReady, message, objections, contents }: SecretFound,
  now: number,
): readonly string[] {
  const syncedAt = contents.ok ? parseTime(contents.value.synced ?? "") : null;
  const age = syncedAt === null ? null : Math.round((now - syncedAt) / 1000);
  return [
    ...(isReady ? [] : [`ExternalSecret ${externalSecret} is not synced: ${message}.`]),
    ...objections.map((objection) => `ExternalSecret ${externalSecret}: ${objection}`),
    ...(contents.ok && age === null ? [`Secret ${secret} does not say when it was synced.`] : []),
    ...(age !== null && age > MAX_SYNCED_SECONDS
      ? [`Secret ${secret} was synced ${age} s ago: External Secrets has stopped, and gateways will refuse every key.`]
      : []),
  ];
}

function storeDrift({ store }: Everything, secrets: readonly SecretFound[]): readonly string[] {
  const contents = secrets.map((secret) => secret.contents);
  if (!store.ok || contents.length === 0 || contents.some(({ ok }) => !ok)) return [];
  const drift = compareWithStore(
    store.value.entries,
    contents.flatMap((one) => (one.ok ? one.value.entries : [])),
  );
  return hasDrift(drift) ? [`${describeDrift(drift)}.`] : [];
}

/** What every replica must have read: each Secret, or the embedded store's file. */
function keysToRead({ store }: Everything, secrets: readonly SecretFound[]) {
  const file = store.ok && store.value.sha256 !== null ? [{ what: store.value.label, sha256: store.value.sha256 }] : [];
  const read = secrets.flatMap(({ secret, contents }) =>
    contents.ok ? [{ what: `Secret ${secret}`, sha256: contents.value.sha256 }] : [],
  );
  return [...file, ...read];
}

function replicaDrift(everything: Everything, secrets: readonly SecretFound[]): readonly string[] {
  const { replicas, denylist } = everything;
  if (!replicas.ok) return [];
  if (replicas.value.length === 0) return ["No gateway is there."];
  const digests = keysToRead(everything, secrets);
  const policies = new Map<string, string[]>();
  const lines = replicas.value.flatMap(({ name, state }) => {
    if (!state.ok) return [];
    const roles = `${digestOf(state.value, "roles")} ${digestOf(state.value, "backends")}`;
    policies.set(roles, [...(policies.get(roles) ?? []), name]);
    return [
      ...state.value.ready.map((reason) => `${name} refuses every call: ${reason}.`),
      ...state.value.sources.flatMap(({ what, problem }) =>
        problem === null ? [] : [`${name}: ${what}: ${problem}.`],
      ),
      ...digests.flatMap(({ what, sha256 }) =>
        state.value.sources.some((source) => source.what === "keys" && source.sha256 === sha256)
          ? []
          : [`${name} has not read ${what} as it stands.`],
      ),
      ...(denylist.ok && digestOf(state.value, "locks") !== denylist.value.sha256
        ? [`${name} has not read the denylist as it stands.`]
        : []),
    ];
  });
  if (policies.size > 1)
    lines.push(
      `The gateways do not enforce the same roles and backends: ${[...policies.values()].map((names) => names.join(", ")).join(" / ")}.`,
    );
  return lines;
}

/** SHA-256 of what a replica has read of this kind; of several the first. */
export function digestOf({ sources }: Pick<ReplicaState, "sources">, what: string): string {
  return sourceOf(sources, what)?.sha256 ?? "-";
}

export function sourceOf(sources: readonly ReplicaSource[], what: string): ReplicaSource | null {
  return sources.find((source) => source.what === what) ?? null;
}
