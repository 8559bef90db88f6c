import type { Context } from "../../lib/config/config.ts";
import { proveEverywhere } from "../../lib/cluster/prove.ts";
import { AppError, clause } from "../../lib/errors.ts";
import { isRevocable, type KeyEntry, type Keyring } from "../../lib/keys/keyring.ts";
import type { KeyStore } from "../../lib/keys/key-store.ts";
import { isSelected, type KeySelector } from "../../lib/keys/select-keys.ts";
import type { Lock } from "../../lib/policy/locks.ts";
import { formatTime, parseTime } from "../../lib/time.ts";
import type { Enforcement } from "../../lib/cluster/enforcement.ts";
import { queryOf, refusesForGood, revocationChange } from "../../lib/cluster/revocation-change.ts";
import { runSync } from "../../lib/cluster/sync-run.ts";
import { loadKeyring } from "../keys/load-keyring.ts";
import { storeTime } from "../keys/store-time.ts";
import type { Ports } from "../ports.ts";

/** A stale read of SSM, or an older Secret, can come so long after the revocation; milliseconds. */
export const STANDS_FOR_MS = 10 * 60 * 1000;
/** Refreshes that must come out clean after that. */
const CLEAN_REFRESHES = 2;

/**
 * From when on may this break-glass lock go, at the earliest? Milliseconds since 1970. The time is counted from the last
 * revocation of a key that it is for, which may have come long after the lock.
 */
export function mayGoAt(lock: Lock, keys: Iterable<Pick<KeyEntry, "revokedAt">>): number {
  const times = Array.from(keys, ({ revokedAt }) => revokedAt ?? 0);
  return Math.max(parseTime(lock.at) ?? 0, ...times) + STANDS_FOR_MS;
}

/** The keys that this break-glass lock is for. */
export function keysLockedBy(lock: Lock, keyring: Keyring): readonly KeyEntry[] {
  const selector = selectorOf(lock);
  return [...keyring.keys.values()].filter((key) => isSelected(key, selector));
}

export function selectorOf({ target, value }: Pick<Lock, "target" | "value">): KeySelector {
  return {
    id: target === "key" ? value : null,
    user: target === "user" ? value : null,
    role: target === "role" ? value : null,
  };
}

export interface FinishOptions {
  readonly context: Context;
  readonly enforcement: Enforcement;
  readonly store: KeyStore;
  readonly timeoutMs: number;
  readonly ports: Ports;
}

/**
 * Why may this break-glass lock not go yet? Empty when it may: every key it is for is revoked in the store, ten minutes
 * have passed since, and two further refreshes carried that to every replica.
 */
export async function unfinished(lock: Lock, options: FinishOptions): Promise<readonly string[]> {
  const { store, ports } = options;
  const early = tooEarly(mayGoAt(lock, []), ports.now());
  if (early.length > 0) return early;
  const selector = selectorOf(lock);
  const keys = keysLockedBy(lock, await loadKeyring(store, ports, selector.role ?? undefined));
  const alive = keys.filter(isRevocable);
  if (alive.length > 0) return [`${alive.map(({ keyId }) => keyId).join(", ")} is not revoked in ${store.label}.`];
  const stillEarly = tooEarly(mayGoAt(lock, keys), storeTime(ports, store));
  if (stillEarly.length > 0) return stillEarly;
  return options.enforcement.cluster === null
    ? provenByGateways(selector, options)
    : provenByRefreshes(
        keys.map(({ hash }) => hash),
        selector,
        options,
      );
}

function tooEarly(goesAt: number, now: number): readonly string[] {
  return now < goesAt
    ? [`it stands until ${formatTime(goesAt)} at least, for a stale read could bring the key back.`]
    : [];
}

async function provenByRefreshes(
  hashes: readonly string[],
  selector: KeySelector,
  options: FinishOptions,
): Promise<readonly string[]> {
  for (let refresh = 1; refresh <= CLEAN_REFRESHES; refresh += 1) {
    const { problems } = await runSync({ ...options, change: revocationChange(hashes, selector) });
    if (problems.length > 0) return problems;
  }
  return [];
}

/** What is not proven of it where gateways read the store themselves. */
export async function provenByGateways(
  selector: KeySelector,
  { enforcement, timeoutMs, ports }: Pick<FinishOptions, "enforcement" | "timeoutMs" | "ports">,
): Promise<readonly string[]> {
  if (enforcement.findReplicas === null) return ["the context does not say where its gateways are (gateway.admin)."];
  try {
    const since = performance.now();
    const proofs = await proveEverywhere({
      find: enforcement.findReplicas,
      query: queryOf(selector),
      judge: refusesForGood,
      since,
      deadline: since + timeoutMs,
      signal: ports.signal,
      onProgress: (proven, all) => ports.progress(`${proven} of ${all} gateways refuse it for good`),
    });
    return proofs.flatMap(({ name, problem }) => (problem === null ? [] : [`${name}: ${problem}.`]));
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === "interrupted") throw error;
    return [`no gateway was asked: ${clause(error.message)}.`];
  } finally {
    ports.progress(null);
  }
}
