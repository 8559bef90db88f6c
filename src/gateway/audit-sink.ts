import { closeSync, openSync, write } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { AppError } from "../lib/errors.ts";
import { fileError, isFileErrorCode } from "../lib/files/file-error.ts";

const writeBytes = promisify(write);
const STDOUT = 1;
/** Records wait at most this long to be written together. */
const FLUSH_MS = 5;
const RETRY_MS = 250;

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
  readonly #descriptor: number;
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
    if (
      this.#isFailing ||
      this.#isClosed ||
      this.#bufferedBytes + this.#reservedBytes + bytes > this.#options.maxBufferedBytes
    )
      return false;
    this.#reservedBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#reservedBytes -= bytes;
  }

  append(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#bufferedBytes + bytes > 2 * this.#options.maxBufferedBytes) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#bufferedBytes += bytes;
    if (this.#writing === null && this.#timer === null) this.#timer = setTimeout(() => this.#start(), FLUSH_MS);
  }

  /** Resolves when everything appended so far is written. Never rejects; false when it is not within `timeoutMs`. */
  async flush(timeoutMs: number): Promise<boolean> {
    if (this.#bufferedBytes === 0) return true;
    const written = Promise.withResolvers<boolean>();
    this.#waiters.push(() => written.resolve(true));
    this.#start();
    const timer = setTimeout(() => written.resolve(false), timeoutMs);
    const isWritten = await written.promise;
    clearTimeout(timer);
    return isWritten;
  }

  async close(timeoutMs: number): Promise<void> {
    const isFlushed = await this.flush(timeoutMs);
    this.#isClosed = true;
    if (!isFlushed) this.#options.log(`audit: ${this.#bufferedBytes} bytes of records could not be written`);
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#descriptor !== STDOUT && isFlushed) closeSync(this.#descriptor);
  }

  #start(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
      // What came after the last look at the lines.
      if (this.#hasWork()) this.#start();
    });
  }

  #hasWork(): boolean {
    return !this.#isClosed && (this.#lines.length > 0 || this.#waiters.length > 0);
  }

  async #writeAll(): Promise<void> {
    while (this.#hasWork()) {
      const waiters = this.#waiters;
      this.#waiters = [];
      const bytes = Buffer.from(this.#lines.join(""));
      this.#lines = [];
      await this.#writeBytes(bytes);
      this.#bufferedBytes -= bytes.length;
      for (const waiter of waiters) waiter();
    }
  }

  /** Tries until it is written: what was begun must be finished, or a line would be torn. */
  async #writeBytes(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#isClosed;) {
      try {
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
    return openSync(path, "a", 0o600);
  } catch (error) {
    throw fileError(error, `the audit file ${path}`, "write");
  }
}
