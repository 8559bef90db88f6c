import type { Keyring } from "../lib/keys/keyring.ts";

/** The accepted calls of a key since this process began. */
export interface Use {
  /** Wall time of the last one, in milliseconds since 1970. */
  readonly at: number;
  readonly count: number;
}

interface Entry {
  at: number;
  count: number;
}

/**
 * When was a key last used here? One small entry for each key that was accepted, so never more than there are known
 * keys, as long as `prune` is called after the keyring changed.
 */
export class LastUse {
  readonly #entries = new Map<string, Entry>();

  /** How many keys were used. */
  get size(): number {
    return this.#entries.size;
  }

  /** To be called for accepted keys alone: names that callers make up would fill the memory. */
  accepted(keyId: string, now: number): void {
    const entry = this.#entries.get(keyId);
    if (entry === undefined) {
      this.#entries.set(keyId, { at: now, count: 1 });
      return;
    }
    entry.at = now;
    entry.count += 1;
  }

  /** Null for a key that was not used. */
  of(keyId: string): Use | null {
    const entry = this.#entries.get(keyId);
    return entry === undefined ? null : { at: entry.at, count: entry.count };
  }

  /** Forgets the keys that this keyring does not know. */
  prune(keyring: Keyring): void {
    if (this.#entries.size === 0) return;
    const known = new Set<string>();
    for (const { keyId } of keyring.keys.values()) known.add(keyId);
    for (const keyId of this.#entries.keys()) if (!known.has(keyId)) this.#entries.delete(keyId);
  }
}
