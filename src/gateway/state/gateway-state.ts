import { hash } from "node:crypto";
import { FollowedKeyring } from "../../lib/keys/followed-keyring.ts";
import { EMPTY_KEYRING, type Keyring } from "../../lib/keys/keyring.ts";
import type { StoredEntry } from "../../lib/keys/key-store.ts";
import type { Policy } from "../../lib/policy/decide.ts";
import { indexLocks, type Lock, type Locks } from "../../lib/policy/locks.ts";
import type { Registry } from "../../lib/policy/registry.ts";
import type { Roles } from "../../lib/policy/role-file.ts";
import { faultText } from "../fault.ts";
import type { SessionSecrets } from "../mcp/session-id.ts";
import type { Clock } from "./clock.ts";
import { keysSource, type KeysPath } from "./keys-source.ts";
import { NOTHING_LOADED, usable, type Loaded } from "./loaded.ts";
import { locksSource, registrySource, rolesSource } from "./policy-sources.ts";
import { ephemeralSecrets, sessionSecretSource } from "./session-secret-source.ts";
import type { Source, SourcePorts } from "./source.ts";

/** How far the keys of one role's folder may be trusted, where it is followed by itself. */
export interface KeyFolder {
  readonly role: string;
  readonly entries: Loaded<unknown>;
}

/** All keys together, usable while the paths are that may hold keys of any role. */
export interface LoadedKeys extends Loaded<Keyring> {
  readonly folders: readonly KeyFolder[];
  /** Monotonic milliseconds from which the first of the folders is out of use; Infinity without folders. */
  readonly foldersStaleAt: number;
}

/** Everything a decision needs, as of one moment; never changed, only replaced. */
export interface Snapshot {
  readonly keyring: LoadedKeys;
  readonly policy: Loaded<Policy>;
  readonly locks: Loaded<Locks>;
  readonly sessions: Loaded<SessionSecrets>;
}

export const NO_KEYS: LoadedKeys = { ...NOTHING_LOADED, folders: [], foldersStaleAt: Infinity };

const UNUSABLE: Snapshot = {
  keyring: NO_KEYS,
  policy: NOTHING_LOADED,
  locks: NOTHING_LOADED,
  sessions: NOTHING_LOADED,
};

export interface StatePaths {
  readonly keys: readonly KeysPath[];
  readonly locks: string;
  readonly roles: string;
  readonly backends: string;
  /** Null for a secret of this process alone. */
  readonly sessionSecret: string | null;
  readonly allowsBareHashes: boolean;
}

export type StatePorts = Omit<SourcePorts, "onChange">;

/** Enough to tell two policies apart in a record. */
const DIGEST_LENGTH = 16;

type AnySource = Source<unknown>;

/** Follows the files and keeps the snapshot that requests decide on. */
export class GatewayState {
  readonly #clock: Clock;
  readonly #keys: readonly { readonly role: string | null; readonly source: Source<readonly StoredEntry[]> }[];
  readonly #locks: Source<readonly Lock[]>;
  readonly #roles: Source<Roles>;
  readonly #registry: Source<Registry>;
  readonly #sessionSecret: Source<SessionSecrets> | null;
  readonly #ephemeral = ephemeralSecrets();
  readonly #listeners: (() => void)[] = [];
  /** Of which value of each source the keyring was made. */
  readonly #seen = new Map<AnySource, unknown>();
  readonly #log: (line: string) => void;
  readonly #keyring = new FollowedKeyring(EMPTY_KEYRING);
  #snapshot: Snapshot;

  constructor(paths: StatePaths, ports: StatePorts) {
    this.#clock = ports.clock;
    this.#log = ports.log;
    const sourcePorts: SourcePorts = { ...ports, onChange: () => this.#swap() };
    this.#keys = paths.keys.map((path) => ({
      role: path.role,
      source: keysSource(path, paths.allowsBareHashes, sourcePorts),
    }));
    this.#locks = locksSource(paths.locks, sourcePorts);
    this.#roles = rolesSource(paths.roles, sourcePorts);
    this.#registry = registrySource(paths.backends, sourcePorts);
    this.#sessionSecret = paths.sessionSecret === null ? null : sessionSecretSource(paths.sessionSecret, sourcePorts);
    this.#snapshot = this.#build();
  }

  get current(): Snapshot {
    return this.#snapshot;
  }

  /** Every followed file, for the admin listener. */
  get sources(): readonly AnySource[] {
    const followed = [...this.#keys.map(({ source }) => source), this.#roles, this.#registry, this.#locks];
    return this.#sessionSecret === null ? followed : [...followed, this.#sessionSecret];
  }

  /** Resolves when every file was looked at once, whatever came of it. */
  async ready(): Promise<void> {
    await Promise.all(this.sources.map((source) => source.ready));
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** When, in wall and monotonic time, could a decision change with no file changing? The earliest such moment as a delay. */
  nextChangeMs(): number {
    const { keyring, policy, locks, sessions } = this.#snapshot;
    const monotonic = this.#clock.monotonic();
    const now = this.#clock.now();
    let delay = Infinity;
    const folders = keyring.folders.map(({ entries }) => entries);
    for (const { staleAt } of [keyring, ...folders, policy, locks, sessions])
      if (staleAt > monotonic) delay = Math.min(delay, staleAt - monotonic);
    for (const { endsAt } of keyring.value?.keys.values() ?? [])
      if (endsAt > now) delay = Math.min(delay, endsAt - now);
    return delay;
  }

  close(): void {
    for (const source of this.sources) source.close();
  }

  #swap(): void {
    try {
      this.#snapshot = this.#build();
    } catch (error) {
      // What cannot be put together must not leave an older state in force.
      this.#snapshot = UNUSABLE;
      this.#log(`the gateway refuses every call: ${faultText(error)}`);
    }
    for (const listener of this.#listeners) listener();
  }

  #build(): Snapshot {
    const policy = both(this.#roles.current, this.#registry.current);
    return {
      keyring: this.#buildKeyring(),
      policy,
      locks: mapLoaded(this.#locks.current, indexLocks),
      sessions: this.#sessionSecret?.current ?? this.#ephemeral,
    };
  }

  /**
   * All paths together. One that may hold keys of any role and is out of use puts all out of use, for what it revoked is
   * then unknown; one that holds a single role's folder only its own keys (docs/decisions/0008-folders-fail-alone.md).
   */
  #buildKeyring(): LoadedKeys {
    const sources = this.#keys.map(({ source }) => source);
    if (sources.some((source) => this.#seen.get(source) !== source.current.value)) {
      this.#keyring.reload(sources.map(({ current }) => current.value ?? []));
      for (const source of sources) this.#seen.set(source, source.current.value);
    }
    const folders = this.#keys.flatMap(({ role, source }) =>
      role === null ? [] : [{ role, entries: source.current }],
    );
    const shared = this.#keys.filter(({ role }) => role === null).map(({ source }) => source.current);
    const all = shared.length > 0 || folders.length === 0 ? together(shared) : ALL_IN_FOLDERS;
    return {
      ...all,
      value: all.value === null ? null : this.#keyring.current,
      folders,
      foldersStaleAt: Math.min(...folders.map(({ entries }) => (entries.value === null ? -Infinity : entries.staleAt))),
    };
  }
}

/**
 * Is the folder out of use in which this key lies, or, for one that is not known, may lie? Nothing is then known of the
 * key but what it was revoked for before. No allocation: every call asks.
 */
export function isKeySilent({ keyring }: Snapshot, hash: string, clock: Clock): boolean {
  const monotonic = clock.monotonic();
  if (monotonic < keyring.foldersStaleAt) return false;
  const key = keyring.value?.keys.get(hash);
  for (const { role, entries } of keyring.folders)
    if (usable(entries, monotonic) === null && (key === undefined || key.folders.includes(role))) return true;
  return false;
}

/** Is there a folder in use, or were there none to follow? */
export function isAnyFolderUsable({ keyring: { folders } }: Snapshot, clock: Clock): boolean {
  return folders.length === 0 || folders.some(({ entries }) => usable(entries, clock.monotonic()) !== null);
}

export function usableKeyring(snapshot: Snapshot, clock: Clock): Keyring | null {
  return usable(snapshot.keyring, clock.monotonic());
}

export function usablePolicy(snapshot: Snapshot, clock: Clock): Policy | null {
  return usable(snapshot.policy, clock.monotonic());
}

export function usableLocks(snapshot: Snapshot, clock: Clock): Locks | null {
  return usable(snapshot.locks, clock.monotonic());
}

export function usableSessionSecrets(snapshot: Snapshot, clock: Clock): SessionSecrets | null {
  return usable(snapshot.sessions, clock.monotonic());
}

function both(roles: Loaded<Roles>, registry: Loaded<Registry>): Loaded<Policy> {
  const value =
    roles.value === null || registry.value === null ? null : { roles: roles.value, registry: registry.value };
  const digest =
    value === null ? null : hash("sha256", `${roles.digest ?? ""} ${registry.digest ?? ""}`).slice(0, DIGEST_LENGTH);
  return { ...together([roles, registry]), value, digest };
}

/** Nothing is shared, so nothing shared can fail. */
const ALL_IN_FOLDERS: Loaded<true> = { value: true, staleAt: Infinity, freshAt: null, digest: null, problem: null };

function mapLoaded<T, U>(loaded: Loaded<T>, map: (value: T) => U): Loaded<U> {
  return { ...loaded, value: loaded.value === null ? null : map(loaded.value) };
}

/** The weakest of several: usable while each is, as old as the oldest. */
function together(parts: readonly Loaded<unknown>[]): Loaded<true> {
  const isComplete = parts.length > 0 && parts.every(({ value }) => value !== null);
  return {
    value: isComplete ? true : null,
    staleAt: Math.min(...parts.map(({ staleAt }) => staleAt)),
    freshAt: parts.some(({ freshAt }) => freshAt === null)
      ? null
      : Math.min(...parts.map(({ freshAt }) => freshAt as number)),
    digest: null,
    problem: parts.find(({ problem }) => problem !== null)?.problem ?? null,
  };
}
