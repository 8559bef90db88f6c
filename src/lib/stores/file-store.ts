import { mkdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { nanoid } from "nanoid";
import { redactText } from "../audit/redact.ts";
import { AppError } from "../errors.ts";
import { fileError, isFileErrorCode } from "../files/file-error.ts";
import { withFileLock } from "../files/file-lock.ts";
import { decodeUtf8, readFileBytesIfAnySync } from "../files/read-file.ts";
import { replaceFile } from "../files/write-file.ts";
import { keyId } from "../keys/key.ts";
import type { CreateOutcome, EntryHistory, EntryNote, KeyStore, StoredEntry } from "../keys/key-store.ts";
import { parseKeysJson } from "../keys/keys-json.ts";
import { formatEntryName, parseEntryName, parseKeyRecord, type EntryName } from "../keys/record.ts";
import { osUser } from "./os-user.ts";
import { appendAdminLine, readAdminLines, type AdminLine } from "./admin-log.ts";

export interface FileStoreOptions {
  /** The keys.json; made with its folder on the first change. */
  readonly path: string;
  /** The denylist beside it, made empty when the store is. */
  readonly denylist: string;
  /** As in messages, e.g. the path as it was given. */
  readonly label: string;
  readonly now: () => number;
  readonly signal?: AbortSignal;
}

/** Larger than any keys.json that a gateway takes. */
export const MAX_KEYS_JSON_BYTES = 64 * 1024 * 1024;
const MAX_REASON = 1024;
const MAX_AUTHOR = 256;
const EMPTY_DENYLIST = '{\n  "locks": []\n}\n';

/** The embedded store: one keys.json, changed under a lock and replaced whole, with admin.jsonl beside it. */
export function openFileStore(options: FileStoreOptions): KeyStore {
  return new FileStore(options);
}

class FileStore implements KeyStore {
  readonly label: string;
  readonly #options: FileStoreOptions;

  constructor(options: FileStoreOptions) {
    this.label = `file ${options.label}`;
    this.#options = options;
  }

  async verify(): Promise<void> {
    await this.list();
  }

  async list(): Promise<readonly StoredEntry[]> {
    return this.#read(await this.#target());
  }

  async read(name: EntryName): Promise<StoredEntry | null> {
    const label = formatEntryName(name, ".");
    return (await this.list()).find((entry) => entry.label === label) ?? null;
  }

  async create(name: EntryName, value: string, note: EntryNote): Promise<CreateOutcome> {
    if (parseEntryName(formatEntryName(name, "."), ".") === null) {
      throw new AppError("invalid", "entry_name_invalid", "that is not the name of a key's entry");
    }
    await this.#makeFolder();
    const target = await this.#target();
    return withFileLock(`${target}.lock`, () => this.#createLocked(target, name, value, note), this.#options.signal);
  }

  uninterrupted(): KeyStore {
    const { signal: _signal, ...options } = this.#options;
    return new FileStore(options);
  }

  async history(hashes: ReadonlySet<string>): Promise<readonly EntryHistory[]> {
    const history: EntryHistory[] = [];
    for (const line of await readAdminLines(adminLogOf(await this.#target()))) {
      const name = parseEntryName(line.entry, ".");
      if (line.outcome !== "done" || name === null || !hashes.has(name.hash)) continue;
      history.push({
        name,
        by: line.by,
        at: Date.parse(line.ts),
        note: noteOf(line),
      });
    }
    return history;
  }

  async #createLocked(target: string, name: EntryName, value: string, note: EntryNote): Promise<CreateOutcome> {
    const entries = await this.#read(target);
    const label = formatEntryName(name, ".");
    const standing = entries.find((entry) => entry.label === label);
    if (standing !== undefined) return { status: "exists", value: standing.value };
    const log = this.#adminLine(label, name, value, entries, note);
    const logPath = adminLogOf(target);
    await appendAdminLine(logPath, log("intent", null));
    // Only with the store itself: a denylist that somebody removed later must not come back empty.
    if (!(await exists(target))) await this.#makeDenylist();
    try {
      await replaceFile(target, formatKeysJson([...entries, { label, value }]));
    } catch (error) {
      await appendAdminLine(logPath, log("outcome", "failed")).catch(() => undefined);
      throw error;
    }
    await appendAdminLine(logPath, log("outcome", "done"));
    const stands = (await this.#read(target)).some((entry) => entry.label === label && entry.value === value);
    return { status: stands ? "created" : "unproven" };
  }

  #adminLine(label: string, name: EntryName, value: string, entries: readonly StoredEntry[], note: EntryNote) {
    const record =
      name.part === "record"
        ? value
        : entries.find(({ name: other }) => other?.hash === name.hash && other.part === "record")?.value;
    const fixed = {
      change_id: `chg_${nanoid(12)}`,
      action: note.action,
      by: osUser(),
      entry: label,
      key_id: keyId(name.hash),
      role: name.role,
      user: parseKeyRecord(record ?? "")?.user ?? null,
      reason: note.reason === undefined ? null : redactText(note.reason).slice(0, MAX_REASON),
      at: note.at,
      author: note.author?.slice(0, MAX_AUTHOR) ?? null,
    };
    return (phase: AdminLine["phase"], outcome: AdminLine["outcome"]): AdminLine => ({
      phase,
      ts: new Date(this.#options.now()).toISOString(),
      ...fixed,
      outcome,
    });
  }

  async #read(target: string): Promise<readonly StoredEntry[]> {
    const bytes = readFileBytesIfAnySync(target, "the key store", MAX_KEYS_JSON_BYTES);
    if (bytes === null) return [];
    const source = this.#options.label;
    return parseKeysJson(decodeUtf8(bytes, source), { source, allowsBareHashes: true });
  }

  /** A symbolic link is followed, so that replacing the file does not replace the link. */
  async #target(): Promise<string> {
    try {
      return await realpath(this.#options.path);
    } catch (error) {
      if (isFileErrorCode(error, "ENOENT")) return this.#options.path;
      throw fileError(error, `the key store ${this.#options.label}`, "read");
    }
  }

  async #makeFolder(): Promise<void> {
    try {
      await mkdir(dirname(this.#options.path), { recursive: true, mode: 0o700 });
    } catch (error) {
      throw fileError(error, `the folder of ${this.#options.label}`, "write");
    }
  }

  async #makeDenylist(): Promise<void> {
    const { denylist } = this.#options;
    if (await exists(denylist)) return;
    try {
      await mkdir(dirname(denylist), { recursive: true, mode: 0o700 });
    } catch (error) {
      throw fileError(error, `the folder of ${denylist}`, "write");
    }
    await replaceFile(denylist, EMPTY_DENYLIST);
  }
}

function noteOf({ action, at, reason, author }: AdminLine): EntryNote {
  return { action, at, ...(reason === null ? {} : { reason }), ...(author === null ? {} : { author }) };
}

function adminLogOf(keysJson: string): string {
  return join(dirname(keysJson), "admin.jsonl");
}

function formatKeysJson(entries: readonly { readonly label: string; readonly value: string }[]): string {
  const lines = entries.map(({ label, value }) => `  ${JSON.stringify(label)}: ${JSON.stringify(value)}`);
  return `{\n${lines.join(",\n")}\n}\n`;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isFileErrorCode(error, "ENOENT")) return false;
    throw fileError(error, path, "read");
  }
}
