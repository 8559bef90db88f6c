import { mkdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { nanoid } from "nanoid";
import { redactText } from "../audit/redact.ts";
import { AppError } from "../errors.ts";
import { EMPTY_DENYLIST } from "../policy/edit-denylist.ts";
import { fileError, isFileErrorCode } from "../files/file-error.ts";
import { withFileLock } from "../files/file-lock.ts";
import { decodeUtf8, readFileBytesIfAnySync } from "../files/read-file.ts";
import { replaceFile } from "../files/write-file.ts";
import { keyId } from "../keys/key.ts";
import type {
  CreateOutcome,
  EntryHistory,
  EntryNote,
  KeyStore,
  ListOptions,
  NewEntry,
  StoredEntry,
} from "../keys/key-store.ts";
import { parseKeysJson } from "../keys/keys-json.ts";
import { formatEntryName, isEntryName, parseEntryName, parseKeyRecord, type EntryName } from "../keys/record.ts";
import { formatTombstones, parseTombstones, type Tombstone } from "../keys/tombstone.ts";
import { osUser } from "./os-user.ts";
import { appendAdminLines, readAdminLines, type AdminLine } from "./admin-log.ts";

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

/** A change's line in the admin log, before it and after it. */
type LoggedChange = (phase: AdminLine["phase"], outcome: AdminLine["outcome"]) => AdminLine;

/** Larger than any keys.json that a gateway takes. */
export const MAX_KEYS_JSON_BYTES = 64 * 1024 * 1024;
const MAX_REASON = 1024;
const MAX_AUTHOR = 256;

/** The embedded store: one keys.json, changed under a lock and replaced whole, with admin.jsonl beside it. */
export function openFileStore(options: FileStoreOptions): KeyStore {
  return new FileStore(options);
}

class FileStore implements KeyStore {
  readonly label: string;
  readonly calls = null;
  /** It lies on this machine. */
  readonly clockOffsetMs = 0;
  readonly #options: FileStoreOptions;

  constructor(options: FileStoreOptions) {
    this.label = `file ${options.label}`;
    this.#options = options;
  }

  async verify(): Promise<void> {
    await this.list();
  }

  async list({ role, onProgress }: ListOptions = {}): Promise<readonly StoredEntry[]> {
    const entries = this.#read(await this.#target());
    const wanted = role === undefined ? entries : entries.filter(({ name }) => name?.role === role);
    onProgress?.(wanted.length);
    return wanted;
  }

  async read(names: readonly EntryName[]): Promise<readonly (StoredEntry | null)[]> {
    const entries = new Map((await this.list()).map((entry) => [entry.label, entry]));
    return names.map((name) => entries.get(formatEntryName(name, ".")) ?? null);
  }

  async create(entries: readonly NewEntry[]): Promise<readonly CreateOutcome[]> {
    if (entries.some(({ name }) => !isEntryName(name)))
      throw new AppError("invalid", "entry_name_invalid", "that is not the name of a key's entry");
    await this.#makeFolder();
    return this.#locked((target) => this.#createLocked(target, entries));
  }

  async remove(names: readonly EntryName[], note: EntryNote): Promise<readonly EntryName[]> {
    return this.#locked(async (target) => {
      const entries = this.#read(target);
      const labels = new Set(names.map((name) => formatEntryName(name, ".")));
      // By what it stands for, since a bare hash has no folder in its label.
      const isMeant = ({ name }: StoredEntry): boolean => name !== null && labels.has(formatEntryName(name, "."));
      const gone = entries.filter(isMeant);
      const kept = entries.filter((entry) => !isMeant(entry));
      const logged = gone.flatMap(({ label, name, value }) =>
        name === null ? [] : [this.#adminLine(label, name, value, entries, note)],
      );
      if (gone.length > 0) await this.#replace(target, kept, logged);
      const left = new Set(this.#read(target).map(({ name }) => (name === null ? "" : formatEntryName(name, "."))));
      return names.filter((name) => left.has(formatEntryName(name, ".")));
    });
  }

  uninterrupted(): KeyStore {
    const { signal: _signal, ...options } = this.#options;
    return new FileStore(options);
  }

  async history(names: readonly EntryName[] | null): Promise<readonly EntryHistory[]> {
    const labels = names === null ? null : new Set(names.map((name) => formatEntryName(name, ".")));
    const history: EntryHistory[] = [];
    for (const line of await readAdminLines(adminLogOf(await this.#target()))) {
      const name = parseEntryName(line.entry, ".");
      if (line.outcome !== "done" || name === null || labels?.has(line.entry) === false) continue;
      // Its end is told by its absence, and by its tombstone.
      if (line.action === "prune") continue;
      history.push({
        name,
        by: line.by,
        at: Date.parse(line.ts),
        note: noteOf(line),
      });
    }
    return history;
  }

  async bury(tombstones: readonly Tombstone[]): Promise<void> {
    await this.#locked(async (target) => {
      const path = prunedFileOf(target);
      const known = this.#readTombstones(path);
      const buried = new Set(known.map(({ hash }) => hash));
      const fresh = tombstones.filter(({ hash }) => !buried.has(hash));
      if (fresh.length > 0) await replaceFile(path, `${formatTombstones([...known, ...fresh])}\n`);
    });
  }

  async tombstones(): Promise<readonly Tombstone[]> {
    return this.#readTombstones(prunedFileOf(await this.#target()));
  }

  #readTombstones(path: string): readonly Tombstone[] {
    const bytes = readFileBytesIfAnySync(path, "the pruned keys", MAX_KEYS_JSON_BYTES);
    return bytes === null ? [] : parseTombstones(decodeUtf8(bytes, path), path);
  }

  async #locked<T>(work: (target: string) => Promise<T>): Promise<T> {
    const target = await this.#target();
    return withFileLock(`${target}.lock`, () => work(target), this.#options.signal);
  }

  async #createLocked(target: string, wanted: readonly NewEntry[]): Promise<readonly CreateOutcome[]> {
    const entries = this.#read(target);
    const standing = new Map(entries.map(({ label, value }) => [label, value]));
    const fresh: { readonly label: string; readonly value: string }[] = [];
    const logged: LoggedChange[] = [];
    const outcomes = wanted.map(({ name, value, note }): CreateOutcome => {
      const label = formatEntryName(name, ".");
      const there = standing.get(label);
      if (there !== undefined) return { status: "exists", value: there };
      standing.set(label, value);
      fresh.push({ label, value });
      logged.push(this.#adminLine(label, name, value, entries, note));
      return { status: "created" };
    });
    if (fresh.length === 0) return outcomes;
    // Only with the store itself: a denylist that somebody removed later must not come back empty.
    if (!(await exists(target))) await this.#makeDenylist();
    await this.#replace(target, [...entries, ...fresh], logged);
    const stands = new Map(this.#read(target).map(({ label, value }) => [label, value]));
    return outcomes.map((outcome, index) => {
      const { name, value } = wanted[index] as NewEntry;
      const isProven = outcome.status !== "created" || stands.get(formatEntryName(name, ".")) === value;
      return isProven ? outcome : { status: "unproven" };
    });
  }

  /** Records what is meant, replaces the file, records what became of it. */
  async #replace(
    target: string,
    entries: readonly { readonly label: string; readonly value: string }[],
    changes: readonly LoggedChange[],
  ): Promise<void> {
    const log = adminLogOf(target);
    const lines = (...as: Parameters<LoggedChange>): readonly AdminLine[] => changes.map((change) => change(...as));
    await appendAdminLines(log, lines("intent", null));
    try {
      await replaceFile(target, formatKeysJson(entries));
    } catch (error) {
      await appendAdminLines(log, lines("outcome", "failed")).catch(() => undefined);
      throw error;
    }
    await appendAdminLines(log, lines("outcome", "done"));
  }

  #adminLine(
    label: string,
    name: EntryName,
    value: string,
    entries: readonly StoredEntry[],
    note: EntryNote,
  ): LoggedChange {
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
    return (phase, outcome) => ({
      phase,
      ts: new Date(this.#options.now()).toISOString(),
      ...fixed,
      outcome,
    });
  }

  #read(target: string): readonly StoredEntry[] {
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

function prunedFileOf(keysJson: string): string {
  return join(dirname(keysJson), "pruned.json");
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
