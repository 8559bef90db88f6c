import type { Context } from "../../lib/config/config.ts";
import { readyCondition, type ExternalSecret } from "../../lib/cluster/external-secret.ts";
import { objectionsTo } from "../../lib/cluster/preflight.ts";
import { readKeySecret, type KeySecret } from "../../lib/cluster/secret-contents.ts";
import type { ReplicaState } from "../../lib/cluster/replica-state.ts";
import { AppError, clause } from "../../lib/errors.ts";
import type { StoredEntry } from "../../lib/keys/key-store.ts";
import { readFileBytesIfAnySync } from "../../lib/files/read-file.ts";
import { MAX_KEYS_JSON_BYTES } from "../../lib/stores/file-store.ts";
import { parseDenylist, type Denylist } from "../../lib/policy/locks.ts";
import { hash } from "node:crypto";
import { loadEntries } from "../keys/load-keyring.ts";
import { storeTime } from "../keys/store-time.ts";
import { storeLabel } from "../lock/where.ts";
import type { Ports } from "../ports.ts";
import type { Enforcement, SecretPair } from "../../lib/cluster/enforcement.ts";
import { openEnforcement } from "./open-enforcement.ts";

/** What was found, or why it could not be looked at. */
export type Found<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

export interface StoreFound {
  readonly label: string;
  readonly entries: readonly StoredEntry[];
  /** Milliseconds since 1970, by the store's clock. */
  readonly now: number;
  readonly calls: number | null;
  /** Of the embedded store's file, which gateways read themselves; null for any other store. */
  readonly sha256: string | null;
}

export interface SecretFound extends SecretPair {
  readonly isReady: boolean;
  readonly message: string;
  readonly refreshTime: string | null;
  readonly objections: readonly string[];
  readonly contents: Found<KeySecret>;
}

export interface DenylistFound extends Denylist {
  readonly label: string;
  readonly sha256: string;
}

export interface ReplicaFound {
  readonly name: string;
  readonly isTerminating: boolean;
  readonly state: Found<ReplicaState>;
}

/** Everything between a key's making and its use, as it stands now; each part by itself. */
export interface Everything {
  readonly context: Context;
  readonly store: Found<StoreFound>;
  /** Null in a context without a cluster. */
  readonly secrets: readonly Found<SecretFound>[] | null;
  readonly denylist: Found<DenylistFound>;
  readonly replicas: Found<readonly ReplicaFound[]>;
  readonly apiCalls: number | null;
}

/** Looks at every layer at once; one that is away is told, and the others are looked at all the same. */
export async function gather(context: Context, ports: Ports): Promise<Everything> {
  const opened = await found(() => openEnforcement(context, ports));
  const verified = opened.ok ? await found(() => opened.value.verify()) : opened;
  const enforcement = opened.ok && verified.ok ? opened.value : null;
  const away = { ok: false as const, problem: verified.ok ? "" : verified.problem };
  try {
    const [store, secrets, denylist, replicas] = await Promise.all([
      found(() => lookAtStore(context, ports)),
      context.kubernetes === null ? null : enforcement === null ? [away] : lookAtSecrets(context, enforcement),
      enforcement === null ? away : found(() => lookAtDenylist(enforcement)),
      enforcement === null ? away : found(() => lookAtReplicas(enforcement)),
    ]);
    return { context, store, secrets, denylist, replicas, apiCalls: enforcement?.cluster?.api.calls ?? null };
  } finally {
    if (opened.ok) opened.value.close();
  }
}

async function lookAtStore(context: Context, ports: Ports): Promise<StoreFound> {
  const store = await ports.store();
  const entries = await loadEntries(store, ports);
  const { type, path } = context.store;
  const bytes = type === "file" ? readFileBytesIfAnySync(path, "the key store", MAX_KEYS_JSON_BYTES) : null;
  const sha256 = bytes === null ? null : hash("sha256", bytes);
  return { label: store.label, entries, now: storeTime(ports, store), calls: store.calls, sha256 };
}

function lookAtSecrets(context: Context, { cluster }: Enforcement): Promise<readonly Found<SecretFound>[]> {
  return Promise.all(
    (cluster?.pairs ?? []).map((pair) =>
      found(() => lookAtSecret(context, cluster as NonNullable<typeof cluster>, pair)),
    ),
  );
}

async function lookAtSecret(
  { store }: Context,
  { api, config }: NonNullable<Enforcement["cluster"]>,
  pair: SecretPair,
): Promise<SecretFound> {
  const { namespace } = config;
  const [secret, contents] = await Promise.all([
    api.send<ExternalSecret>({ verb: "get", resource: "externalsecrets", namespace, name: pair.externalSecret }),
    found(() => readKeySecret(api, namespace, pair.secret)),
  ]);
  const ready = readyCondition(secret.status?.conditions);
  const expected = store.type === "ssm" ? { path: store.path, region: store.region, secret: pair.secret } : null;
  return {
    ...pair,
    isReady: ready?.status === "True",
    message: ready?.message ?? "it was never synced",
    refreshTime: secret.status?.refreshTime ?? null,
    objections:
      expected === null ? [] : objectionsTo(secret, expected).map(({ problem, mend }) => `${problem}. ${mend}`),
    contents,
  };
}

async function lookAtDenylist({ denylist }: Enforcement): Promise<DenylistFound> {
  if (denylist === null)
    throw new AppError("invalid", "denylist_not_named", "the context names no denylist (kubernetes.denylist)");
  const text = await denylist.read();
  if (text === null)
    throw new AppError(
      "not-found",
      "denylist_missing",
      `${denylist.label} does not exist; \`mcpctl lock init\` makes it`,
    );
  return { label: denylist.label, sha256: hash("sha256", text), ...parseDenylist(text, denylist.label) };
}

async function lookAtReplicas({ findReplicas }: Enforcement): Promise<readonly ReplicaFound[]> {
  if (findReplicas === null)
    throw new AppError(
      "invalid",
      "gateways_not_named",
      "the context does not say where its gateways are (kubernetes.gateway.service, or gateway.admin)",
    );
  const replicas = await findReplicas();
  return Promise.all(
    replicas.map(async ({ name, isTerminating, ask }) => ({ name, isTerminating, state: await found(() => ask({})) })),
  );
}

async function found<T>(look: () => Promise<T>): Promise<Found<T>> {
  try {
    return { ok: true, value: await look() };
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === "interrupted") throw error;
    return { ok: false, problem: clause(error.message) };
  }
}

/** The store as it is called where it cannot be asked. */
export function nameOfStore({ context, store }: Pick<Everything, "context" | "store">): string {
  return store.ok ? store.value.label : storeLabel(context);
}
