import { nanoid } from "nanoid";
import { redactText } from "../../lib/audit/redact.ts";
import { proveEverywhere, type ReplicaProof } from "../../lib/cluster/prove.ts";
import type { FindReplicas } from "../../lib/cluster/replicas.ts";
import type { ReplicaState } from "../../lib/cluster/replica-state.ts";
import { noDenylist, type DenylistStore } from "../../lib/policy/denylist-store.ts";
import { withLock, withoutLocks } from "../../lib/policy/edit-denylist.ts";
import { locksInForce, parseDenylist, type Lock } from "../../lib/policy/locks.ts";
import { formatTime } from "../../lib/time.ts";
import type { Ports } from "../ports.ts";
import { keysOf, type Target } from "./lock-target.ts";

export interface NewLock {
  readonly target: Target;
  readonly reason: string;
  readonly until: number | null;
  readonly tell: boolean;
  readonly revokes: boolean;
}

/** A lock that the denylist holds. */
export interface PlacedLock {
  readonly lock: Lock;
  /** Whether it stood there before. */
  readonly isOld: boolean;
  /** Wall and monotonic time at which the write was acknowledged. */
  readonly acceptedAt: number;
  readonly since: number;
}

/** Reasons are in a file that people read, and of 1,000 characters at most (schemas/denylist.schema.json). */
const MAX_REASON = 1000;

/** Writes the lock down; a break-glass lock on the same thing that stands already is taken as it is. */
export async function placeLock(
  denylist: DenylistStore,
  wanted: NewLock,
  ports: Pick<Ports, "author" | "now">,
): Promise<PlacedLock> {
  const now = ports.now();
  const { target, reason, until, tell, revokes } = wanted;
  const added: Lock = {
    ...target,
    id: `lock_${nanoid()}`,
    reason: reasonText(reason),
    tell,
    revokes,
    by: ports.author,
    at: formatTime(now),
    until,
  };
  let lock = added;
  // Edited again after a conflict: what stood there at first may be gone, and what stands there may be this very lock.
  await denylist.change((text) => {
    lock = (revokes ? findStanding(text, target, denylist.label) : null) ?? added;
    return withLock(text, lock, denylist.label, now);
  });
  return { lock, isOld: lock.id !== added.id, acceptedAt: ports.now(), since: performance.now() };
}

/** A reason as it is kept: without any token, and of a length that the denylist takes. */
export function reasonText(reason: string): string {
  return redactText(reason).slice(0, MAX_REASON);
}

function findStanding(text: string, { target, value }: Target, label: string): Lock | null {
  const { locks, removed } = parseDenylist(text, label);
  return (
    locks.find(
      (lock) =>
        lock.revokes && lock.target === target && lock.value === value && lock.until === null && !removed.has(lock.id),
    ) ?? null
  );
}

/** Waits until every replica refuses by this lock. @throws AppError when the replicas cannot be found out */
export async function proveLock(
  { lock, since }: PlacedLock,
  find: FindReplicas,
  timeoutMs: number,
  ports: Pick<Ports, "progress" | "signal">,
): Promise<readonly ReplicaProof[]> {
  try {
    return await proveEverywhere({
      find,
      query: { lock: lock.id, ...keysOf(lock) },
      judge: notLocked,
      since,
      deadline: since + timeoutMs,
      signal: ports.signal,
      onProgress: (proven, all) => ports.progress(`${proven} of ${all} gateways refuse it`),
    });
  } finally {
    ports.progress(null);
  }
}

function notLocked({ lock, keys, sources }: ReplicaState): string | null {
  if (lock?.in_force !== true) {
    const problem = sources.find(({ what }) => what === "locks")?.problem;
    return `does not have the lock yet${problem == null ? "" : ` (${problem})`}`;
  }
  return keys !== null && keys.accepted > 0 ? `still accepts ${keys.accepted} keys` : null;
}

/** Ends locks on purpose. */
export async function liftLocks(
  denylist: DenylistStore,
  ids: readonly string[],
  ports: Pick<Ports, "author" | "now">,
): Promise<void> {
  await denylist.change((text) => withoutLocks(text, new Set(ids), ports.author, denylist.label, ports.now()));
}

/** Every lock that stands, ended ones left out. @throws AppError invalid, not-found */
export async function standingLocks(denylist: DenylistStore, now: number): Promise<readonly Lock[]> {
  const text = await denylist.read();
  if (text === null) throw noDenylist(denylist.label);
  return locksInForce(parseDenylist(text, denylist.label), now);
}
