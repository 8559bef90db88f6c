import { formatTime, parseTime } from "../time.ts";
import { parseDenylist, type Lock } from "./locks.ts";

/** A denylist as it is written. */
export const EMPTY_DENYLIST = formatDenylist({ locks: [], removed: [] });

/** How long what no longer matters is kept, for people who look: milliseconds. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;

interface Written {
  readonly locks: readonly WrittenLock[];
  readonly removed: readonly Removal[];
}

type WrittenLock = Readonly<Record<string, unknown>> & { readonly id: string; readonly until: string | null };

/** Who ended a lock on purpose, and when. */
export interface Removal {
  readonly id: string;
  readonly by: string;
  readonly at: string;
}

/**
 * The denylist with this lock. Adding it twice is adding it once, so that a write whose answer was lost can be repeated.
 * @throws AppError invalid when the text is not wholly understood: nothing may be lost from it
 */
export function withLock(text: string, lock: Lock, source: string, now: number): string {
  const { locks, removed } = tidied(read(text, source), now);
  return understood({ locks: [...locks.filter(({ id }) => id !== lock.id), written(lock)], removed }, source);
}

/** The denylist with these locks ended on purpose. @throws AppError invalid as {@link withLock} does */
export function withoutLocks(text: string, ids: ReadonlySet<string>, by: string, source: string, now: number): string {
  const { locks, removed } = tidied(read(text, source), now);
  const known = new Set(removed.map(({ id }) => id));
  const at = formatTime(now);
  const added = [...ids].filter((id) => !known.has(id)).map((id) => ({ id, by, at }));
  return understood({ locks: locks.filter(({ id }) => !ids.has(id)), removed: [...removed, ...added] }, source);
}

function read(text: string, source: string): Written {
  parseDenylist(text, source);
  const { locks, removed } = JSON.parse(text) as Partial<Written>;
  return { locks: locks ?? [], removed: removed ?? [] };
}

/**
 * Without what ended or was removed a month ago: no replica that lives so long without news serves anybody. Where somebody
 * put a removed lock back, its removal stays, for nobody has locked anything anew.
 */
function tidied({ locks, removed }: Written, now: number): Written {
  const isRecent = (time: string | null): boolean => now - (parseTime(time ?? "") ?? now) < KEPT_MS;
  const kept = locks.filter(({ until }) => isRecent(until));
  const ids = new Set(kept.map(({ id }) => id));
  return { locks: kept, removed: removed.filter(({ id, at }) => isRecent(at) || ids.has(id)) };
}

/** The text, read as a gateway reads it: one that is not understood would refuse every call. */
function understood(denylist: Written, source: string): string {
  const text = formatDenylist(denylist);
  parseDenylist(text, source);
  return text;
}

function written({ target, value, until, ...lock }: Lock): WrittenLock {
  const { id, reason, tell, by, at, revokes } = lock;
  return {
    id,
    match: { [target]: target === "all" ? true : value },
    reason,
    tell,
    by,
    at,
    until: until === null ? null : formatTime(until),
    ...(revokes ? { revokes } : {}),
  };
}

function formatDenylist(denylist: Written): string {
  return `${JSON.stringify(denylist, null, 2)}\n`;
}
