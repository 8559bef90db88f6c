import { validate as isPruned } from "../../generated/pruned.js";
import { AppError } from "../errors.ts";
import { parseJson } from "../json/parse-json.ts";
import { formatTime, parseTime } from "../time.ts";
import { isKeyHash, parseAttributes } from "./record.ts";

/** What is kept of a key whose record was deleted, so that nobody brings it back. */
export interface Tombstone {
  readonly hash: string;
  /** When its record was deleted, milliseconds since 1970. */
  readonly removedAt: number;
  /** The record's own end; null when it had none, or none that could be read. */
  readonly expiresAt: number | null;
}

/** One JSON object, `{"<key hash>": "at=TIME&exp=TIME"}`, 119 bytes for each. */
export function formatTombstones(tombstones: readonly Tombstone[]): string {
  const members = tombstones.map(({ hash, removedAt, expiresAt }) => {
    const end = expiresAt === null ? "" : `&exp=${formatTime(expiresAt)}`;
    return [hash, `at=${formatTime(removedAt)}${end}`] as const;
  });
  return JSON.stringify(Object.fromEntries(members));
}

/**
 * Which keys does this tell the end of? All or nothing: whoever cannot read it must not take a key for a new one.
 * @throws AppError invalid
 */
export function parseTombstones(text: string, source: string): readonly Tombstone[] {
  const reading = parseJson(text);
  if (!reading.ok) throw unreadable(source, reading.detail);
  if (!isPruned(reading.value)) throw unreadable(source, "not one object of key hashes and times");
  return Object.entries(reading.value as Record<string, string>).map(([hash, value]) => {
    const attributes = parseAttributes(value, ["at", "exp"]);
    const removedAt = parseTime(attributes?.get("at") ?? "");
    const end = attributes?.get("exp");
    const expiresAt = end === undefined ? null : parseTime(end);
    const isRead = isKeyHash(hash) && removedAt !== null && (end === undefined || expiresAt !== null);
    if (!isRead) throw unreadable(source, `what it says of ${hash} is not at=TIME or at=TIME&exp=TIME`);
    return { hash, removedAt, expiresAt };
  });
}

function unreadable(source: string, detail: string): AppError {
  return new AppError("invalid", "pruned_unreadable", `${source} cannot be read: ${detail}`, {
    hint: "It tells which keys must never come back. Restore it from a backup; see schemas/pruned.schema.json.",
  });
}
