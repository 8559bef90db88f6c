import { detached } from "./name-pool.ts";
import type { RecordedCall } from "./recorded-call.ts";

/** More processes than any team's gateways had in a year. */
const MAX_INSTANCES = 10_000;

interface Span {
  readonly instance: string;
  /** When the process wrote its first record that was read. */
  firstAt: number;
  first: number;
  last: number;
  read: number;
}

/** How many records are missing? Each gateway process counts its records from 1 without a gap. */
export class InstanceGaps {
  readonly #spans = new Map<string, Span>();
  #latest: Span | null = null;

  get instances(): number {
    return this.#spans.size;
  }

  /** Takes a record, each once; processes beyond {@link MAX_INSTANCES} are not looked at. */
  add({ instance, seq, at }: RecordedCall): void {
    const span = this.#spanOf(instance, seq, at);
    if (span === null) return;
    span.read += 1;
    if (seq < span.first) span.first = seq;
    if (seq > span.last) span.last = seq;
    if (at < span.firstAt) span.firstAt = at;
  }

  /**
   * Records that were written and not read. What a process wrote before the first of its records that was read is missing
   * only where that one is younger than `since`.
   */
  missingAfter(since: number | null): number {
    let missing = 0;
    for (const { firstAt, first, last, read } of this.#spans.values()) {
      const before = since !== null && firstAt > since ? first - 1 : 0;
      missing += Math.max(last - first + 1 - read, 0) + before;
    }
    return missing;
  }

  #spanOf(instance: string, seq: number, at: number): Span | null {
    if (this.#latest?.instance === instance) return this.#latest;
    let span = this.#spans.get(instance);
    if (span === undefined) {
      if (this.#spans.size >= MAX_INSTANCES) return null;
      span = { instance: detached(instance), firstAt: at, first: seq, last: seq, read: 0 };
      this.#spans.set(span.instance, span);
    }
    this.#latest = span;
    return span;
  }
}
