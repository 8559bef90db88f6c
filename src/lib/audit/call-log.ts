import { InstanceGaps } from "./instance-gaps.ts";
import { detached } from "./name-pool.ts";
import { RecordReader } from "./read-record.ts";
import type { RecordedCall } from "./recorded-call.ts";
import { SeenRecords } from "./seen-records.ts";

/** What was in the lines, beside the calls that were taken. */
export interface LogCounts {
  /** Lines that are no record and no JSON of anything else: halves of records, too long, not UTF-8, a member twice. */
  readonly unreadable: number;
  /** Lines of JSON that are no audit record. */
  readonly foreign: number;
  /** Records that stood there before: a file named twice, overlapping copies. */
  readonly repeated: number;
  /** Records that were too many to look for a repetition of them. */
  readonly unchecked: number;
  /** Records older than was asked for. */
  readonly older: number;
  /** Every record that was read, starts included. */
  readonly records: number;
  /** Calls of which there is a start record and no final one: the gateway was ended, or the log ends before. */
  readonly unfinished: number;
  /** Refusals that the gateway counted and did not write. */
  readonly unsampled: number;
  /** Records that the gateways wrote, by their count of them, and that stand in no line. */
  readonly missing: number;
  /** Gateway processes that wrote. */
  readonly instances: number;
  /** Time of the first and of the last record, milliseconds since 1970; null where there is none. */
  readonly first: number | null;
  readonly last: number | null;
}

export interface CallLogOptions {
  /** Records written before this instant are only counted; null for all. */
  readonly since: number | null;
  /** Told of each call once: by its final record, or its start record where that is all there is. */
  readonly take: (call: RecordedCall) => void;
}

/** More calls than are under way at once in all gateways together. */
const MAX_OPEN = 100_000;
/** A request has at most one record of each kind. */
const START = 1;
const FINAL = 2;
const CARRIAGE_RETURN = 0x0d;

/**
 * The calls of an audit log, whatever order its records and files are in. Memory is bounded: it grows with the number of
 * records by 16 to 32 bytes each up to 64 MiB, and with the names in them up to 16 MiB.
 */
export class CallLog {
  readonly #options: CallLogOptions;
  readonly #reader = new RecordReader();
  readonly #seen = new SeenRecords();
  readonly #gaps = new InstanceGaps();
  /** Starts whose final record was not read yet. */
  readonly #open = new Map<string, RecordedCall>();
  readonly #counts = { unreadable: 0, foreign: 0, repeated: 0, older: 0, records: 0, unfinished: 0, unsampled: 0 };
  #first = Infinity;
  #last = -Infinity;

  constructor(options: CallLogOptions) {
    this.#options = options;
  }

  /** How many records were read so far. */
  get records(): number {
    return this.#counts.records;
  }

  /** Takes whole lines; the last one may lack its line end. */
  addLines(text: string): void {
    for (let at = 0; at < text.length;) {
      const newline = text.indexOf("\n", at);
      const lineEnd = newline < 0 ? text.length : newline;
      const end = text.charCodeAt(lineEnd - 1) === CARRIAGE_RETURN ? lineEnd - 1 : lineEnd;
      if (end > at) this.#addLine(text, at, end);
      at = lineEnd + 1;
    }
  }

  /** Counts lines that could not even be made text. */
  addUnreadable(lines: number): void {
    this.#counts.unreadable += lines;
  }

  /** Gives the calls that only began, and tells what was read. */
  end(): LogCounts {
    for (const call of this.#open.values()) this.#takeUnfinished(call);
    this.#open.clear();
    const isEmpty = this.#counts.records === 0;
    return {
      ...this.#counts,
      unchecked: this.#seen.forgotten,
      missing: this.#gaps.missingAfter(this.#options.since),
      instances: this.#gaps.instances,
      first: isEmpty ? null : this.#first,
      last: isEmpty ? null : this.#last,
    };
  }

  #addLine(text: string, start: number, end: number): void {
    const reading = this.#reader.read(text, start, end);
    if (reading === "blank") return;
    if (reading === "foreign" || reading === "unreadable") this.#counts[reading] += 1;
    else this.#addRecord(reading);
  }

  #addRecord(record: RecordedCall): void {
    const counts = this.#counts;
    if (!this.#seen.add(record.requestId, record.phase === "final" ? FINAL : START)) {
      counts.repeated += 1;
      return;
    }
    counts.records += 1;
    this.#gaps.add(record);
    this.#first = Math.min(this.#first, record.at);
    this.#last = Math.max(this.#last, record.at);
    if (this.#options.since !== null && record.at < this.#options.since) {
      counts.older += 1;
      return;
    }
    counts.unsampled += record.unsampled;
    if (record.phase === "start") this.#addStart(record);
    else {
      if (this.#open.size > 0) this.#open.delete(record.requestId);
      this.#options.take(record);
    }
  }

  /** A log may be read backwards: then the final record came before. */
  #addStart(record: RecordedCall): void {
    if (this.#seen.has(record.requestId, FINAL)) return;
    const [oldest] = this.#open.size < MAX_OPEN ? [] : this.#open.values();
    if (oldest !== undefined) {
      this.#open.delete(oldest.requestId);
      this.#takeUnfinished(oldest);
    }
    const call = { ...record, requestId: detached(record.requestId), instance: detached(record.instance) };
    this.#open.set(call.requestId, call);
  }

  #takeUnfinished(call: RecordedCall): void {
    this.#counts.unfinished += 1;
    this.#options.take(call);
  }
}
