/** How many lines of one kind are written in the long run, and at once. */
const PER_SECOND = 10;
const BURST = 100;
/** Callers with a known key are told apart, but not without end. */
const MAX_KINDS = 1000;

interface Bucket {
  allowance: number;
  filledAt: number;
}

/**
 * Which refusals of callers without a good key are written down? Anyone can send them by the million: of each kind some
 * are written and all are counted, so that a flood of one kind hides no refusal of another.
 */
export class Sampler {
  readonly #monotonic: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  isWritten(kind: string): boolean {
    const bucket = this.#bucketOf(kind);
    const now = this.#monotonic();
    bucket.allowance = Math.min(BURST, bucket.allowance + ((now - bucket.filledAt) * PER_SECOND) / 1000);
    bucket.filledAt = now;
    if (bucket.allowance < 1) return false;
    bucket.allowance -= 1;
    return true;
  }

  #bucketOf(kind: string): Bucket {
    if (!this.#buckets.has(kind) && this.#buckets.size >= MAX_KINDS) this.#forgetFull();
    // Beyond that many kinds at work at once, one bucket serves all others.
    const name = this.#buckets.has(kind) || this.#buckets.size < MAX_KINDS ? kind : "others";
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      bucket = { allowance: BURST, filledAt: this.#monotonic() };
      this.#buckets.set(name, bucket);
    }
    return bucket;
  }

  #forgetFull(): void {
    const now = this.#monotonic();
    for (const [kind, { filledAt }] of this.#buckets)
      if (now - filledAt >= (BURST / PER_SECOND) * 1000) this.#buckets.delete(kind);
  }
}
