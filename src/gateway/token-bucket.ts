/** A rate that may be exceeded for a moment: what is not used in time is saved up, to a limit (token bucket). */
export interface Rate {
  readonly perSecond: number;
  /** How much may be used at once. */
  readonly burst: number;
}

/** What may still be used of one rate. Times are monotonic milliseconds. */
export class TokenBucket {
  readonly #rate: Rate;
  #allowance: number;
  #filledAt: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#allowance = rate.burst;
    this.#filledAt = now;
  }

  /** Uses one; false when there is none. */
  take(now: number): boolean {
    this.#allowance = this.#at(now);
    this.#filledAt = now;
    if (this.#allowance < 1) return false;
    this.#allowance -= 1;
    return true;
  }

  /** Uses so many more, whether there are as many or not: what is missing must be saved up first. */
  spend(count: number): void {
    this.#allowance -= count;
  }

  /** Is it like a new one, so that it may be forgotten? */
  isFull(now: number): boolean {
    return this.#at(now) >= this.#rate.burst;
  }

  #at(now: number): number {
    const { perSecond, burst } = this.#rate;
    return Math.min(burst, this.#allowance + ((now - this.#filledAt) * perSecond) / 1000);
  }
}
