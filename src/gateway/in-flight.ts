import type { Duplex } from "node:stream";
import type { Refusal } from "./refusal.ts";

/** A call that was let through and is not over: a tool at work, or a stream. */
export interface Running {
  /** Why it may not go on; null while it may. */
  readonly recheck: () => Refusal | null;
  readonly cut: (refusal: Refusal) => void;
  readonly giveUpIfSilent: () => void;
  /** A stream that never ends by itself; draining does not wait for it. */
  readonly isOpenEnded: boolean;
  /** The client's connection. */
  readonly socket: Duplex;
}

interface Entry {
  readonly running: Running;
  at: number;
  isCut: boolean;
}

/** The calls and streams under way: a decision that changes ends them, it does not wait for the next request. */
export class InFlight {
  /** An array and not a Set: outgrown tables of a Set that is always changing keep finished calls alive for long. */
  readonly #entries: Entry[] = [];
  #unfinished = 0;

  /** Requests of every kind that have no record yet: bodies that are still coming are no calls yet, but must not be lost. */
  get unfinished(): number {
    return this.#unfinished;
  }

  arrive(): void {
    this.#unfinished += 1;
  }

  depart(): void {
    this.#unfinished -= 1;
  }

  get size(): number {
    return this.#entries.length;
  }

  get streams(): number {
    return this.#entries.filter(({ running }) => running.isOpenEnded).length;
  }

  /** Returns what to call, once, when it is over. */
  enter(running: Running): () => void {
    const entry: Entry = { running, at: this.#entries.length, isCut: false };
    this.#entries.push(entry);
    return () => this.#leave(entry);
  }

  /** Decides on everything again and cuts what is no longer allowed. What is cut leaves later, not within the loop. */
  recheck(onCut: (refusal: Refusal) => void = () => undefined): void {
    for (const entry of this.#entries) {
      const refusal = entry.isCut ? null : entry.running.recheck();
      if (refusal === null) continue;
      entry.isCut = true;
      onCut(refusal);
      entry.running.cut(refusal);
    }
  }

  giveUpSilent(): void {
    for (const { running } of this.#entries) running.giveUpIfSilent();
  }

  cut(refusal: Refusal, which: (running: Running) => boolean): void {
    for (const { running } of this.#entries) if (which(running)) running.cut(refusal);
  }

  #leave(entry: Entry): void {
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return;
    this.#entries[entry.at] = last;
    last.at = entry.at;
  }
}
