import { hash } from "node:crypto";
import { AppError } from "../../lib/errors.ts";
import { isFileErrorCode } from "../../lib/files/file-error.ts";
import { faultText } from "../fault.ts";
import type { Clock } from "./clock.ts";
import { openFeed, type Feed, type FeedPorts, type Reading } from "./feed.ts";
import { NOTHING_LOADED, type Loaded } from "./loaded.ts";

/** What every source needs of the gateway. */
export interface SourcePorts extends FeedPorts {
  readonly clock: Clock;
  readonly maxAgeMs: number;
  /** Called after every change of `current`. */
  readonly onChange: () => void;
  readonly log: (line: string) => void;
}

/** A followed file or object of the cluster, and the last good value made of it. */
export interface Source<T> {
  readonly what: string;
  readonly path: string;
  /** The resourceVersion that `current` was made of; null for a file. */
  readonly version: string | null;
  readonly current: Loaded<T>;
  readonly ready: Promise<void>;
  close(): void;
}

/** What a reading is worth: a value and since when it holds, or what is wrong with it. */
export type Verdict<T> = Approval<T> | Rejection;

export interface Approval<T> {
  readonly ok: true;
  readonly value: T;
  readonly freshAt: number;
  readonly staleAt: number;
  readonly problem: string | null;
}

export interface Rejection {
  readonly ok: false;
  readonly problem: string;
  /** Takes the last good value out of use at once. */
  readonly isFatal: boolean;
}

export interface SourceOptions<T> {
  readonly what: string;
  /** A file, or an object of the cluster. */
  readonly path: string;
  readonly dataKeys: readonly string[];
  readonly maxBytes: number;
  /** Whether not even a digest of it may be told. */
  readonly isSecret?: boolean;
  readonly paths?: () => Promise<readonly string[]>;
  /** Which of the files gives the digest: the last one. The bytes are gone afterwards: the value must not keep them. */
  readonly judge: (readings: readonly Reading[], previous: T | null) => Verdict<T>;
}

/** Follows a file or object and keeps the last good value; it is used for `maxAgeMs` after that broke, then no longer. */
export class FollowedSource<T> implements Source<T> {
  readonly what: string;
  readonly path: string;
  readonly #options: SourceOptions<T>;
  readonly #ports: SourcePorts;
  readonly #feed: Feed;
  #current: Loaded<T> = NOTHING_LOADED;
  /** The last good value, kept even while it is out of use: what it locked or revoked stays so. */
  #lastGood: T | null = null;
  #seen: string | null = null;
  #brokenAt: number | null = null;
  #version: string | null = null;

  constructor(options: SourceOptions<T>, ports: SourcePorts) {
    this.what = options.what;
    this.path = options.path;
    this.#options = options;
    this.#ports = ports;
    this.#feed = openFeed(options, ports, {
      onReadings: (readings) => {
        try {
          this.#take(readings);
        } finally {
          for (const reading of readings) if (reading.ok) release(reading.bytes);
        }
      },
      onConfirmed: () => this.#confirm(),
      onFault: (error) => ports.log(`${this.what} ${this.path}: ${faultText(error)}`),
    });
  }

  get current(): Loaded<T> {
    return this.#current;
  }

  get ready(): Promise<void> {
    return this.#feed.ready;
  }

  get version(): string | null {
    return this.#version;
  }

  close(): void {
    this.#feed.close();
  }

  #take(readings: readonly Reading[]): void {
    const digests = readings.map(digestOf);
    const seen = JSON.stringify(readings.map((reading, index) => fingerprint(reading, digests[index] ?? null)));
    this.#version = readings.find(({ version }) => version !== undefined)?.version ?? this.#version;
    if (seen === this.#seen) return this.#confirm();
    this.#seen = seen;
    const verdict = this.#judge(readings);
    const before = this.#current.problem;
    this.#current = verdict.ok
      ? this.#accept(verdict, digests.at(-1) ?? null)
      : this.#keep(verdict, brokenSince(readings) ?? this.#ports.clock.monotonic());
    if (this.#current.problem !== before) this.#report(this.#current.problem);
    this.#ports.onChange();
  }

  /** What was read is still what its owner wants. What tells its own time ages by that. */
  #confirm(): void {
    if (this.#brokenAt !== null || this.#current.value === null || this.#current.staleAt !== Infinity) return;
    this.#current = { ...this.#current, freshAt: this.#ports.clock.monotonic() };
  }

  #judge(readings: readonly Reading[]): Verdict<T> {
    try {
      return this.#options.judge(readings, this.#lastGood);
    } catch (error) {
      // Out of descriptors, the file may say anything: a flood of connections must not keep a revoked key alive.
      if (error instanceof AppError) return { ok: false, problem: error.message, isFatal: isOutOfDescriptors(error) };
      this.#ports.log(`${this.what} ${this.path}: ${faultText(error)}`);
      return { ok: false, problem: "could not be judged, see the log", isFatal: true };
    }
  }

  #accept(verdict: Approval<T>, digest: string | null): Loaded<T> {
    this.#brokenAt = null;
    this.#lastGood = verdict.value;
    const { value, staleAt, freshAt, problem } = verdict;
    return {
      value,
      staleAt,
      freshAt,
      problem,
      digest: this.#options.isSecret === true ? null : digest,
    };
  }

  #keep(verdict: Rejection, since: number): Loaded<T> {
    this.#brokenAt ??= since;
    // What was taken out of use comes back by a good reading only, not because less is known now.
    const value = verdict.isFatal ? null : this.#current.value;
    const staleAt = Math.min(this.#current.staleAt, this.#brokenAt + this.#ports.maxAgeMs);
    return {
      ...this.#current,
      value,
      staleAt,
      freshAt: this.#current.freshAt === null ? null : Math.min(this.#current.freshAt, this.#brokenAt),
      problem: verdict.problem,
    };
  }

  #report(problem: string | null): void {
    this.#ports.log(problem === null ? `${this.what} ${this.path} is read and in force` : problemLine(this, problem));
  }
}

/** One line for people; what reading a file said begins with its name already. */
export function problemLine({ what, path }: Pick<Source<unknown>, "what" | "path">, problem: string): string {
  const name = `${what} ${path}`;
  return problem.startsWith(`${name} `) ? problem : `${name}: ${problem}`;
}

/** Good for as long as its file can be read: no age limit. `problem` is worth telling all the same. */
export function healthy<T>(value: T, clock: Clock, problem: string | null = null): Approval<T> {
  return { ok: true, value, freshAt: clock.monotonic(), staleAt: Infinity, problem };
}

/** The bytes of the one file. @throws AppError as reading it failed */
export function bytesOf(readings: readonly Reading[]): Uint8Array {
  const reading = readings.at(-1);
  if (reading === undefined) throw new AppError("not-found", "file_not_found", "there is no file to read");
  if (!reading.ok) throw reading.error;
  return reading.bytes;
}

/** Since when is nothing known? Null where it is known that something is wrong now. */
function brokenSince(readings: readonly Reading[]): number | null {
  for (const reading of readings) if (!reading.ok && reading.since !== undefined) return reading.since;
  return null;
}

function fingerprint(reading: Reading, digest: string | null): readonly [string, string | null] {
  return [reading.path, reading.ok ? digest : reading.error.message];
}

function digestOf(reading: Reading): string | null {
  return reading.ok ? hash("sha256", reading.bytes) : null;
}

/**
 * Gives the memory of these bytes back at once. The collector is in no hurry with what lies outside its heap, and of a
 * large file that is read often dozens of readings would lie there.
 */
function release({ buffer, byteLength }: Uint8Array): void {
  // Small ones may share their memory with others.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

function isOutOfDescriptors({ cause }: AppError): boolean {
  return isFileErrorCode(cause, "EMFILE") || isFileErrorCode(cause, "ENFILE");
}
