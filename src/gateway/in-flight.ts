import type { Refusal } from "./refusal.ts";

/** A call that was let through and is not over: a tool at work, or a stream. */
export interface Running {
  /** Why it may not go on; null while it may. */
  readonly recheck: () => Refusal | null;
  readonly cut: (refusal: Refusal) => void;
  /** A GET stream never ends by itself; draining does not wait for it. */
  readonly isOpenEnded: boolean;
}

/** The calls and streams under way: a decision that changes ends them, it does not wait for the next request. */
export class InFlight {
  readonly #running = new Set<Running>();

  get size(): number {
    return this.#running.size;
  }

  get streams(): number {
    let count = 0;
    for (const { isOpenEnded } of this.#running) if (isOpenEnded) count += 1;
    return count;
  }

  /** Returns what to call when it is over. */
  enter(running: Running): () => void {
    this.#running.add(running);
    return () => this.#running.delete(running);
  }

  /** Decides on everything again and cuts what is no longer allowed. */
  recheck(): void {
    for (const running of this.#running) {
      const refusal = running.recheck();
      if (refusal !== null) running.cut(refusal);
    }
  }

  cut(refusal: Refusal, which: (running: Running) => boolean): void {
    for (const running of this.#running) if (which(running)) running.cut(refusal);
  }
}
