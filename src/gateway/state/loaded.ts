/** Something the gateway reads and follows, as it stands: the last good value, and how far it may be trusted. */
export interface Loaded<T> {
  /** The last good value; null when there never was one, or when what is there forbids to use it. */
  readonly value: T | null;
  /** Monotonic milliseconds from which the value is too old to be used; Infinity while its file is well. */
  readonly staleAt: number;
  /** Monotonic milliseconds at which the value was last known to be what its owner wants; its age counts from here. */
  readonly freshAt: number | null;
  /** SHA-256 of the bytes it was made from, hex. */
  readonly digest: string | null;
  /** What is wrong now, for people; null when nothing is. */
  readonly problem: string | null;
}

export const NOTHING_LOADED: Loaded<never> = {
  value: null,
  staleAt: Infinity,
  freshAt: null,
  digest: null,
  problem: "was not read yet",
};

/** The value, unless it is too old by now. */
export function usable<T>(loaded: Loaded<T>, monotonicMs: number): T | null {
  return monotonicMs < loaded.staleAt ? loaded.value : null;
}

/** How old is the value, in seconds? Null when there is none. */
export function ageSeconds(loaded: Loaded<unknown>, monotonicMs: number): number | null {
  return loaded.freshAt === null ? null : Math.max(0, (monotonicMs - loaded.freshAt) / 1000);
}
