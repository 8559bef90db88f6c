import { watch, type FSWatcher } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { AppError } from "../errors.ts";
import { readFileBytes } from "./read-file.ts";

/** A file as it was last seen: its bytes, or why there are none. */
export type FileReading =
  | { readonly ok: true; readonly path: string; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly path: string; readonly error: AppError };

export interface FollowOptions {
  /** Which files to read now, in this order; asked at every look, for a path may turn from a file into a folder. */
  readonly paths: () => Promise<readonly string[]>;
  /** How people call them, for messages. */
  readonly what: string;
  readonly maxBytes: number;
  /** How often to look where no change was announced (network file systems announce none). */
  readonly pollMs: number;
  /** Called with all files whenever one of them changed, first when all were looked at once. */
  readonly onReadings: (readings: readonly FileReading[]) => void;
  /** Called with what `paths` or `onReadings` threw; the files are looked at again all the same. */
  readonly onFault: (error: unknown) => void;
}

export interface FileFollower {
  /** Resolves after the first call of `onReadings`. */
  readonly ready: Promise<void>;
  close(): void;
}

/** Changes come in bursts: a mounted Secret is swapped in several steps. */
const DEBOUNCE_MS = 5;
/** A file changed more recently than this may change again without its times showing it (their grain is some milliseconds). */
const SETTLED_MS = 100;
/** A read that hangs, as on a dead network mount, counts as an error. */
const READ_TIMEOUT_MS = 10_000;

/** Follows the content of files, whatever way they are replaced: written in place, renamed over, or swapped by symbolic link. */
export function followFiles(options: FollowOptions): FileFollower {
  const follower = new Follower(options);
  return { ready: follower.start(), close: () => follower.close() };
}

class Follower {
  readonly #options: FollowOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #names: ReadonlySet<string> = new Set();
  #signature: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #nextLookMs: number;
  #isLooking = false;
  #isDirty = false;
  #isClosed = false;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#nextLookMs = options.pollMs;
  }

  start(): Promise<void> {
    return this.#look();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) {
      this.#isDirty = true;
      return;
    }
    this.#isLooking = true;
    do {
      this.#isDirty = false;
      try {
        await this.#lookOnce();
      } catch (error) {
        this.#options.onFault(error);
      }
    } while (this.#isDirty && !this.#isClosed);
    this.#isLooking = false;
    this.#lookAgainIn(this.#nextLookMs);
  }

  async #lookOnce(): Promise<void> {
    this.#nextLookMs = this.#options.pollMs;
    const paths = await this.#options.paths();
    this.#watch(paths);
    // The signature comes before the bytes: what is written between the two is seen at the next look.
    const signatures = await Promise.all(paths.map(signatureOf));
    const signature = signatures.map(({ text }) => text).join("\n");
    if (signature === this.#signature) return;
    const readings: FileReading[] = [];
    for (const path of paths) readings.push(await this.#read(path));
    // What failed, or changed just now, is read again at the next look.
    const isSettled = signatures.every(({ changedMs }) => Math.abs(Date.now() - changedMs) > SETTLED_MS);
    this.#signature = isSettled && readings.every(({ ok }) => ok) ? signature : null;
    this.#nextLookMs = isSettled ? this.#options.pollMs : SETTLED_MS;
    if (!this.#isClosed) this.#options.onReadings(readings);
  }

  async #read(path: string): Promise<FileReading> {
    const { what, maxBytes } = this.#options;
    try {
      return { ok: true, path, bytes: await inTime(readFileBytes(path, what, maxBytes), `${what} ${path}`) };
    } catch (cause) {
      const error =
        cause instanceof AppError
          ? cause
          : new AppError("unavailable", "file_failed", `${what} ${path} could not be read`, { cause });
      return { ok: false, path, error };
    }
  }

  #lookAgainIn(delayMs: number): void {
    if (this.#isClosed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#look();
    }, delayMs).unref();
  }

  /** Watches the folders: a watch on a file itself ends when the file is replaced. */
  #watch(paths: readonly string[]): void {
    this.#names = new Set(paths.map((path) => basename(path)));
    const folders = new Set(paths.map((path) => dirname(path)));
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#watchFolder(folder);
  }

  #watchFolder(folder: string): void {
    if (this.#isClosed) return;
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        // `..data` is the link that the kubelet swaps in the folder of a mounted Secret or ConfigMap.
        if (name === null || this.#names.has(name) || name.startsWith("..")) this.#lookSoon();
      });
      const forget = (): void => {
        watcher.close();
        this.#watchers.delete(folder);
      };
      watcher.on("error", forget);
      this.#watchers.set(folder, watcher);
    } catch {
      // No such folder yet, or no watches left: the slow look goes on.
    }
  }

  #lookSoon(): void {
    if (this.#isLooking) this.#isDirty = true;
    else this.#lookAgainIn(DEBOUNCE_MS);
  }
}

interface Signature {
  readonly text: string;
  readonly changedMs: number;
}

async function signatureOf(path: string): Promise<Signature> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = await inTime(stat(path, { bigint: true }), path);
    return { text: [dev, ino, size, mtimeNs, ctimeNs].join(" "), changedMs: Number(ctimeMs) };
  } catch {
    return { text: "unreadable", changedMs: 0 };
  }
}

async function inTime<T>(work: Promise<T>, label: string): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    timeout.reject(
      new AppError("unavailable", "file_timeout", `${label} could not be read within ${READ_TIMEOUT_MS / 1000} s`),
    );
  }, READ_TIMEOUT_MS);
  try {
    return await Promise.race([work, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
