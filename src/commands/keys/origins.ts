import type { EntryHistory, StoredEntry } from "../../lib/keys/key-store.ts";
import { formatTime } from "../../lib/time.ts";

/** How a key came to be, as far as the store tells. */
export interface Origin {
  readonly created_at: string | null;
  /** The identity that the store itself saw; null when it tells none, or when the record was overwritten since. */
  readonly created_by: string | null;
  readonly reason: string | null;
}

/** The origin of each key, by its hash; of a hash with several records, the first one's. */
export function findOrigins(
  entries: readonly StoredEntry[],
  events: readonly EntryHistory[],
): ReadonlyMap<string, Origin> {
  const origins = new Map<string, Origin>();
  for (const { name, at, by, note } of events) {
    if (name.part !== "record" || origins.has(name.hash)) continue;
    origins.set(name.hash, { created_at: time(at), created_by: by, reason: note?.reason ?? null });
  }
  for (const { name, version, changedAt } of entries) {
    if (name?.part !== "record") continue;
    const told = origins.get(name.hash);
    // Who overwrote it is not who made it.
    if (version !== null && version !== 1) origins.set(name.hash, { created_at: null, created_by: null, reason: null });
    else if (told === undefined)
      origins.set(name.hash, { created_at: time(changedAt), created_by: null, reason: null });
  }
  return origins;
}

function time(at: number | null): string | null {
  return at === null ? null : formatTime(at);
}
