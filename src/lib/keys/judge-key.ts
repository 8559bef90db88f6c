import { keyId } from "./key.ts";
import type { KeyEntry } from "./keyring.ts";
import type { StoredEntry } from "./key-store.ts";
import { parseEnds, parseKeyRecord, parseRevoked, type EntryName, type KeyRecord } from "./record.ts";
import type { Subject } from "./subject.ts";

/** An entry that has a name of ours. */
export type NamedEntry = StoredEntry & { readonly name: EntryName };

/**
 * What do these entries, all of one key hash and in the store's order, say of it? Revocations and ends of `known`,
 * which is what was made of earlier ones, stay in force: they are only ever added (design, principle 9). Of the same
 * entries and what was made of them comes the same again.
 */
export function judgeKey(hash: string, entries: readonly NamedEntry[], known: KeyEntry | null): KeyEntry {
  const draft = newDraft(entries.map(({ name }) => name.role));
  for (const entry of entries) addEntry(draft, entry);
  if (known !== null) remember(draft, known);
  return finish(hash, draft);
}

interface Draft {
  readonly records: { role: string; value: string }[];
  readonly folders: readonly string[];
  endsAt: number;
  next: string | null;
  isSuperseded: boolean;
  isRevoked: boolean;
  readonly revokedIn: string[];
  revokedAt: number | null;
  readonly overwritten: string[];
}

function newDraft(folders: readonly string[]): Draft {
  return {
    records: [],
    folders: folders.length < 2 ? folders : [...new Set(folders)],
    endsAt: Infinity,
    next: null,
    isSuperseded: false,
    isRevoked: false,
    revokedIn: [],
    revokedAt: null,
    overwritten: [],
  };
}

function addEntry(draft: Draft, entry: NamedEntry): void {
  const { role, part } = entry.name;
  if (entry.version !== null && entry.version !== 1) draft.overwritten.push(entry.label);
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
    draft.revokedIn.push(role);
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

const NONE: readonly never[] = [];

function finish(hash: string, draft: Draft): KeyEntry {
  const id = keyId(hash);
  const claims = draft.records.map(({ value }) => parseKeyRecord(value));
  const record = claims[0] ?? null;
  const problem = findProblem(draft.records, record);
  return {
    hash,
    keyId: id,
    roles: draft.records.map(({ role }) => role),
    folders: draft.folders,
    claims: claims.filter((claim) => claim !== null),
    subject:
      record === null || problem !== null ? null : ({ keyId: id, role: record.role, user: record.user } as Subject),
    problem: problem ?? (draft.endsAt === -Infinity ? "its .ends marker cannot be read" : null),
    expiresAt: record?.expiresAt ?? null,
    endsAt: Math.min(draft.endsAt, record?.expiresAt ?? Infinity),
    next: draft.next,
    isSuperseded: draft.isSuperseded,
    isRevoked: draft.isRevoked,
    // Nearly always none, and one list of none is enough for all keys.
    revokedIn: draft.revokedIn.length === 0 ? NONE : draft.revokedIn,
    revokedAt: draft.revokedAt,
    overwritten: draft.overwritten.length === 0 ? NONE : draft.overwritten,
  };
}

function findProblem(records: readonly { role: string }[], claimed: KeyRecord | null): string | null {
  const [first] = records;
  if (first === undefined) return "it has no record";
  if (records.length > 1) return `one hash stands under ${records.map(({ role }) => role).join(" and ")}`;
  if (claimed === null) return "its record cannot be read";
  if (claimed.role !== first.role) return `it lies in the folder of ${first.role} and claims the role ${claimed.role}`;
  return null;
}
