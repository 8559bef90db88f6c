import type { Lock } from "../lib/policy/locks.ts";

/** What one lock has done here. */
export interface LockEffect {
  /** When it came into force here, milliseconds since 1970. */
  readonly since: number;
  readonly refusedCalls: number;
  readonly firstRefusedAt: number | null;
  /** Streams and calls under way that it ended. */
  readonly cutCalls: number;
}

/** Since when does each lock hold here, and whom has it met? The evidence of a break-glass receipt. */
export class LockEffects {
  readonly #now: () => number;
  readonly #effects = new Map<string, LockEffect>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** To be told of every change of the locks in force. */
  follow(locks: readonly Lock[]): void {
    const ids = new Set(locks.map(({ id }) => id));
    for (const id of this.#effects.keys()) if (!ids.has(id)) this.#effects.delete(id);
    for (const id of ids) {
      if (this.#effects.has(id)) continue;
      this.#effects.set(id, { since: this.#now(), refusedCalls: 0, firstRefusedAt: null, cutCalls: 0 });
    }
  }

  refused(id: string): void {
    const effect = this.#effects.get(id);
    if (effect === undefined) return;
    const firstRefusedAt = effect.firstRefusedAt ?? this.#now();
    this.#effects.set(id, { ...effect, refusedCalls: effect.refusedCalls + 1, firstRefusedAt });
  }

  cut(id: string): void {
    const effect = this.#effects.get(id);
    if (effect !== undefined) this.#effects.set(id, { ...effect, cutCalls: effect.cutCalls + 1 });
  }

  /** Null for a lock that does not hold here. */
  of(id: string): LockEffect | null {
    return this.#effects.get(id) ?? null;
  }
}
