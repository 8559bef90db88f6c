/** Timers overflow at 2^31 ms, and wall clocks are set: nothing is waited for longer than this without looking again. */
const MAX_WAIT_MS = 60_000;

/** Calls `onDue` whenever a decision could have changed by time alone: a key's end, an age limit. */
export class ExpiryTimer {
  readonly #nextChangeMs: () => number;
  readonly #onDue: () => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(nextChangeMs: () => number, onDue: () => void) {
    this.#nextChangeMs = nextChangeMs;
    this.#onDue = onDue;
  }

  /** Sets the timer anew; to be called after every change of state. */
  arm(): void {
    this.stop();
    // One millisecond more, for timers may fire a little early.
    this.#timer = setTimeout(() => this.#fire(), Math.min(this.#nextChangeMs() + 1, MAX_WAIT_MS)).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #fire(): void {
    this.#onDue();
    this.arm();
  }
}
