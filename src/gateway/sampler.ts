import { TokenBucket } from "./token-bucket.ts";

/** How many lines of one kind are written. */
const RATE = { perSecond: 10, burst: 100 };
/** Callers with a known key are told apart, but not without end. */
const MAX_KINDS = 1000;

/**
 * Which refusals of callers without a good key are written down? Anyone can send them by the million: of each kind some
 * are written and all are counted, so that a flood of one kind hides no refusal of another.
 */
export class Sampler {
  readonly #monotonic: () => number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  isWritten(kind: string): boolean {
    const now = this.#monotonic();
    return this.#bucketOf(kind, now).take(now);
  }

  #bucketOf(kind: string, now: number): TokenBucket {
    if (!this.#buckets.has(kind) && this.#buckets.size >= MAX_KINDS) this.#forgetFull(now);
    // Beyond that many kinds at work at once, one bucket serves all others.
    const name = this.#buckets.has(kind) || this.#buckets.size < MAX_KINDS ? kind : "others";
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      bucket = new TokenBucket(RATE, now);
      this.#buckets.set(name, bucket);
    }
    return bucket;
  }

  #forgetFull(now: number): void {
    for (const [kind, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(kind);
  }
}
