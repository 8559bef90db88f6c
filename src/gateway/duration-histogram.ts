/** Upper bounds, in seconds: from a refusal to a tool that works for minutes. */
export const BUCKETS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
] as const;

/** How long something took, counted by bounds. */
export class DurationHistogram {
  readonly #counts = new Float64Array(BUCKETS_SECONDS.length + 1);
  #sumSeconds = 0;

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < BUCKETS_SECONDS.length && seconds > (BUCKETS_SECONDS[bucket] as number)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sumSeconds += seconds;
  }

  /** In Prometheus' text format, `labels` as they stand between the braces. */
  lines(name: string, labels: string): readonly string[] {
    let below = 0;
    const buckets = [...BUCKETS_SECONDS, "+Inf"].map(
      (bound, index) => `${name}_bucket{${labels},le="${bound}"} ${(below += this.#counts[index] as number)}`,
    );
    return [...buckets, `${name}_sum{${labels}} ${this.#sumSeconds}`, `${name}_count{${labels}} ${below}`];
  }
}
