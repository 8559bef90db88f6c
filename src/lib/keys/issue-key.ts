import { AppError, clause } from "../errors.ts";
import { formatTime } from "../time.ts";
import { createProven, type Written } from "./create-proven.ts";
import { mintKey, type MintedKey } from "./key.ts";
import { readEntry, type EntryNote, type KeyStore } from "./key-store.ts";
import { formatKeyRecord, formatRevoked, type EntryName, type KeyRecord } from "./record.ts";
import type { DeliveryJournal } from "./undelivered.ts";

export interface Issuer {
  readonly store: KeyStore;
  readonly journal: DeliveryJournal;
  readonly now: () => number;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Aborted when the person gives up; the key is then withdrawn. */
  readonly signal: AbortSignal;
}

/** A key to be made. */
export interface Issue {
  readonly record: KeyRecord;
  readonly note: EntryNote;
  /** The file that its token goes to; null for standard output. */
  readonly sink: string | null;
  /** The hash of the key that it succeeds; null for none. */
  readonly replaces: string | null;
  /** The id of the successor that the old key's end names already, when nobody received that one. */
  readonly insteadOf?: string;
}

/** Why a key is revoked that nobody received; it stands beside the revocation. */
const WITHDRAWN = "its token was not delivered";

/**
 * Makes a key and hands it to `deliver`, which must end only when the token is where it was asked for. What is minted
 * and not delivered is revoked, at once or, where that fails or the process dies, by whoever reads the journal next.
 * `claim` runs between the two, and may refuse: a rotation ends the old key there.
 * @throws AppError the failure's own, its message saying what became of the key.
 */
export async function issueKey(
  issuer: Issuer,
  issue: Issue,
  deliver: (key: MintedKey) => Promise<void>,
  claim: (key: MintedKey) => Promise<void> = async () => undefined,
): Promise<MintedKey> {
  const key = mintKey(issuer.randomBytes);
  const { record, sink, replaces, insteadOf } = issue;
  const name: EntryName = { role: record.role, hash: key.hash, part: "record" };
  await issuer.journal.begin({ hash: key.hash, role: record.role, replaces, sink, ...(insteadOf && { insteadOf }) });
  await writeRecord(issuer, name, key, issue);
  let isClaimed = false;
  try {
    await claim(key);
    isClaimed = true;
    if (issuer.signal.aborted)
      throw new AppError("interrupted", "interrupted", "interrupted before the token was delivered");
    await deliver(key);
  } catch (error) {
    // An old key that ends, or perhaps does, is still owed a successor: repeating the command finds that in the journal.
    const isOwed = insteadOf !== undefined || (replaces !== null && (isClaimed || isOpen(error)));
    throw await withdraw(issuer, name, key, error, isOwed);
  }
  await issuer.journal.settle(key.hash);
  return key;
}

async function writeRecord(issuer: Issuer, name: EntryName, key: MintedKey, issue: Issue): Promise<void> {
  const { record, note } = issue;
  const isOwed = issue.insteadOf !== undefined;
  let written: Written;
  try {
    written = await createProven(issuer.store, name, formatKeyRecord(record), note);
  } catch (error) {
    if (isOpen(error)) throw await withdraw(issuer, name, key, error, isOwed);
    if (!isOwed) await issuer.journal.settle(key.hash);
    throw error;
  }
  if (written.status === "taken") {
    if (!isOwed) await issuer.journal.settle(key.hash);
    throw new AppError("conflict", "key_taken", `another record stands where ${key.id} belongs`);
  }
  if (written.status === "unproven") {
    const unproven = new AppError(
      "unavailable",
      "write_unproven",
      `${key.id} was accepted by the store and cannot be read back`,
      {
        hint: "Repeat the command; it makes a new key.",
      },
    );
    throw await withdraw(issuer, name, key, unproven, isOwed);
  }
}

/** Only a failure on the way leaves it open whether the store has written; the other kinds are refusals. */
function isOpen(error: unknown): boolean {
  return !(error instanceof AppError) || error.kind === "unavailable" || error.kind === "interrupted";
}

/** Revokes a key that nobody received, and tells so in the error that caused it. */
async function withdraw(
  issuer: Issuer,
  name: EntryName,
  key: MintedKey,
  cause: unknown,
  isOwed: boolean,
): Promise<unknown> {
  const standing = await readEntry(issuer.store.uninterrupted(), name).catch(() => "unknown" as const);
  try {
    const isProven = (await revokeUndelivered(issuer.store, name, issuer.now())).status !== "unproven";
    if (isProven && !isOwed) await issuer.journal.settle(key.hash);
    const state = isProven ? "it was revoked" : "its revocation cannot be read back";
    return retell(cause, `${key.id} was not delivered, and ${state}`);
  } catch {
    // A store that says the record is not there: nothing was made, unless it is still on its way.
    if (standing === null) return cause;
    return retell(
      cause,
      `${key.id} may exist, and nobody has its token`,
      `Run \`mcpctl keys revoke ${key.id}\` when the store is back; the next \`keys create\` or \`keys rotate\` here does it too.`,
    );
  }
}

/** Revokes a key that nobody received, whether its record is there or not: it may have been on its way. Safe to repeat. */
export async function revokeUndelivered(store: KeyStore, name: Omit<EntryName, "part">, at: number): Promise<Written> {
  const note: EntryNote = { action: "revoke", at: formatTime(at), reason: WITHDRAWN };
  const revoked: EntryName = { ...name, part: "revoked" };
  return createProven(store.uninterrupted(), revoked, formatRevoked(at), note);
}

/** The same error with what became of the key; a bug stays a bug. */
function retell(cause: unknown, became: string, hint?: string): unknown {
  if (!(cause instanceof AppError)) return cause;
  const next = hint ?? cause.hint;
  return new AppError(cause.kind, cause.code, `${clause(cause.message)}; ${became}`, {
    ...(next === undefined ? {} : { hint: next }),
    cause,
  });
}
