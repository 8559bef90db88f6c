import type { ImportedEntry, ImportProblem, ImportSource } from "./import-source.ts";
import type { KeyEntry, Keyring } from "./keyring.ts";
import { formatKeyRecord, parseEnds, parseKeyRecord, parseRevoked, type EntryName, type KeyRecord } from "./record.ts";

export interface ImportContext {
  readonly keyring: Keyring;
  /** Values that stand in the store, by `JSON.stringify([role, hash, part])`. */
  readonly standing: ReadonlyMap<string, string>;
  /** Hashes of keys that were pruned. */
  readonly pruned: ReadonlySet<string>;
  readonly roles: ReadonlySet<string>;
  readonly now: number;
  /** When the imported keys end at the latest, milliseconds since 1970; null for never. */
  readonly latestEnd: number | null;
}

export interface ImportPlan {
  /** What is to be made, in this order: markers before records, so that no key lives for a moment that must not. */
  readonly writes: readonly { readonly name: EntryName; readonly value: string }[];
  /** How many entries stand in the store already, saying the same. */
  readonly equal: number;
  /** How many records are of keys whose end has passed. */
  readonly expired: number;
  /** Everything that stops it, in the order of the source. */
  readonly problems: readonly ImportProblem[];
}

type Verdict =
  | { readonly write: string }
  | { readonly skip: "equal" | "expired" }
  /** Why not, for people. */
  | { readonly problem: string };

/** What an import would write, and what forbids it. Nothing is written while there is a problem. */
export function planImport(source: ImportSource, context: ImportContext): ImportPlan {
  const problems = [...source.problems];
  const writes: { name: EntryName; value: string }[] = [];
  const skipped = { equal: 0, expired: 0 };
  const recordsOf = countRecords(source.entries);
  for (const entry of source.entries) {
    const isTwice = entry.name.part === "record" && (recordsOf.get(entry.name.hash) ?? 0) > 1;
    const verdict = isTwice ? { problem: "stands more than once in what is imported" } : judge(entry, context);
    if ("problem" in verdict) problems.push({ place: entry.place, message: verdict.problem });
    else if ("skip" in verdict) skipped[verdict.skip] += 1;
    else writes.push({ name: entry.name, value: verdict.write });
  }
  const isRecord = ({ name }: { name: EntryName }): boolean => name.part === "record";
  return { writes: [...writes.filter((write) => !isRecord(write)), ...writes.filter(isRecord)], ...skipped, problems };
}

export function standingKey({ role, hash, part }: EntryName): string {
  return JSON.stringify([role, hash, part]);
}

function countRecords(entries: readonly ImportedEntry[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { name } of entries) if (name.part === "record") counts.set(name.hash, (counts.get(name.hash) ?? 0) + 1);
  return counts;
}

function judge(entry: ImportedEntry, context: ImportContext): Verdict {
  return entry.name.part === "record" ? judgeRecord(entry, context) : judgeMarker(entry, context);
}

function judgeMarker({ name, value }: ImportedEntry, { standing }: ImportContext): Verdict {
  const there = standing.get(standingKey(name));
  // Whatever a revocation says, it is one.
  if (there !== undefined && (name.part === "revoked" || there === value)) return { skip: "equal" };
  if (there !== undefined) return { problem: "the store has another end of this key" };
  const isReadable = name.part === "revoked" ? parseRevoked(value) !== null : parseEnds(value) !== null;
  return isReadable ? { write: value } : { problem: "its value cannot be read" };
}

function judgeRecord({ name, value }: ImportedEntry, context: ImportContext): Verdict {
  const record = parseKeyRecord(value);
  if (record === null) return { problem: "its record is not role/user" };
  if (record.role !== name.role) return { problem: `it lies under ${name.role} and claims the role ${record.role}` };
  if (!context.roles.has(record.role)) return { problem: `the role file has no role ${record.role}` };
  const there = context.standing.get(standingKey(name));
  if (there !== undefined)
    return isSame(parseKeyRecord(there), record)
      ? { skip: "equal" }
      : { problem: "the store has another record of this key" };
  const known = context.keyring.keys.get(name.hash);
  const forbidden = known === undefined ? null : forbids(known);
  if (forbidden !== null) return { problem: forbidden };
  if (context.pruned.has(name.hash)) return { problem: "this key had ended and was pruned; it never comes back" };
  const expiresAt = earlier(record.expiresAt, context.latestEnd);
  if (expiresAt !== null && expiresAt <= context.now) return { skip: "expired" };
  return { write: formatKeyRecord({ ...record, expiresAt }) };
}

function forbids({ isRevoked, roles }: KeyEntry): string | null {
  if (isRevoked) return "this key was revoked; it never comes back";
  return roles.length === 0 ? null : `the store has this key under ${roles.join(" and ")}`;
}

/** The same subject, ending no later than it is asked to: an import that is repeated finds what it wrote. */
function isSame(there: KeyRecord | null, wanted: KeyRecord): boolean {
  if (there === null || there.role !== wanted.role || there.user !== wanted.user) return false;
  return wanted.expiresAt === null || (there.expiresAt !== null && there.expiresAt <= wanted.expiresAt);
}

function earlier(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b);
}
