import { AppError } from "../../src/lib/errors.ts";
import type {
  CreateOutcome,
  EntryHistory,
  EntryNote,
  KeyStore,
  ListOptions,
  NewEntry,
  StoredEntry,
} from "../../src/lib/keys/key-store.ts";
import { type EntryName, formatEntryName, isEntryName, parseEntryName } from "../../src/lib/keys/record.ts";
import type { Tombstone } from "../../src/lib/keys/tombstone.ts";

type Method = "verify" | "list" | "read" | "create" | "remove" | "history" | "bury" | "tombstones";

interface Held {
  readonly entry: StoredEntry;
  readonly note: EntryNote | null;
}

interface Fault {
  readonly method: Method;
  readonly error: Error;
  readonly when: "before" | "after";
  /** How many calls of the method pass before it. */
  readonly skip: number;
}

export interface MemoryStoreOptions {
  readonly label?: string;
  /** The time of every change, milliseconds since 1970. */
  readonly now?: () => number;
  /** The identity that the store sees; null for a store that sees none. */
  readonly by?: string | null;
  /** Ends every call once it is aborted, but those through `uninterrupted`. */
  readonly signal?: AbortSignal;
  /** Another handle on the same entries. */
  readonly sharing?: MemoryStore;
}

/** The port in memory: behaves as the contract suite says, and fails when a test asks for it. */
export class MemoryStore implements KeyStore {
  readonly label: string;
  /** Every call made, in order: `verify`, `list`, `create dev-readonly/<hash>`, ... */
  readonly asked: string[] = [];
  /** As a store that sends nothing. */
  readonly calls = null;
  /** What must be added to the test's clock to get the store's. */
  clockOffsetMs = 0;
  readonly #held: Map<string, Held>;
  readonly #tombstones: Tombstone[];
  readonly #faults: Fault[] = [];
  /** How many creates from now are taken and not proven. */
  #unproven: readonly number[] = [];
  readonly #now: () => number;
  readonly #by: string | null;
  readonly #signal: AbortSignal | undefined;

  constructor(options: MemoryStoreOptions = {}) {
    this.label = options.label ?? "memory";
    this.#now = options.now ?? (() => Date.parse("2026-11-20T10:00:00Z"));
    this.#by = options.by === undefined ? "tester" : options.by;
    this.#signal = options.signal;
    this.#held = options.sharing ? options.sharing.#held : new Map();
    this.#tombstones = options.sharing ? options.sharing.#tombstones : [];
  }

  /** The next `times` calls of `method` reject: before anything is done, or after it was done, unseen by the caller. */
  failNext(method: Method, error: Error, when: "before" | "after" = "before", times = 1): void {
    for (let index = 0; index < times; index += 1) this.#faults.push({ method, error, when, skip: 0 });
  }

  /** The same for one call of `method`, after `skip` others. */
  failAfter(skip: number, method: Method, error: Error, when: "before" | "after" = "before"): void {
    this.#faults.push({ method, error, when, skip });
  }

  /** The next create, or the one after `skip` others, is taken, and the store says that reading back did not show it. */
  unproveNext(skip = 0): void {
    this.#unproven = [...this.#unproven, skip];
  }

  /** Puts something under the path as a stranger would: any name, any value, and any note. */
  plant(label: string, value: string, version = 1, note: EntryNote | null = null): void {
    this.#put(label, value, version, note);
  }

  /** Changes an entry as only a stranger would; its version is then not 1. */
  overwrite(name: EntryName, value: string): void {
    const label = formatEntryName(name, "/");
    this.#put(label, value, (this.#held.get(label)?.entry.version ?? 0) + 1, null);
  }

  /** Deletes an entry as a stranger would. */
  lose(name: EntryName): void {
    this.#held.delete(formatEntryName(name, "/"));
  }

  verify(): Promise<void> {
    return this.#call("verify", "verify", () => undefined);
  }

  list({ role, onProgress }: ListOptions = {}): Promise<readonly StoredEntry[]> {
    return this.#call("list", role === undefined ? "list" : `list ${role}`, () => {
      const entries = [...this.#held.values()].map(({ entry }) => entry);
      const wanted = entries.filter(({ label }) => role === undefined || label.startsWith(`${role}/`));
      onProgress?.(wanted.length);
      return wanted;
    });
  }

  read(names: readonly EntryName[]): Promise<readonly (StoredEntry | null)[]> {
    const labels = names.map((name) => formatEntryName(name, "/"));
    return this.#call("read", `read ${labels.join(" ")}`, () =>
      labels.map((label) => this.#held.get(label)?.entry ?? null),
    );
  }

  async create(entries: readonly NewEntry[]): Promise<readonly CreateOutcome[]> {
    for (const { name } of entries) requireName(name);
    const outcomes: CreateOutcome[] = [];
    for (const entry of entries) outcomes.push(await this.#createOne(entry));
    return outcomes;
  }

  #createOne({ name, value, note }: NewEntry): Promise<CreateOutcome> {
    const label = formatEntryName(name, "/");
    return this.#call("create", `create ${label}`, () => {
      const there = this.#held.get(label);
      if (there) return { status: "exists", value: there.entry.value };
      this.#put(label, value, 1, note);
      const isProven = !this.#unproven.includes(0);
      this.#unproven = this.#unproven.filter((skip) => skip > 0).map((skip) => skip - 1);
      return { status: isProven ? "created" : "unproven" };
    });
  }

  remove(names: readonly EntryName[]): Promise<readonly EntryName[]> {
    const labels = names.map((name) => formatEntryName(name, "/"));
    return this.#call("remove", `remove ${labels.join(" ")}`, () => {
      for (const label of labels) this.#held.delete(label);
      return [];
    });
  }

  bury(tombstones: readonly Tombstone[]): Promise<void> {
    return this.#call("bury", `bury ${tombstones.map(({ hash }) => hash).join(" ")}`, () => {
      for (const tombstone of tombstones)
        if (!this.#tombstones.some(({ hash }) => hash === tombstone.hash)) this.#tombstones.push(tombstone);
    });
  }

  tombstones(): Promise<readonly Tombstone[]> {
    return this.#call("tombstones", "tombstones", () => [...this.#tombstones]);
  }

  uninterrupted(): KeyStore {
    return this.#signal === undefined ? this : new MemoryStore({ sharing: this, now: this.#now, by: this.#by });
  }

  history(names: readonly EntryName[] | null): Promise<readonly EntryHistory[]> {
    const labels = names?.map((name) => formatEntryName(name, "/")) ?? null;
    return this.#call("history", "history", () =>
      [...this.#held.values()].flatMap(({ entry, note }) =>
        entry.name && labels?.includes(entry.label) !== false
          ? [{ name: entry.name, by: this.#by, at: entry.changedAt, note }]
          : [],
      ),
    );
  }

  #put(label: string, value: string, version: number, note: EntryNote | null): void {
    const entry = { label, name: parseEntryName(label, "/"), value, version, changedAt: this.#now() };
    this.#held.set(label, { entry, note });
  }

  async #call<T>(method: Method, told: string, work: () => T): Promise<T> {
    this.asked.push(told);
    if (this.#signal?.aborted === true) throw new AppError("interrupted", "interrupted", `interrupted at ${method}`);
    const index = this.#faults.findIndex((fault) => fault.method === method);
    const [planned] = index < 0 ? [] : this.#faults.splice(index, 1);
    const isDue = planned !== undefined && planned.skip === 0;
    if (planned !== undefined && !isDue) this.#faults.splice(index, 0, { ...planned, skip: planned.skip - 1 });
    const fault = isDue ? planned : undefined;
    if (fault?.when === "before") throw fault.error;
    const result = work();
    if (fault) throw fault.error;
    return result;
  }
}

function requireName(name: EntryName): void {
  const label = formatEntryName(name, "/");
  if (!isEntryName(name)) throw new AppError("invalid", "entry_name_invalid", `${label} is no entry's name`);
}
