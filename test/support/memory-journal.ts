import type { DeliveryJournal, UndeliveredKey } from "../../src/lib/keys/undelivered.ts";

/** A journal in memory, which tells what stands in it. */
export class MemoryJournal implements DeliveryJournal {
  readonly #keys = new Map<string, UndeliveredKey>();

  get undelivered(): readonly UndeliveredKey[] {
    return [...this.#keys.values()];
  }

  begin(key: UndeliveredKey): Promise<void> {
    this.#keys.set(key.hash, key);
    return Promise.resolve();
  }

  settle(hash: string): Promise<void> {
    this.#keys.delete(hash);
    return Promise.resolve();
  }
}
