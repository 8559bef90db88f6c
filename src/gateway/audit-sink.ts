import { closeSync, constants, fstatSync, openSync, readSync, statSync, write } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { AppError } from "../lib/errors.ts";
import { fileError, isFileErrorCode } from "../lib/files/file-error.ts";

const writeBytes = promisify(write);
const STDOUT = 1;
/** Records wait at most this long to be written together; half as long costs 2 us more for each of 8,000 calls a second. */
const FLUSH_MS = 10;
const RETRY_MS = 250;
/** How often to look whether the file is still where its name says. */
const LOOK_MS = 250;
/** A usual record. */
const LINE_BYTES = 1024;
/** A pipe without a reader must not hang the start; one with a slow reader says EAGAIN. */
const APPEND = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

export interface AuditSinkOptions {
  /** Null for standard output. */
  readonly path: string | null;
  readonly maxBufferedBytes: number;
  readonly log: (line: string) => void;
}

/**
 * Where audit lines go. Nothing is written on the event loop's time: lines are gathered and written by a thread, one
 * write after the other. While writing fails, or too much waits, `reserve` says no, and calls are refused.
 */
export class AuditSink {
  readonly #options: AuditSinkOptions;
  #descriptor: number;
  #lookedAt = 0;
  #lines: string[] = [];
  #bufferedBytes = 0;
  #reservedBytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> | null = null;
  #waiters: (() => void)[] = [];
  #isFailing = false;
  #isClosed = false;
  #failures = 0;
  #dropped = 0;

  /** @throws AppError when the file cannot be opened */
  constructor(options: AuditSinkOptions) {
    this.#options = options;
    this.#descriptor = options.path === null ? STDOUT : openForAppend(options.path);
    // A line that a crash cut short must not swallow the first of ours.
    if (options.path !== null && endsInsideLine(this.#descriptor)) this.append("\n", true);
  }

  /** Whether so much waits to be written that no further call would be let through. */
  get isFull(): boolean {
    return !this.#hasRoom(LINE_BYTES);
  }

  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** Failed writes, and records that found no room. */
  get failures(): { readonly writes: number; readonly dropped: number } {
    return { writes: this.#failures, dropped: this.#dropped };
  }

  /** Sets room aside for a record to come; false when it could not be written. Give it back with `release`. */
  reserve(bytes: number): boolean {
    if (this.#isFailing || this.#isClosed || !this.#hasRoom(bytes)) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#reservedBytes -= bytes;
  }

  /** Bytes of lines that wait to be written. */
  get waitingBytes(): number {
    return this.#bufferedBytes;
  }

  /** Takes a line; one that room was reserved for always finds it, others share what the reservations leave: false when none is left. */
  append(line: string, isReserved: boolean): boolean {
    const bytes = Buffer.byteLength(line);
    const most = 2 * this.#options.maxBufferedBytes - this.#reservedBytes;
    if (this.#isClosed || (!isReserved && this.#bufferedBytes + bytes > most)) {
      this.#dropped += 1;
      return false;
    }
    this.#lines.push(line);
    this.#bufferedBytes += bytes;
    this.#startSoon();
    return true;
  }

  /** Resolves when everything appended so far is written. Never rejects; false when it is not within `timeoutMs`. */
  async flush(timeoutMs: number): Promise<boolean> {
    if (this.#bufferedBytes === 0) return true;
    const written = Promise.withResolvers<boolean>();
    this.#waiters.push(() => written.resolve(true));
    this.#startSoon();
    const timer = setTimeout(() => written.resolve(false), timeoutMs);
    const isWritten = await written.promise;
    clearTimeout(timer);
    return isWritten;
  }

  /** Writes what waits and closes; false when some of it could not be written within `timeoutMs`. */
  async close(timeoutMs: number): Promise<boolean> {
    const isFlushed = await this.flush(timeoutMs);
    this.#isClosed = true;
    if (!isFlushed) this.#options.log(`audit: ${this.#bufferedBytes} bytes of records could not be written`);
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#descriptor !== STDOUT && isFlushed) closeSync(this.#descriptor);
    return isFlushed;
  }

  #hasRoom(bytes: number): boolean {
    return this.#bufferedBytes + this.#reservedBytes + bytes <= this.#options.maxBufferedBytes;
  }

  /** Somebody who waits is not kept waiting; all others share a write with those who come within the next moments. */
  #startSoon(): void {
    if (this.#writing !== null || !this.#hasWork()) return;
    if (this.#waiters.length > 0) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), FLUSH_MS);
  }

  #start(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writing ??= this.#writeWaiting().finally(() => {
      this.#writing = null;
      this.#startSoon();
    });
  }

  #hasWork(): boolean {
    return !this.#isClosed && (this.#lines.length > 0 || this.#waiters.length > 0);
  }

  async #writeWaiting(): Promise<void> {
    const waiters = this.#waiters;
    this.#waiters = [];
    const bytes = Buffer.from(this.#lines.join(""));
    this.#lines = [];
    await this.#writeBytes(bytes);
    this.#bufferedBytes -= bytes.length;
    for (const waiter of waiters) waiter();
  }

  /** Tries until it is written: what was begun must be finished, or a line would be torn. */
  async #writeBytes(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#isClosed;) {
      try {
        if (at === 0) this.#reopenIfMoved();
        const { bytesWritten } = await writeBytes(this.#descriptor, bytes, at, bytes.length - at, null);
        at += bytesWritten;
        this.#recover();
      } catch (error) {
        // A pipe that is full for the moment is no failure; the bound on what waits is.
        const isBusy = isFileErrorCode(error, "EAGAIN");
        if (!isBusy) this.#fail(error);
        await delay(isBusy ? FLUSH_MS : RETRY_MS, undefined, { ref: false });
      }
    }
  }

  /** A file that was rotated away or removed takes records that nobody will read: its name gets a new one. */
  #reopenIfMoved(): void {
    const { path } = this.#options;
    if (path === null || performance.now() - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = performance.now();
    const ours = fstatSync(this.#descriptor);
    const named = statSync(path, { throwIfNoEntry: false });
    if (named !== undefined && named.ino === ours.ino && named.dev === ours.dev) return;
    const fresh = openForAppend(path);
    closeSync(this.#descriptor);
    this.#descriptor = fresh;
  }

  #fail(error: unknown): void {
    this.#failures += 1;
    if (this.#isFailing) return;
    this.#isFailing = true;
    const label = this.#options.path ?? "standard output";
    const known = fileError(error, `audit: ${label}`, "write");
    this.#options.log(known instanceof AppError ? known.message : `audit: ${label} could not be written`);
  }

  #recover(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#options.log("audit: records are written again");
  }
}

function openForAppend(path: string): number {
  try {
    return openSync(path, APPEND, 0o600);
  } catch (error) {
    throw fileError(error, `the audit file ${path}`, "write");
  }
}

function endsInsideLine(descriptor: number): boolean {
  const stat = fstatSync(descriptor);
  if (!stat.isFile() || stat.size === 0) return false;
  const last = Buffer.alloc(1);
  readSync(descriptor, last, 0, 1, stat.size - 1);
  return last.toString() !== "\n";
}
