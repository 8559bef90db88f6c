import type { EntryHistory, KeyStore } from "../../src/lib/keys/key-store.ts";

/** What the store tells of every entry of this key hash. */
export async function historyOf(store: KeyStore, hash: string): Promise<readonly EntryHistory[]> {
  return (await store.history(null)).filter(({ name }) => name.hash === hash);
}
