import type { EntryName } from "./record.ts";
import type { Tombstone } from "./tombstone.ts";

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

/** An entry to be made. */
export interface NewEntry {
  readonly name: EntryName;
  readonly value: string;
  readonly note: EntryNote;
}

/** Who wrote an entry, when and why, as far as the store tells. */
export interface EntryHistory {
  readonly name: EntryName;
  /** The identity that the store itself saw (AWS LastModifiedUser, the operating system's user). */
  readonly by: string | null;
  readonly at: number | null;
  readonly note: EntryNote | null;
}

export const NOTE_ACTIONS = ["create", "rotate", "revoke", "import", "prune"] as const;

/** What a writer says of an entry; a claim, kept as one JSON line of at most 1,024 characters. */
export interface EntryNote {
  readonly action: (typeof NOTE_ACTIONS)[number];
  readonly at: string;
  readonly reason?: string;
  /** The Secret that the key's token went to, as `secret:NAMESPACE/NAME`: its successor goes there, too. */
  readonly secret?: string;
  /** The claimed author, e.g. the operating system's user. */
  readonly author?: string;
}

export type CreateOutcome =
  | { readonly status: "created" }
  /** Somebody, perhaps this very call before a retry, made it first; `value` is what stands there. */
  | { readonly status: "exists"; readonly value: string }
  /** The store took it and, read back with patience for stale reads, does not show it. */
  | { readonly status: "unproven" };

export interface ListOptions {
  /** Only the folder of this role, for whoever may not read the others. */
  readonly role?: string;
  /** Told now and then how many entries have been read. */
  readonly onProgress?: (entries: number) => void;
  /** Told the labels of entries whose value cannot be decrypted; they are listed with an empty one, which is unusable. */
  readonly onUnreadable?: (labels: readonly string[]) => void;
}

/**
 * Where keys live. Entries are created once and never overwritten: `create` is atomic for each entry and safe to repeat
 * from any number of processes. Every method throws AppError only: unauthenticated, forbidden, unavailable,
 * invalid (an entry the store cannot hold, a store that is not the pinned one), interrupted.
 */
export interface KeyStore {
  /**
   * For people: `file .mcpctl/keys.json`, or `ssm /mcp-gateway/keys (eu-central-1, account 111122223333)`.
   * A store may know more of itself after `verify`.
   */
  readonly label: string;
  /** How many requests were sent so far, attempts that failed included; null for a store that sends none. */
  readonly calls: number | null;
  /** What must be added to this machine's clock to get the store's, in milliseconds; 0 until the store has told. */
  readonly clockOffsetMs: number;
  /** Is this the pinned store, and can it be reached? Called before every change. */
  verify(): Promise<void>;
  /** Every entry below the path, foreign ones included, in the store's order. */
  list(options?: ListOptions): Promise<readonly StoredEntry[]>;
  /**
   * Each entry as it reads now, or null, in the order asked for; null for a name outside the grammar. `isPatient` looks
   * for those that are not there as long as reads may lag behind a write.
   */
  read(
    names: readonly EntryName[],
    options?: { readonly isPatient: boolean },
  ): Promise<readonly (StoredEntry | null)[]>;
  /**
   * Creates entries one after another, never changing one that is there, and reads them back: `created` is proven. A name
   * outside the grammar is invalid. After an interruption or a failure on the way any of them may stand: list them.
   */
  create(entries: readonly NewEntry[]): Promise<readonly CreateOutcome[]>;
  /** Deletes entries; gives those that the store, read back with patience, still shows. One that is not there is deleted. */
  remove(names: readonly EntryName[], note: EntryNote): Promise<readonly EntryName[]>;
  /** The same store, deaf to the interruption that ends other work: for taking back what was made before it. */
  uninterrupted(): KeyStore;
  /** Who wrote these entries, or (null) all, when and why; nothing of those of which it is not known. */
  history(names: readonly EntryName[] | null): Promise<readonly EntryHistory[]>;
  /** Keeps for ever, outside the path, what is about to be deleted; proven when it ends. Safe to repeat. */
  bury(tombstones: readonly Tombstone[]): Promise<void>;
  /** Everything that was ever buried. @throws AppError invalid when it cannot be read whole */
  tombstones(): Promise<readonly Tombstone[]>;
}

/** One entry as it reads now, or null. */
export async function readEntry(store: Pick<KeyStore, "read">, name: EntryName): Promise<StoredEntry | null> {
  return (await store.read([name]))[0] ?? null;
}

/** Creates one entry; see {@link KeyStore.create}. */
export async function createEntry(
  store: Pick<KeyStore, "create">,
  name: EntryName,
  value: string,
  note: EntryNote,
): Promise<CreateOutcome> {
  return (await store.create([{ name, value, note }]))[0] as CreateOutcome;
}
