import { AppError, clause } from "../../lib/errors.ts";
import type { EntryHistory, KeyStore } from "../../lib/keys/key-store.ts";
import type { EntryName } from "../../lib/keys/record.ts";

export interface LoadedHistory {
  readonly events: readonly EntryHistory[];
  /** Says what is missing, and which right would bring it. */
  readonly notes: readonly string[];
}

/** History is worth showing and not worth failing for: without the right to it, keys are shown all the same. */
export async function loadHistory(store: KeyStore, names: readonly EntryName[] | null): Promise<LoadedHistory> {
  try {
    return { events: await store.history(names), notes: [] };
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== "forbidden") throw error;
    return { events: [], notes: [`Who made and changed what is not shown: ${clause(error.message)}.`] };
  }
}
