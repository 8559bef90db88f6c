import type { Context } from "../../lib/config/config.ts";
import { proveEverywhere } from "../../lib/cluster/prove.ts";
import { AppError, clause } from "../../lib/errors.ts";
import { isRevocable } from "../../lib/keys/keyring.ts";
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

/** From when on may this break-glass lock go, at the earliest? Milliseconds since 1970. */
export function mayGoAt({ at }: Lock): number {
  return (parseTime(at) ?? 0) + STANDS_FOR_MS;
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
 * have passed since the lock and the last revocation, and two further refreshes carried that to every replica.
 */
export async function unfinished(lock: Lock, options: FinishOptions): Promise<readonly string[]> {
  const { store, ports } = options;
  const locked = standsUntil(mayGoAt(lock), ports.now());
  if (locked.length > 0) return locked;
  const selector = selectorOf(lock);
  const keyring = await loadKeyring(store, ports, selector.role ?? undefined);
  const keys = [...keyring.keys.values()].filter((key) => isSelected(key, selector));
  const alive = keys.filter(isRevocable);
  if (alive.length > 0) return [`${alive.map(({ keyId }) => keyId).join(", ")} is not revoked in ${store.label}.`];
  // The store may have been away for long after the lock, and this machine's clock, or that of whoever locked, be off.
  const revokedAt = Math.max(mayGoAt(lock) - STANDS_FOR_MS, ...keys.map(({ revokedAt: at }) => at ?? 0));
  const revoked = standsUntil(revokedAt + STANDS_FOR_MS, storeTime(ports, store));
  if (revoked.length > 0) return revoked;
  return options.enforcement.cluster === null
    ? provenByGateways(selector, options)
    : provenByRefreshes(
        keys.map(({ hash }) => hash),
        selector,
        options,
      );
}

function standsUntil(goesAt: number, now: number): readonly string[] {
  if (now >= goesAt) return [];
  return [`it stands until ${formatTime(goesAt)} at least, for a stale read could bring the key back.`];
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
