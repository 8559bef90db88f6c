import type { EntryHistory } from "../../lib/keys/key-store.ts";
import { keyState, unrevokedFolders, type KeyEntry, type KeyState } from "../../lib/keys/keyring.ts";
import { formatTime } from "../../lib/time.ts";

/** A key in `-o json` (schemas/output/keys-list.schema.json). */
export interface KeyData {
  readonly id: string;
  readonly hash: string;
  readonly role: string | null;
  readonly user: string | null;
  readonly state: KeyState;
  /** The record's own end; null for never. */
  readonly expires_at: string | null;
  /** From when it is refused, all ends considered; null for never. */
  readonly ends_at: string | null;
  readonly next: string | null;
  readonly revoked_at: string | null;
  readonly problem: string | null;
  /** Entries that somebody overwrote after they were made. */
  readonly overwritten: readonly string[];
}

export function keyData(key: KeyEntry, now: number): KeyData {
  const [claim] = key.claims;
  const state = keyState(key, now);
  return {
    id: key.keyId,
    hash: key.hash,
    role: key.subject?.role ?? key.roles[0] ?? key.folders[0] ?? null,
    user: key.subject?.user ?? claim?.user ?? null,
    state,
    expires_at: time(key.expiresAt),
    ends_at: Number.isFinite(key.endsAt) ? time(key.endsAt) : null,
    next: key.next,
    revoked_at: time(key.revokedAt),
    problem: state === "unusable" ? key.problem : state === "revoked" ? misplaced(key) : null,
    overwritten: key.overwritten,
  };
}

/** A revocation that its own folder does not know of. */
function misplaced(key: KeyEntry): string | null {
  const folders = unrevokedFolders(key).join(" and ");
  return folders === ""
    ? null
    : `revoked in the folder of ${key.revokedIn.join(" and ")} and not in that of ${folders}; revoke it again`;
}

export interface HistoryData {
  readonly entry: "record" | "ends" | "revoked";
  readonly action: string | null;
  readonly by: string | null;
  readonly author: string | null;
  readonly at: string | null;
  readonly reason: string | null;
}

export function historyData(history: EntryHistory): HistoryData {
  const { note } = history;
  return {
    entry: history.name.part,
    action: note?.action ?? null,
    by: history.by,
    author: note?.author ?? null,
    at: time(history.at),
    reason: note?.reason ?? null,
  };
}

function time(ms: number | null): string | null {
  return ms === null ? null : formatTime(ms);
}
