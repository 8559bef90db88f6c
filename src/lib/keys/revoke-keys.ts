import { AppError } from "../errors.ts";
import { createProven } from "./create-proven.ts";
import type { EntryNote, KeyStore } from "./key-store.ts";
import type { KeyEntry } from "./keyring.ts";
import { formatRevoked, parseRevoked } from "./record.ts";

export interface Revocation {
  readonly key: KeyEntry;
  readonly status: "revoked" | "already_revoked" | "unproven" | "failed";
  /** When it was revoked, milliseconds since 1970; null when that is not known. */
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
  if (key.isRevoked) return { key, status: "already_revoked", at: key.revokedAt, error: null };
  try {
    let first: Revocation | null = null;
    for (const role of key.roles.length > 0 ? key.roles : key.folders) {
      const name = { role, hash: key.hash, part: "revoked" } as const;
      const written = await createProven(store, name, formatRevoked(at), note);
      if (written.status === "unproven") first ??= { key, status: "unproven", at, error: null };
      else if (written.status === "taken")
        first ??= { key, status: "already_revoked", at: parseRevoked(written.value), error: null };
    }
    return first ?? { key, status: "revoked", at, error: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { key, status: "failed", at: null, error };
  }
}
