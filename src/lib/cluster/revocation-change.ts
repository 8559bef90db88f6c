import type { ReplicaQuery, ReplicaState } from "./replica-state.ts";
import { buildKeyring } from "../keys/followed-keyring.ts";
import { isSelected, type KeySelector } from "../keys/select-keys.ts";
import type { Change } from "./sync-run.ts";

/** Refusals that end with their lock. */
const LOCK_REASONS: ReadonlySet<string> = new Set(["key_locked", "user_locked", "role_locked", "all_locked"]);
/** Refusals by what is known of the key itself. Any other ends when the gateway is mended. */
const KEY_REASONS: ReadonlySet<string> = new Set(["key_revoked", "key_expired", "key_unknown", "key_unusable"]);

/**
 * That these keys are revoked wherever it matters: the Secrets hold their revocations and no living key that the selector
 * means (one that a stale listing left out is not missed), and no replica would accept one, were there no locks.
 */
export function revocationChange(hashes: readonly string[], selector: KeySelector): Change {
  return {
    lacking: async (entries) => {
      const { keys } = buildKeyring(entries);
      const unrevoked = hashes.filter((hash) => keys.get(hash)?.isRevoked !== true);
      if (unrevoked.length > 0)
        return `the Secret does not show the revocation of ${unrevoked.length} of ${hashes.length} keys yet.`;
      const alive = [...keys.values()].filter((key) => isSelected(key, selector) && !key.isRevoked);
      return alive.length === 0
        ? null
        : `the Secret holds a living key: ${alive.map(({ keyId }) => keyId).join(", ")}.`;
    },
    query: queryOf(selector),
    judge: refusesForGood,
  };
}

/** What replicas are asked about these keys. */
export function queryOf({ id, user, role }: KeySelector): ReplicaQuery {
  return {
    ...(id === null ? {} : { key: id }),
    ...(user === null ? {} : { user }),
    ...(role === null ? {} : { role }),
  };
}

/** What is wrong, where the keys asked about are not all refused by themselves; null when they are. */
export function refusesForGood({ keys }: ReplicaState): string | null {
  if (keys === null) return "has its keys out of use, so that it cannot tell";
  if (keys.accepted > 0) return `still accepts ${keys.accepted} keys`;
  const held = keys.refused.filter(({ reason }) => LOCK_REASONS.has(reason));
  if (held.length > 0) return `refuses ${held.map(({ key_id: id }) => id).join(", ")} by a lock alone`;
  const other = keys.refused.find(({ reason }) => !KEY_REASONS.has(reason));
  return other === undefined ? null : `refuses ${other.key_id} for another reason alone (${other.reason})`;
}
