import { hash } from "node:crypto";
import { AppError } from "../../lib/errors.ts";
import { isFileErrorCode } from "../../lib/files/file-error.ts";
import { followFiles, type FileFollower, type FileReading } from "../../lib/files/follow-file.ts";
import { faultText } from "../fault.ts";
import type { Clock } from "./clock.ts";
import { NOTHING_LOADED, type Loaded } from "./loaded.ts";

/** What every source needs of the gateway. */
export interface SourcePorts {
  readonly clock: Clock;
  readonly maxAgeMs: number;
  readonly pollMs: number;
  /** Called after every change of `current`. */
  readonly onChange: () => void;
  readonly log: (line: string) => void;
}

/** A followed file, or several that belong together, and the last good value made of it. */
export interface Source<T> {
  readonly what: string;
  readonly path: string;
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
  readonly path: string;
  readonly maxBytes: number;
  /** Whether not even a digest of it may be told. */
  readonly isSecret?: boolean;
  readonly paths?: () => Promise<readonly string[]>;
  /** Which of the files gives the digest: the last one. The bytes are gone afterwards: the value must not keep them. */
  readonly judge: (readings: readonly FileReading[], previous: T | null) => Verdict<T>;
}

/** Follows files and keeps the last good value; it is used for `maxAgeMs` after its file broke, then no longer. */
export class FileSource<T> implements Source<T> {
  readonly what: string;
  readonly path: string;
  readonly #options: SourceOptions<T>;
  readonly #ports: SourcePorts;
  readonly #follower: FileFollower;
  #current: Loaded<T> = NOTHING_LOADED;
  /** The last good value, kept even while it is out of use: what it locked or revoked stays so. */
  #lastGood: T | null = null;
  #seen: string | null = null;
  #brokenAt: number | null = null;

  constructor(options: SourceOptions<T>, ports: SourcePorts) {
    this.what = options.what;
    this.path = options.path;
    this.#options = options;
    this.#ports = ports;
    const paths = options.paths ?? (() => Promise.resolve([options.path]));
    const { what, maxBytes } = options;
    this.#follower = followFiles({
      paths,
      what,
      maxBytes,
      pollMs: ports.pollMs,
      onReadings: (readings) => {
        try {
          this.#take(readings);
        } finally {
          for (const reading of readings) if (reading.ok) release(reading.bytes);
        }
      },
      onFault: (error) => ports.log(`${what} ${options.path}: ${faultText(error)}`),
    });
  }

  get current(): Loaded<T> {
    return this.#current;
  }

  get ready(): Promise<void> {
    return this.#follower.ready;
  }

  close(): void {
    this.#follower.close();
  }

  #take(readings: readonly FileReading[]): void {
    const digests = readings.map(digestOf);
    const seen = JSON.stringify(readings.map((reading, index) => fingerprint(reading, digests[index] ?? null)));
    if (seen === this.#seen) return;
    this.#seen = seen;
    const verdict = this.#judge(readings);
    const before = this.#current.problem;
    this.#current = verdict.ok ? this.#accept(verdict, digests.at(-1) ?? null) : this.#keep(verdict);
    if (this.#current.problem !== before) this.#report(this.#current.problem);
    this.#ports.onChange();
  }

  #judge(readings: readonly FileReading[]): Verdict<T> {
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

  #keep(verdict: Rejection): Loaded<T> {
    this.#brokenAt ??= this.#ports.clock.monotonic();
    const value = verdict.isFatal ? null : this.#lastGood;
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
export function bytesOf(readings: readonly FileReading[]): Uint8Array {
  const reading = readings.at(-1);
  if (reading === undefined) throw new AppError("not-found", "file_not_found", "there is no file to read");
  if (!reading.ok) throw reading.error;
  return reading.bytes;
}

function fingerprint(reading: FileReading, digest: string | null): readonly [string, string | null] {
  return [reading.path, reading.ok ? digest : reading.error.message];
}

function digestOf(reading: FileReading): string | null {
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
