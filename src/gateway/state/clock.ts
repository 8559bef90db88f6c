/** The two clocks: what contracts say is wall time, how long something is ago is monotonic time. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds that never go backwards. */
  readonly monotonic: () => number;
}

export const SYSTEM_CLOCK: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
