import type { RefusalReason } from "../audit/reasons.ts";
import { keyId } from "./key.ts";
import type { StoredEntry } from "./key-store.ts";
import { parseEnds, parseKeyRecord, parseRevoked, type KeyRecord } from "./record.ts";
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

/**
 * What do these entries say of each key? Entries are judged one by one, so a bad one harms only its own key.
 * Revocations and ends of `previous` stay in force whatever `entries` say: they are only ever added (design, principle 9).
 */
export function buildKeyring(entries: readonly StoredEntry[], previous: Keyring = EMPTY_KEYRING): Keyring {
  const drafts = new Map<string, Draft>();
  const foreign: ForeignEntry[] = [];
  for (const entry of entries) {
    if (entry.name === null) {
      foreign.push({ label: entry.label });
      continue;
    }
    let draft = drafts.get(entry.name.hash);
    if (draft === undefined) drafts.set(entry.name.hash, (draft = newDraft()));
    addEntry(draft, entry.name.role, entry.name.part, entry);
  }
  for (const known of previous.keys.values()) {
    if (!known.isRevoked && known.endsAt === Infinity) continue;
    let draft = drafts.get(known.hash);
    if (draft === undefined) drafts.set(known.hash, (draft = newDraft()));
    remember(draft, known);
  }
  const keys = new Map<string, KeyEntry>();
  for (const [hash, draft] of drafts) keys.set(hash, finish(hash, draft));
  return { keys, foreign };
}

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

/** The one word for a key in lists; a revocation is told before anything else. */
export function keyState(key: KeyEntry, now: number): KeyState {
  if (key.isRevoked) return "revoked";
  if (key.subject === null || key.endsAt === -Infinity) return "unusable";
  if (now >= key.endsAt) return "expired";
  return key.isSuperseded ? "superseded" : "active";
}

interface Draft {
  records: { role: string; value: string }[];
  folders: Set<string>;
  endsAt: number;
  next: string | null;
  isSuperseded: boolean;
  isRevoked: boolean;
  revokedAt: number | null;
  overwritten: string[];
}

function newDraft(): Draft {
  return {
    records: [],
    folders: new Set(),
    endsAt: Infinity,
    next: null,
    isSuperseded: false,
    isRevoked: false,
    revokedAt: null,
    overwritten: [],
  };
}

function addEntry(draft: Draft, role: string, part: "record" | "ends" | "revoked", entry: StoredEntry): void {
  if (entry.version !== null && entry.version !== 1) draft.overwritten.push(entry.label);
  draft.folders.add(role);
  if (part === "record") {
    // The same record twice, from two Secrets that overlap, says nothing new.
    const isKnown = draft.records.some((record) => record.role === role && record.value === entry.value);
    if (!isKnown) draft.records.push({ role, value: entry.value });
  } else if (part === "ends") {
    const ends = parseEnds(entry.value);
    draft.isSuperseded = true;
    draft.next ??= ends?.next ?? null;
    draft.endsAt = Math.min(draft.endsAt, ends?.endsAt ?? -Infinity);
  } else {
    const at = parseRevoked(entry.value);
    draft.isRevoked = true;
    draft.revokedAt = draft.revokedAt === null || at === null ? (draft.revokedAt ?? at) : Math.min(draft.revokedAt, at);
  }
}

function remember(draft: Draft, known: KeyEntry): void {
  draft.endsAt = Math.min(draft.endsAt, known.endsAt);
  draft.next ??= known.next;
  draft.isSuperseded ||= known.isSuperseded;
  draft.revokedAt ??= known.revokedAt;
  draft.isRevoked ||= known.isRevoked;
}

function finish(hash: string, draft: Draft): KeyEntry {
  const id = keyId(hash);
  const [first] = draft.records;
  const record = first === undefined ? null : parseKeyRecord(first.value);
  const problem = findProblem(draft.records, record?.role ?? null);
  return {
    hash,
    keyId: id,
    roles: draft.records.map(({ role }) => role),
    folders: [...draft.folders],
    claims: draft.records.map(({ value }) => parseKeyRecord(value)).filter((claim) => claim !== null),
    subject:
      record === null || problem !== null ? null : ({ keyId: id, role: record.role, user: record.user } as Subject),
    problem: problem ?? (draft.endsAt === -Infinity ? "its .ends marker cannot be read" : null),
    expiresAt: record?.expiresAt ?? null,
    endsAt: Math.min(draft.endsAt, record?.expiresAt ?? Infinity),
    next: draft.next,
    isSuperseded: draft.isSuperseded,
    isRevoked: draft.isRevoked,
    revokedAt: draft.revokedAt,
    overwritten: draft.overwritten,
  };
}

function findProblem(records: readonly { role: string; value: string }[], claimedRole: string | null): string | null {
  const [first] = records;
  if (first === undefined) return "it has no record";
  if (records.length > 1) return `one hash stands under ${records.map(({ role }) => role).join(" and ")}`;
  if (claimedRole === null) return "its record cannot be read";
  if (claimedRole !== first.role) return `it lies in the folder of ${first.role} and claims the role ${claimedRole}`;
  return null;
}
