import { constants } from "node:fs";
import { mkdir, open, readdir, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { nanoid } from "nanoid";
import { AppError } from "../errors.ts";
import { fileError, isFileErrorCode } from "../files/file-error.ts";
import { tryFileLock, type HeldLock } from "../files/file-lock.ts";
import { isKeyId } from "../keys/key.ts";
import { isKeyHash } from "../keys/record.ts";
import type { DeliveryJournals, OpenJournal, UndeliveredKey } from "../keys/undelivered.ts";
import { isRoleName } from "../names.ts";

const SUFFIX = ".jsonl";
/** Of a process that rotates every key there is. */
const MAX_BYTES = 64 * 1024 * 1024;
const APPEND = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/**
 * The journals of one store: a file for each process that makes keys, which it locks for as long as it lives. A file
 * that nobody locks was left behind by a process that died. Nothing in them is secret.
 */
export function openJournals(folder: string): DeliveryJournals {
  return new FileJournals(folder);
}

class FileJournals implements DeliveryJournals {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** On the disk from the first key on. */
  own(): OpenJournal {
    return new FileJournal(this.#folder, nanoid(12), null);
  }

  async abandoned(): Promise<readonly OpenJournal[]> {
    const found: OpenJournal[] = [];
    for (const file of await this.#files()) {
      const id = file.slice(0, -SUFFIX.length);
      const lock = tryFileLock(join(this.#folder, `${id}.lock`));
      if (lock === null) continue;
      const journal = new FileJournal(this.#folder, id, lock);
      await journal.load();
      if (journal.undelivered.length > 0) found.push(journal);
      else await journal.close();
    }
    return found;
  }

  async #files(): Promise<readonly string[]> {
    try {
      return (await readdir(this.#folder)).filter((name) => name.endsWith(SUFFIX));
    } catch (error) {
      if (isFileErrorCode(error, "ENOENT")) return [];
      throw fileError(error, `the folder ${this.#folder}`, "read");
    }
  }
}

class FileJournal implements OpenJournal {
  readonly #folder: string;
  readonly #path: string;
  readonly #lockPath: string;
  readonly #undelivered = new Map<string, UndeliveredKey>();
  #lock: HeldLock | null;
  #file: FileHandle | null = null;

  constructor(folder: string, id: string, lock: HeldLock | null) {
    this.#folder = folder;
    this.#path = join(folder, `${id}${SUFFIX}`);
    this.#lockPath = join(folder, `${id}.lock`);
    this.#lock = lock;
  }

  get undelivered(): readonly UndeliveredKey[] {
    return [...this.#undelivered.values()];
  }

  async begin(key: UndeliveredKey): Promise<void> {
    await this.#append({ begin: key });
    this.#undelivered.set(key.hash, key);
  }

  async settle(hash: string): Promise<void> {
    await this.#append({ settle: hash });
    this.#undelivered.delete(hash);
  }

  /** Reads what stands there. */
  async load(): Promise<void> {
    try {
      await using file = await open(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW);
      if ((await file.stat()).size > MAX_BYTES)
        throw new AppError("invalid", "file_too_large", `${this.#path} is too large`);
      for (const line of (await file.readFile("utf8")).split("\n")) this.#apply(line);
    } catch (error) {
      // Its owner ended well in between.
      if (!isFileErrorCode(error, "ENOENT")) throw fileError(error, this.#path, "read");
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
    if (this.#lock === null) return;
    if (this.#undelivered.size === 0)
      for (const path of [this.#path, this.#lockPath]) await unlink(path).catch(() => undefined);
    this.#lock.close();
    this.#lock = null;
  }

  async #append(line: object): Promise<void> {
    try {
      await this.#open();
      await this.#file?.appendFile(`${JSON.stringify(line)}\n`);
      await this.#file?.sync();
    } catch (error) {
      throw fileError(error, `the journal ${this.#path}`, "write");
    }
  }

  /** Locked before the file is there: nobody may take it for a dead process's. */
  async #open(): Promise<void> {
    if (this.#file !== null) return;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    this.#lock ??= tryFileLock(this.#lockPath);
    if (this.#lock === null) throw new AppError("unavailable", "store_locked", `${this.#lockPath} is in use`);
    this.#file = await open(this.#path, APPEND, 0o600);
    // A line that a crash cut short must not swallow the next one.
    await this.#file.appendFile("\n");
  }

  /** A line that is none of ours, or was cut short, says nothing: what it was about had not begun. */
  #apply(text: string): void {
    const line = parseLine(text);
    if (line?.begin !== undefined) this.#undelivered.set(line.begin.hash, line.begin);
    if (line?.settle !== undefined) this.#undelivered.delete(line.settle);
  }
}

function parseLine(text: string): { readonly begin?: UndeliveredKey; readonly settle?: string } | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return null;
    if ("settle" in value && typeof value.settle === "string") return { settle: value.settle };
    return "begin" in value && isUndelivered(value.begin) ? { begin: value.begin } : null;
  } catch {
    return null;
  }
}

function isUndelivered(value: unknown): value is UndeliveredKey {
  if (typeof value !== "object" || value === null) return false;
  const { hash, role, replaces, insteadOf, sink } = value as Partial<Record<keyof UndeliveredKey, unknown>>;
  const isSuccessor = replaces === null || (typeof replaces === "string" && isKeyHash(replaces));
  const isAgain = insteadOf === undefined || (typeof insteadOf === "string" && isKeyId(insteadOf));
  const isSink = sink === null || typeof sink === "string";
  return (
    typeof hash === "string" &&
    isKeyHash(hash) &&
    typeof role === "string" &&
    isRoleName(role) &&
    isSuccessor &&
    isAgain &&
    isSink
  );
}
