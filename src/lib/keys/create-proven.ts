import { createEntry, type EntryNote, type KeyStore } from "./key-store.ts";
import type { EntryName } from "./record.ts";

export type Written =
  /** It stands in the store with this value, read back. */
  | { readonly status: "done" }
  /** Somebody was first, with another value; that one stands. */
  | { readonly status: "taken"; readonly value: string }
  /** It was accepted, but reading the store back did not show it. */
  | { readonly status: "unproven" };

/** Makes an entry; the same entry made before, perhaps by this very call, is as good. Repeating it changes nothing. */
export async function createProven(store: KeyStore, name: EntryName, value: string, note: EntryNote): Promise<Written> {
  const outcome = await createEntry(store, name, value, note);
  if (outcome.status === "unproven") return outcome;
  return outcome.status === "created" || outcome.value === value
    ? { status: "done" }
    : { status: "taken", value: outcome.value };
}
