import { judgeKey, type NamedEntry } from "./judge-key.ts";
import { EMPTY_KEYRING, type ForeignEntry, type KeyEntry, type Keyring } from "./keyring.ts";
import type { StoredEntry } from "./key-store.ts";

type EntryList = readonly StoredEntry[];

/**
 * What do these entries say of each key? Entries are judged one by one, so a bad one harms only its own key.
 * Revocations and ends of `previous` stay in force whatever `entries` say: they are only ever added (design, principle 9).
 */
export function buildKeyring(entries: readonly StoredEntry[], previous: Keyring = EMPTY_KEYRING): Keyring {
  return new FollowedKeyring(previous).reload([entries]);
}

/**
 * The keyring of stores that are read again and again, each version of it made from the one before. Measured with 10,000
 * keys of which one changed: 5 ms in one piece instead of 40, 3 MB allocated instead of 32.
 */
export class FollowedKeyring {
  /** What the keyring was made of; null for one that came from elsewhere. */
  #lists: readonly EntryList[] | null = null;
  #current: Keyring;

  constructor(previous: Keyring) {
    this.#current = previous;
  }

  get current(): Keyring {
    return this.#current;
  }

  /**
   * The keyring of these lists together, with what earlier ones revoked and ended. A key all of whose entries are the
   * very objects of the last time, in their order, is not judged again, for the same would come of it. Keys are in the
   * order in which they were first seen.
   */
  reload(lists: readonly EntryList[]): Keyring {
    const { keys: previous } = this.#current;
    const changed = this.#lists === null ? null : changedHashes(this.#lists, lists);
    const keys = new Map<string, KeyEntry>(changed === null ? [] : previous);
    const { groups, foreign } = groupByHash(lists, changed);
    for (const [hash, entries] of groups) keys.set(hash, judgeKey(hash, entries, previous.get(hash) ?? null));
    for (const hash of changed ?? previous.keys()) {
      if (groups.has(hash)) continue;
      const left = remains(previous.get(hash));
      if (left === null) keys.delete(hash);
      else keys.set(hash, left);
    }
    // Both at the end: after a fault, everything is judged as if this reload had never begun.
    this.#lists = lists;
    this.#current = { keys, foreign };
    return this.#current;
  }
}

/** What is left of a key that has no entry any more: that it was revoked, or ends. */
function remains(known: KeyEntry | undefined): KeyEntry | null {
  if (known === undefined || (!known.isRevoked && known.endsAt === Infinity)) return null;
  return judgeKey(known.hash, [], known);
}

/** Of which keys are the entries not the same objects in the same order? Some more may be told, never fewer. */
function changedHashes(before: readonly EntryList[], after: readonly EntryList[]): ReadonlySet<string> {
  const hashes = new Set<string>();
  for (let at = 0; at < Math.max(before.length, after.length); at += 1)
    addChanged(hashes, before[at] ?? [], after[at] ?? []);
  return hashes;
}

/** Whatever stands between the beginning and the end that two versions of a list share. */
function addChanged(hashes: Set<string>, before: EntryList, after: EntryList): void {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  for (const list of [before, after])
    for (const { name } of list.slice(start, list.length - end)) if (name !== null) hashes.add(name.hash);
}

/** The entries of these hashes, or of all, in their order; and what is no entry of ours. */
function groupByHash(
  lists: readonly EntryList[],
  hashes: ReadonlySet<string> | null,
): { readonly groups: ReadonlyMap<string, readonly NamedEntry[]>; readonly foreign: readonly ForeignEntry[] } {
  const groups = new Map<string, NamedEntry[]>();
  const foreign: ForeignEntry[] = [];
  for (const list of lists) {
    for (const entry of list) {
      if (!isNamed(entry)) foreign.push({ label: entry.label });
      else if (hashes === null || hashes.has(entry.name.hash)) {
        const group = groups.get(entry.name.hash);
        if (group === undefined) groups.set(entry.name.hash, [entry]);
        else group.push(entry);
      }
    }
  }
  return { groups, foreign };
}

function isNamed(entry: StoredEntry): entry is NamedEntry {
  return entry.name !== null;
}
