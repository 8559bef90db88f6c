import type { EntryName } from "./record.ts";

/** An entry as the store holds it; `name` is null for something under the path that is no entry of ours. */
export interface StoredEntry {
  /** The store's own name for it, for messages: a parameter name, or a member of keys.json. */
  readonly label: string;
  readonly name: EntryName | null;
  readonly value: string;
  /** 1 unless somebody overwrote it; null where the store keeps no versions. */
  readonly version: number | null;
  /** When the store last changed it, milliseconds since 1970; null where the store does not say. */
  readonly changedAt: number | null;
}

/** Who wrote an entry, when and why, as far as the store tells. */
export interface EntryHistory {
  readonly name: EntryName;
  /** The identity that the store itself saw (AWS LastModifiedUser, the operating system's user). */
  readonly by: string | null;
  readonly at: number | null;
  readonly note: EntryNote | null;
}

/** What a writer says of an entry; a claim, kept as one JSON line of at most 1,024 characters. */
export interface EntryNote {
  readonly action: "create" | "rotate" | "revoke";
  readonly at: string;
  readonly reason?: string;
  /** The claimed author, e.g. the operating system's user. */
  readonly author?: string;
}

export type CreateOutcome =
  | { readonly status: "created" }
  /** Somebody, perhaps this very call before a retry, made it first; `value` is what stands there. */
  | { readonly status: "exists"; readonly value: string }
  /** The store took it and, read back with patience for stale reads, does not show it. */
  | { readonly status: "unproven" };

/**
 * Where keys live. Entries are created once and never overwritten: `create` is atomic and safe to repeat
 * from any number of processes. Every method throws AppError only: unauthenticated, forbidden, unavailable,
 * invalid (an entry the store cannot hold, a store that is not the pinned one), interrupted.
 */
export interface KeyStore {
  /**
   * For people: `file .mcpctl/keys.json`, or `ssm /mcp-gateway/keys (eu-central-1, account 111122223333)`.
   * A store may know more of itself after `verify`.
   */
  readonly label: string;
  /** Is this the pinned store, and can it be reached? Called before every change. */
  verify(): Promise<void>;
  /** Every entry below the path, foreign ones included, in the store's order. */
  list(): Promise<readonly StoredEntry[]>;
  /** The entry as it reads now, or null; null for a name outside the grammar. */
  read(name: EntryName): Promise<StoredEntry | null>;
  /**
   * Creates the entry, never changing one that is there, and reads it back: `created` is proven. A name outside the
   * grammar is invalid. After an interruption or a failure on the way the entry may stand: revoke it, or read it.
   */
  create(name: EntryName, value: string, note: EntryNote): Promise<CreateOutcome>;
  /** The same store, deaf to the interruption that ends other work: for taking back what was made before it. */
  uninterrupted(): KeyStore;
  /** Who wrote the entries of these key hashes, when and why; empty where that is not known. */
  history(hashes: ReadonlySet<string>): Promise<readonly EntryHistory[]>;
}
