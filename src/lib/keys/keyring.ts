import type { RefusalReason } from "../audit/reasons.ts";
import type { KeyRecord } from "./record.ts";
import type { Subject } from "./subject.ts";

/** Everything known of one key hash, from all its entries together. */
export interface KeyEntry {
  readonly hash: string;
  readonly keyId: string;
  /** The folders (roles) that hold a record of this hash, in order; empty when only markers are left. */
  readonly roles: readonly string[];
  /** The folders that hold any entry of this hash. */
  readonly folders: readonly string[];
  /** What its readable records say, whether they are to be believed or not. */
  readonly claims: readonly KeyRecord[];
  /** Whom the key stands for; null when its record is absent or unusable. */
  readonly subject: Subject | null;
  /** Why the record is unusable, for people; null when it is usable. */
  readonly problem: string | null;
  /** The record's own end in milliseconds, null for none. */
  readonly expiresAt: number | null;
  /** The earliest end of all that were ever seen; Infinity for none, -Infinity when an end cannot be read. */
  readonly endsAt: number;
  /** The successor's key id, when the key was rotated. */
  readonly next: string | null;
  readonly isSuperseded: boolean;
  readonly isRevoked: boolean;
  /** The folders that hold a revocation of this hash, as the entries stand. */
  readonly revokedIn: readonly string[];
  /** When it was revoked; null when it is not, or when the marker does not say. */
  readonly revokedAt: number | null;
  /** Entries whose version is not 1: somebody overwrote them. */
  readonly overwritten: readonly string[];
}

/** Something under the path that is no entry of ours; it opens nothing and harms no other key. */
export interface ForeignEntry {
  readonly label: string;
}

export interface Keyring {
  readonly keys: ReadonlyMap<string, KeyEntry>;
  readonly foreign: readonly ForeignEntry[];
}

export type KeyState = "active" | "superseded" | "expired" | "revoked" | "unusable";

export type Acceptance =
  | { readonly accepted: true; readonly subject: Subject; readonly endsAt: number }
  | { readonly accepted: false; readonly reason: RefusalReason; readonly keyId: string | null };

export const EMPTY_KEYRING: Keyring = { keys: new Map(), foreign: [] };

/** Is the key of this hash accepted at `now`, and until when at most? */
export function acceptKey(keyring: Keyring, hash: string, now: number): Acceptance {
  const key = keyring.keys.get(hash);
  if (key === undefined) return { accepted: false, reason: "key_unknown", keyId: null };
  if (key.isRevoked) return { accepted: false, reason: "key_revoked", keyId: key.keyId };
  if (key.roles.length === 0) return { accepted: false, reason: "key_unknown", keyId: key.keyId };
  if (key.subject === null || key.endsAt === -Infinity) {
    return { accepted: false, reason: "key_unusable", keyId: key.keyId };
  }
  if (now >= key.endsAt) return { accepted: false, reason: "key_expired", keyId: key.keyId };
  return { accepted: true, subject: key.subject, endsAt: key.endsAt };
}

/**
 * Where does a record lie that no revocation beside it ends? Another folder's revocation refuses the key too, but only
 * where that folder is read: a team can fill its own until External Secrets carries nothing of it any more.
 */
export function unrevokedFolders({ roles, revokedIn }: KeyEntry): readonly string[] {
  return roles.filter((role) => !revokedIn.includes(role));
}

/** Is there anything left that a revocation would change? */
export function isRevocable(key: KeyEntry): boolean {
  return !key.isRevoked || unrevokedFolders(key).length > 0;
}

/** The one word for a key in lists; a revocation is told before anything else. */
export function keyState(key: KeyEntry, now: number): KeyState {
  if (key.isRevoked) return "revoked";
  if (key.subject === null || key.endsAt === -Infinity) return "unusable";
  if (now >= key.endsAt) return "expired";
  return key.isSuperseded ? "superseded" : "active";
}
