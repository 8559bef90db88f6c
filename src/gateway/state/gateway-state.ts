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
import { keysSource } from "./keys-source.ts";
import { NOTHING_LOADED, usable, type Loaded } from "./loaded.ts";
import { locksSource, registrySource, rolesSource } from "./policy-sources.ts";
import { ephemeralSecrets, sessionSecretSource } from "./session-secret-source.ts";
import type { Source, SourcePorts } from "./source.ts";

/** Everything a decision needs, as of one moment; never changed, only replaced. */
export interface Snapshot {
  readonly keyring: Loaded<Keyring>;
  readonly policy: Loaded<Policy>;
  readonly locks: Loaded<Locks>;
  readonly sessions: Loaded<SessionSecrets>;
}

const UNUSABLE: Snapshot = {
  keyring: NOTHING_LOADED,
  policy: NOTHING_LOADED,
  locks: NOTHING_LOADED,
  sessions: NOTHING_LOADED,
};

export interface StatePaths {
  readonly keys: readonly string[];
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
  readonly #keys: readonly Source<readonly StoredEntry[]>[];
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
    this.#keys = paths.keys.map((path) => keysSource(path, paths.allowsBareHashes, sourcePorts));
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
    const followed = [...this.#keys, this.#roles, this.#registry, this.#locks];
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
    for (const { staleAt } of [keyring, policy, locks, sessions])
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

  /** All `--keys` together; one that is out of use puts all out of use, for what it revoked is then unknown. */
  #buildKeyring(): Loaded<Keyring> {
    const loaded = this.#keys.map(({ current }) => current);
    const all = together(loaded);
    if (this.#keys.some((source) => this.#seen.get(source) !== source.current.value)) {
      this.#keyring.reload(loaded.map(({ value }) => value ?? []));
      for (const source of this.#keys) this.#seen.set(source, source.current.value);
    }
    return { ...all, value: all.value === null ? null : this.#keyring.current };
  }
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
