import { AppError } from "../errors.ts";
import { formatTime } from "../time.ts";
import { createProven, type Written } from "./create-proven.ts";
import { mintKey, type MintedKey } from "./key.ts";
import type { EntryNote, KeyStore } from "./key-store.ts";
import { formatKeyRecord, formatRevoked, type EntryName, type KeyRecord } from "./record.ts";

export interface Issuer {
  readonly store: KeyStore;
  readonly now: () => number;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Aborted when the person gives up; the key is then withdrawn. */
  readonly signal: AbortSignal;
}

/**
 * Makes a key and hands it to `deliver`, which must end only when the token is where it was asked for. What is minted
 * and not delivered is revoked. `claim` runs between the two, and may refuse: a rotation ends the old key there.
 * @throws AppError the failure's own, its message saying what became of the key.
 */
export async function issueKey(
  issuer: Issuer,
  record: KeyRecord,
  note: EntryNote,
  deliver: (key: MintedKey) => Promise<void>,
  claim: (key: MintedKey) => Promise<void> = async () => undefined,
): Promise<MintedKey> {
  const key = mintKey(issuer.randomBytes);
  const name: EntryName = { role: record.role, hash: key.hash, part: "record" };
  await writeRecord(issuer, name, key, formatKeyRecord(record), note);
  try {
    await claim(key);
    if (issuer.signal.aborted)
      throw new AppError("interrupted", "interrupted", "interrupted before the token was delivered");
    await deliver(key);
    return key;
  } catch (error) {
    throw await withdraw(issuer, name, key, error);
  }
}

async function writeRecord(
  issuer: Issuer,
  name: EntryName,
  key: MintedKey,
  value: string,
  note: EntryNote,
): Promise<void> {
  let written: Written;
  try {
    written = await createProven(issuer.store, name, value, note);
  } catch (error) {
    // Only a failure on the way leaves it open whether the store has written; the other kinds are refusals.
    const isOpen = !(error instanceof AppError) || error.kind === "unavailable" || error.kind === "interrupted";
    throw isOpen ? await withdraw(issuer, name, key, error) : error;
  }
  if (written.status === "taken")
    throw new AppError("conflict", "key_taken", `another record stands where ${key.id} belongs`);
  if (written.status === "unproven") {
    const unproven = new AppError(
      "unavailable",
      "write_unproven",
      `${key.id} was accepted by the store and cannot be read back`,
      {
        hint: "Repeat the command; it makes a new key.",
      },
    );
    throw await withdraw(issuer, name, key, unproven);
  }
}

/** Revokes a key that nobody received, and tells so in the error that caused it. */
async function withdraw(issuer: Issuer, name: EntryName, key: MintedKey, cause: unknown): Promise<unknown> {
  const store = issuer.store.uninterrupted();
  const standing = await store.read(name).catch(() => "unknown" as const);
  const at = issuer.now();
  const note: EntryNote = { action: "revoke", at: formatTime(at), reason: "its token was not delivered" };
  try {
    const written = await createProven(store, { ...name, part: "revoked" }, formatRevoked(at), note);
    const state = written.status === "unproven" ? "its revocation cannot be read back" : "it was revoked";
    return retell(cause, `${key.id} was not delivered, and ${state}`);
  } catch {
    // A store that says the record is not there: nothing was made.
    if (standing === null) return cause;
    return retell(
      cause,
      `${key.id} may exist, and nobody has its token`,
      `Run \`mcpctl keys revoke ${key.id}\` when the store is back.`,
    );
  }
}

/** The same error with what became of the key; a bug stays a bug. */
function retell(cause: unknown, became: string, hint?: string): unknown {
  if (!(cause instanceof AppError)) return cause;
  const next = hint ?? cause.hint;
  return new AppError(cause.kind, cause.code, `${cause.message}; ${became}`, {
    ...(next === undefined ? {} : { hint: next }),
    cause,
  });
}
