import { isRoleName, isUserName } from "../names.ts";
import { formatTime, parseTime } from "../time.ts";
import { isKeyId } from "./key.ts";

/** Which of a key's three entries: its record, its earlier end, its revocation. */
export type EntryPart = "record" | "ends" | "revoked";

/** An entry's name: the role is the folder it lies in, which is what IAM guards. */
export interface EntryName {
  readonly role: string;
  readonly hash: string;
  readonly part: EntryPart;
}

export interface KeyRecord {
  readonly role: string;
  readonly user: string;
  /** Milliseconds since 1970 from which the key is refused; null for never. */
  readonly expiresAt: number | null;
}

export interface EndsRecord {
  readonly endsAt: number;
  /** Key id of the successor; null where the marker names none. */
  readonly next: string | null;
}

const HASH = /^[0-9a-f]{64}$/;
const NAME = /^([a-z0-9][a-z0-9._-]{0,62})([./])([0-9a-f]{64})(?:\.(ends|revoked))?$/;

export function isKeyHash(text: string): boolean {
  return HASH.test(text);
}

/**
 * Which entry does `text` name, in SSM's form (`separator` "/", the path cut off) or in keys.json's (".")?
 * Null for anything else. Unambiguous, since a role of at most 63 characters cannot contain a hash.
 */
export function parseEntryName(text: string, separator: "/" | "."): EntryName | null {
  const match = NAME.exec(text);
  if (!match || match[2] !== separator) return null;
  return { role: match[1] as string, hash: match[3] as string, part: (match[4] as EntryPart | undefined) ?? "record" };
}

/** Can an entry of any store have this name? */
export function isEntryName(name: EntryName): boolean {
  return NAME.test(formatEntryName(name, "."));
}

export function formatEntryName(name: EntryName, separator: "/" | "."): string {
  return `${name.role}${separator}${name.hash}${name.part === "record" ? "" : `.${name.part}`}`;
}

/** Reads `role/user` with optional `?exp=TIME`; null for anything else. Nothing is percent-decoded. */
export function parseKeyRecord(value: string): KeyRecord | null {
  const mark = value.indexOf("?");
  const subject = mark < 0 ? value : value.slice(0, mark);
  const slash = subject.indexOf("/");
  const role = subject.slice(0, slash);
  const user = subject.slice(slash + 1);
  if (slash < 0 || !isRoleName(role) || !isUserName(user)) return null;
  if (mark < 0) return { role, user, expiresAt: null };
  const attributes = parseAttributes(value.slice(mark + 1), ["exp"]);
  const expiresAt = parseTime(attributes?.get("exp") ?? "");
  return expiresAt === null ? null : { role, user, expiresAt };
}

export function formatKeyRecord(record: KeyRecord): string {
  const subject = `${record.role}/${record.user}`;
  return record.expiresAt === null ? subject : `${subject}?exp=${formatTime(record.expiresAt)}`;
}

/** Reads `exp=TIME` with optional `next=KEY_ID`, in either order; null for anything else, which refuses the key. */
export function parseEnds(value: string): EndsRecord | null {
  const attributes = parseAttributes(value, ["exp", "next"]);
  const endsAt = parseTime(attributes?.get("exp") ?? "");
  const next = attributes?.get("next") ?? null;
  if (endsAt === null || (next !== null && !isKeyId(next))) return null;
  return { endsAt, next };
}

export function formatEnds(endsAt: number, next: string): string {
  return `exp=${formatTime(endsAt)}&next=${next}`;
}

/** When was it revoked? Null when the marker does not say; it refuses its key all the same. */
export function parseRevoked(value: string): number | null {
  return parseTime(parseAttributes(value, ["at"])?.get("at") ?? "");
}

export function formatRevoked(at: number): string {
  return `at=${formatTime(at)}`;
}

/** `a=1&b=2`, each known name at most once; null for anything else. */
export function parseAttributes(text: string, known: readonly string[]): ReadonlyMap<string, string> | null {
  const attributes = new Map<string, string>();
  for (const pair of text.split("&")) {
    const equals = pair.indexOf("=");
    const name = pair.slice(0, equals);
    if (equals < 0 || !known.includes(name) || attributes.has(name)) return null;
    attributes.set(name, pair.slice(equals + 1));
  }
  return attributes;
}
