import { AppError, clause } from "../errors.ts";
import { formatTime } from "../time.ts";
import { createProven } from "./create-proven.ts";
import { issueKey, type Issuer } from "./issue-key.ts";
import { keyId, type MintedKey } from "./key.ts";
import { readEntry, type EntryNote } from "./key-store.ts";
import type { KeyEntry } from "./keyring.ts";
import { formatEnds, parseEnds } from "./record.ts";
import type { Subject } from "./subject.ts";
import type { UndeliveredKey } from "./undelivered.ts";

export interface Rotation {
  readonly old: KeyEntry;
  readonly subject: Subject;
  /** From when the old key is refused, milliseconds since 1970. */
  readonly oldEndsAt: number;
  /** The new key's own end; null for never. */
  readonly expiresAt: number | null;
  /** The successor of an earlier rotation that was cut off before it was delivered; the old key has its end already. */
  readonly undelivered: UndeliveredKey | null;
}

/**
 * Makes a successor for the same role and user, then ends the old key, then delivers the new token. Whoever ends the
 * old key first has rotated it: the other's successor is revoked.
 * @throws AppError conflict (key_superseded, key_revoked) when somebody else was first, else the failure's own.
 */
export async function rotateKey(
  issuer: Issuer,
  rotation: Rotation,
  { note, sink }: { readonly note: EntryNote; readonly sink: string | null },
  deliver: (key: MintedKey) => Promise<void>,
): Promise<MintedKey> {
  const { old, subject, expiresAt, undelivered } = rotation;
  const insteadOf = undelivered === null ? undefined : (undelivered.insteadOf ?? keyId(undelivered.hash));
  const record = { role: subject.role, user: subject.user, expiresAt };
  let isOldEnding = false;
  const claim = async (key: MintedKey): Promise<void> => {
    if (rotation.undelivered === null) await endOldKey(issuer, rotation, key, note);
    await requireNotRevoked(issuer, rotation);
    isOldEnding = true;
  };
  try {
    return await issueKey(
      issuer,
      { record, note, sink, replaces: old.hash, ...(insteadOf && { insteadOf }) },
      deliver,
      claim,
    );
  } catch (error) {
    throw isOldEnding ? tellOfOldKey(rotation, error) : error;
  }
}

/** Whoever makes the marker first has rotated the key. */
async function endOldKey(
  { store }: Issuer,
  { old, subject, oldEndsAt }: Rotation,
  key: MintedKey,
  note: EntryNote,
): Promise<void> {
  const name = { role: subject.role, hash: old.hash, part: "ends" } as const;
  const written = await createProven(store, name, formatEnds(oldEndsAt, key.id), note);
  if (written.status === "taken") {
    const next = parseEnds(written.value)?.next ?? null;
    throw new AppError(
      "conflict",
      "key_superseded",
      `${old.keyId} was rotated by somebody else${next === null ? "" : `, to ${next}`}`,
      {
        hint: "Use their key, or make another with `mcpctl keys create`.",
      },
    );
  }
  if (written.status === "unproven") {
    throw new AppError(
      "unavailable",
      "write_unproven",
      `the end of ${old.keyId} was accepted by the store and cannot be read back`,
    );
  }
}

/** Who revokes a key while it is rotated means its holder, who must not get another. */
async function requireNotRevoked({ store }: Issuer, { old, subject }: Rotation): Promise<void> {
  if ((await readEntry(store, { role: subject.role, hash: old.hash, part: "revoked" })) !== null)
    throw new AppError("conflict", "key_revoked", `${old.keyId} was revoked while it was rotated`);
}

/** An end is never taken back, so whoever reads of the failure must also read that the old key ends. */
function tellOfOldKey({ old, oldEndsAt }: Rotation, error: unknown): unknown {
  if (!(error instanceof AppError)) return error;
  const message = `${clause(error.message)}; ${old.keyId} ends at ${formatTime(oldEndsAt)} all the same`;
  const hint = error.hint ?? "Repeat the command: it makes another successor.";
  return new AppError(error.kind, error.code, message, { hint, cause: error });
}

/** When the old key ends: its own end, or the end of the grace period if that is sooner. */
export function endOfGrace(old: KeyEntry, now: number, graceSeconds: number): number {
  return Math.min(old.endsAt, now + graceSeconds * 1000);
}
