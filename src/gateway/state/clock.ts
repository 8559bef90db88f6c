/** The two clocks: what contracts say is wall time, how long something is ago is monotonic time. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds that never go backwards. */
  readonly monotonic: () => number;
}

/** Wall time that is never set back: a key whose end was seen to pass does not live again (design, principle 9). */
export function forwardOnly(now: () => number): () => number {
  let latest = 0;
  return () => (latest = Math.max(latest, now()));
}

export const SYSTEM_CLOCK: Clock = { now: forwardOnly(Date.now), monotonic: () => performance.now() };
