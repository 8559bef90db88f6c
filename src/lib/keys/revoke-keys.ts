import { AppError } from "../errors.ts";
import { createProven, type Written } from "./create-proven.ts";
import type { EntryNote, KeyStore } from "./key-store.ts";
import { isRevocable, unrevokedFolders, type KeyEntry } from "./keyring.ts";
import { formatRevoked, parseRevoked } from "./record.ts";

export interface Revocation {
  readonly key: KeyEntry;
  readonly status: "revoked" | "already_revoked" | "unproven" | "failed";
  /** When it was revoked, milliseconds since 1970; null when that is not known, and of a failure when it was nowhere. */
  readonly at: number | null;
  readonly error: AppError | null;
}

/** Revokes each key in turn; one that fails does not keep the others alive. Safe to repeat. */
export async function revokeKeys(
  store: KeyStore,
  keys: readonly KeyEntry[],
  { at, note, onProgress }: { readonly at: number; readonly note: EntryNote; onProgress?: (count: number) => void },
): Promise<readonly Revocation[]> {
  const revocations: Revocation[] = [];
  for (const key of keys) {
    revocations.push(await revokeKey(store, key, at, note));
    onProgress?.(revocations.length);
  }
  return revocations;
}

async function revokeKey(store: KeyStore, key: KeyEntry, at: number, note: EntryNote): Promise<Revocation> {
  if (!isRevocable(key)) return { key, status: "already_revoked", at: key.revokedAt, error: null };
  const written: Written[] = [];
  let failure: AppError | null = null;
  for (const role of key.roles.length > 0 ? unrevokedFolders(key) : key.folders) {
    try {
      const name = { role, hash: key.hash, part: "revoked" } as const;
      written.push(await createProven(store, name, formatRevoked(at), note));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // A record in a folder that one may not write to must not keep the key alive in the others.
      failure ??= error;
    }
  }
  if (failure !== null) return { key, status: "failed", at: written.length > 0 ? at : null, error: failure };
  if (written.some(({ status }) => status === "unproven")) return { key, status: "unproven", at, error: null };
  const taken = written.find((outcome) => outcome.status === "taken");
  return taken === undefined
    ? { key, status: "revoked", at, error: null }
    : { key, status: "already_revoked", at: parseRevoked(taken.value), error: null };
}
