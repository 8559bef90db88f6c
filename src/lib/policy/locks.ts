import { validate as isDenylist } from "../../generated/denylist.js";
import { AppError } from "../errors.ts";
import { parseJson } from "../json/parse-json.ts";
import { parseTime } from "../time.ts";

/** Its name in a ConfigMap. */
export const DENYLIST_KEY = "denylist.json";

export type LockTarget = "key" | "user" | "role" | "backend" | "all";

/** A break-glass denial; it beats everything and needs neither SSM nor External Secrets. */
export interface Lock {
  readonly id: string;
  readonly target: LockTarget;
  /** The key id or name it matches; empty for `all`. */
  readonly value: string;
  readonly reason: string;
  /** Whether the refused caller may read the reason. */
  readonly tell: boolean;
  readonly by: string;
  readonly at: string;
  /** Milliseconds since 1970 from which it no longer holds; null for never. */
  readonly until: number | null;
  /** Whether it stands in for a revocation that is under way, and goes when that is proven. */
  readonly revokes: boolean;
}

export interface Denylist {
  readonly locks: readonly Lock[];
  /** Ids of locks that were ended on purpose. */
  readonly removed: ReadonlySet<string>;
}

/** The locks in force for one gateway, found by what they match. */
export interface Locks {
  readonly all: readonly Lock[];
  readonly byTarget: ReadonlyMap<string, Lock>;
  readonly isEmpty: boolean;
}

/**
 * What does this denylist.json say?
 * @throws AppError invalid when any of it is not understood; the gateway then refuses every call.
 */
export function parseDenylist(text: string, source: string): Denylist {
  const reading = parseJson(text);
  if (!reading.ok) throw unreadable(source, reading.detail);
  if (!isDenylist(reading.value)) {
    const [error] = isDenylist.errors ?? [];
    throw unreadable(source, `${error?.instancePath || "the file"} ${error?.message ?? "does not fit its schema"}`);
  }
  const { locks, removed } = reading.value as RawDenylist;
  return {
    locks: locks.map((lock, index) => readLock(lock, `${source}: lock ${index + 1}`)),
    removed: new Set((removed ?? []).map((removal, index) => readRemoval(removal, `${source}: removal ${index + 1}`))),
  };
}

/**
 * Which locks hold after `next` was read at `now`, when `known` held before? A lock ends by its `until` or by its id in
 * `removed`, nothing else: one that merely vanished, or came back milder, stays as strict as it was.
 */
export function mergeLocks(
  known: readonly Lock[],
  next: Denylist,
  now: number,
): { readonly locks: readonly Lock[]; readonly vanished: readonly Lock[] } {
  const merged = new Map<string, Lock>();
  for (const lock of next.locks) addStricter(merged, lock);
  const vanished: Lock[] = [];
  for (const lock of known) {
    if (next.removed.has(lock.id) || now >= untilOf(lock)) continue;
    if (!merged.has(identityOf(lock))) vanished.push(lock);
    addStricter(merged, lock);
  }
  return { locks: [...merged.values()].filter((lock) => !next.removed.has(lock.id)), vanished };
}

/** Which locks of a denylist hold at `now` (milliseconds since 1970), whatever was known before it? */
export function locksInForce({ locks, removed }: Denylist, now: number): readonly Lock[] {
  return locks.filter((lock) => !removed.has(lock.id) && now < untilOf(lock));
}

/** Makes locks findable; where several match one thing, the one that holds longest stands for them. */
export function indexLocks(locks: readonly Lock[]): Locks {
  const byTarget = new Map<string, Lock>();
  for (const lock of locks) {
    const name = targetKey(lock.target, lock.value);
    const before = byTarget.get(name);
    if (before === undefined || untilOf(lock) > untilOf(before)) byTarget.set(name, lock);
  }
  return { all: locks, byTarget, isEmpty: locks.length === 0 };
}

export function targetKey(target: LockTarget, value: string): string {
  return `${target} ${value}`;
}

function addStricter(merged: Map<string, Lock>, lock: Lock): void {
  const before = merged.get(identityOf(lock));
  if (before === undefined || untilOf(lock) > untilOf(before)) merged.set(identityOf(lock), lock);
}

function identityOf(lock: Lock): string {
  return JSON.stringify([lock.id, lock.target, lock.value]);
}

function untilOf(lock: Lock): number {
  return lock.until ?? Infinity;
}

interface RawLock extends Omit<Lock, "target" | "value" | "until" | "revokes"> {
  readonly match: Readonly<Partial<Record<LockTarget, string | true>>>;
  readonly until: string | null;
  readonly revokes?: boolean;
}

interface RawDenylist {
  readonly locks: readonly RawLock[];
  readonly removed?: readonly RawRemoval[];
}

interface RawRemoval {
  readonly id: string;
  readonly at: string;
}

function readLock(raw: RawLock, where: string): Lock {
  const [[target, value]] = Object.entries(raw.match) as [[LockTarget, string | true]];
  const until = raw.until === null ? null : parseTime(raw.until);
  if (raw.until !== null && until === null) throw unreadable(where, `until is not a time like 2026-11-20T09:00:00Z`);
  if (parseTime(raw.at) === null) throw unreadable(where, `at is not a time like 2026-11-20T09:00:00Z`);
  const { id, reason, tell, by, at, revokes = false } = raw;
  return { id, target, value: value === true ? "" : value, reason, tell, by, at, until, revokes };
}

function readRemoval({ id, at }: RawRemoval, where: string): string {
  if (parseTime(at) === null) throw unreadable(where, `at is not a time like 2026-11-20T09:00:00Z`);
  return id;
}

function unreadable(source: string, detail: string): AppError {
  return new AppError("invalid", "denylist_unreadable", `${source} is not wholly understood: ${detail}`, {
    hint: "Until it is, a gateway refuses every call; see schemas/denylist.schema.json.",
  });
}
