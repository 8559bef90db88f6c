import type { StoredEntry } from "./key-store.ts";
import type { KeyEntry, Keyring } from "./keyring.ts";
import type { EntryName } from "./record.ts";
import type { Tombstone } from "./tombstone.ts";

const DAY_MS = 86_400_000;
/** How long a key is kept after its end or revocation. */
export const KEPT_AFTER_END_MS = 30 * DAY_MS;
/** How long its record must have been gone before its markers may go. */
export const GONE_BEFORE_MARKERS_MS = DAY_MS;

export interface PrunePlan {
  /** Records to delete, and what is kept of them first. */
  readonly records: readonly EntryName[];
  readonly tombstones: readonly Tombstone[];
  /** Markers of keys whose records are gone and would have ended by now: nobody can bring these keys back to life. */
  readonly markers: readonly EntryName[];
  /** How many keys have lost their record, and keep their markers for now. */
  readonly kept: number;
}

/** What may be deleted at `now` (milliseconds since 1970) without any key coming back to life, ever. */
export function planPrune(
  entries: readonly StoredEntry[],
  keyring: Keyring,
  tombstones: readonly Tombstone[],
  now: number,
): PrunePlan {
  const buried = latestByHash(tombstones);
  const namesOf = groupNames(entries);
  const records: EntryName[] = [];
  const markers: EntryName[] = [];
  const fresh: Tombstone[] = [];
  let kept = 0;
  for (const key of keyring.keys.values()) {
    const names = namesOf.get(key.hash) ?? [];
    if (key.roles.length > 0) {
      if (!isOver(key, now)) continue;
      records.push(...names.filter(({ part }) => part === "record"));
      fresh.push({ hash: key.hash, removedAt: now, expiresAt: lastExpiry(key) });
    } else if (mayMarkersGo(buried.get(key.hash), now)) markers.push(...names);
    else kept += 1;
  }
  return { records, tombstones: fresh, markers, kept };
}

/** Did it end, or was it revoked, long enough ago? A key of which that is not known stays. */
function isOver(key: KeyEntry, now: number): boolean {
  const revokedAt = key.isRevoked ? (key.revokedAt ?? Infinity) : Infinity;
  const endsAt = key.endsAt === -Infinity ? Infinity : key.endsAt;
  return Math.min(revokedAt, endsAt) + KEPT_AFTER_END_MS <= now;
}

/** When whoever re-creates one of its records would be refused by that record's own end; null for never. */
function lastExpiry({ claims, roles }: KeyEntry): number | null {
  if (claims.length < roles.length) return null;
  const ends = claims.map(({ expiresAt }) => expiresAt);
  return ends.includes(null) ? null : Math.max(...ends.map(Number));
}

function mayMarkersGo(tombstone: Tombstone | undefined, now: number): boolean {
  if (tombstone === undefined || tombstone.expiresAt === null) return false;
  return tombstone.expiresAt <= now && tombstone.removedAt + GONE_BEFORE_MARKERS_MS <= now;
}

/** Of several burials of one key the strictest reading: the last removal, and no end where one of them knew none. */
function latestByHash(tombstones: readonly Tombstone[]): ReadonlyMap<string, Tombstone> {
  const byHash = new Map<string, Tombstone>();
  for (const tombstone of tombstones) {
    const before = byHash.get(tombstone.hash) ?? tombstone;
    byHash.set(tombstone.hash, {
      hash: tombstone.hash,
      removedAt: Math.max(before.removedAt, tombstone.removedAt),
      expiresAt:
        before.expiresAt === null || tombstone.expiresAt === null
          ? null
          : Math.max(before.expiresAt, tombstone.expiresAt),
    });
  }
  return byHash;
}

function groupNames(entries: readonly StoredEntry[]): ReadonlyMap<string, readonly EntryName[]> {
  const groups = new Map<string, EntryName[]>();
  for (const { name } of entries) {
    if (name === null) continue;
    const group = groups.get(name.hash);
    if (group === undefined) groups.set(name.hash, [name]);
    else group.push(name);
  }
  return groups;
}
