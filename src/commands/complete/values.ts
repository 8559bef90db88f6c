import { currentContext } from "../../lib/config/config.ts";
import { buildKeyring } from "../../lib/keys/followed-keyring.ts";
import type { KeyEntry } from "../../lib/keys/keyring.ts";
import { isSelected } from "../../lib/keys/select-keys.ts";
import { loadRegistry, loadRoles, requireUsable } from "../../lib/files/load-policy.ts";
import { plural } from "../../lib/plural.ts";
import { isBackendName, isRoleName, isUserName } from "../../lib/names.ts";
import { CATALOGUE_NAMES } from "../backends/catalogues.ts";
import { openEnforcement } from "../cluster/open-enforcement.ts";
import { storeWords } from "../context/store-words.ts";
import { CANDIDATES, type KeyVerb } from "../keys/ask-key.ts";
import { keyData } from "../keys/key-data.ts";
import { storeTime } from "../keys/store-time.ts";
import { describeTarget } from "../lock/lock-target.ts";
import { standingLocks } from "../lock/place-lock.ts";
import type { Ports } from "../ports.ts";
import type { Line } from "./read-line.ts";

export interface Candidate {
  readonly value: string;
  readonly description: string;
}

export interface Values {
  readonly candidates: readonly Candidate[];
  /** Whether the shell may offer names of files as well. */
  readonly isFile: boolean;
}

type Source = (line: Line, ports: Ports) => Promise<Values>;

/** What can stand for a placeholder, as helps write it; for one that is not here, nothing is offered. */
export const VALUES: Readonly<Record<string, Source>> = {
  role: roles,
  backend: backends,
  server: servers,
  catalogue: catalogues,
  user: users,
  "key-id": keyIds,
  "lock-id": lockIds,
  context: contexts,
  file: files,
  files,
  sides: files,
  path: files,
  folder: files,
};

async function files(): Promise<Values> {
  return { candidates: [], isFile: true };
}

async function roles(_line: Line, ports: Ports): Promise<Values> {
  const { policy } = await ports.config();
  const { roles, findings } = loadRoles({ path: policy.roles, label: ports.label(policy.roles) });
  requireUsable(findings);
  return named(
    [...roles.values()].map(({ name, grants }) => [name, plural(grants.size, "backend")]),
    isRoleName,
  );
}

async function backends(_line: Line, ports: Ports): Promise<Values> {
  const { policy } = await ports.config();
  const { registry, findings } = loadRegistry({ path: policy.backends, label: ports.label(policy.backends) });
  requireUsable(findings);
  return named(
    [...registry.values()].map(({ name, environment, access }) => [name, `${environment}, ${access}`]),
    isBackendName,
  );
}

/** A backend, or a file that holds what it says. */
async function servers(line: Line, ports: Ports): Promise<Values> {
  return { ...(await backends(line, ports)), isFile: true };
}

async function catalogues(): Promise<Values> {
  return { candidates: CATALOGUE_NAMES.map((value) => ({ value, description: "" })), isFile: false };
}

async function contexts(_line: Line, ports: Ports): Promise<Values> {
  const config = await ports.config();
  return named(
    config.contexts.map(({ name, store }) => [name, storeWords(store, ports.label)]),
    () => true,
  );
}

async function users(line: Line, ports: Ports): Promise<Values> {
  const counts = new Map<string, number>();
  for (const { user } of await keys(line, ports)) if (user !== null) counts.set(user, (counts.get(user) ?? 0) + 1);
  return named(
    [...counts].map(([user, count]) => [user, plural(count, "key")]),
    isUserName,
  );
}

async function keyIds(line: Line, ports: Ports): Promise<Values> {
  return named(
    (await keys(line, ports)).map(({ id, user, role, state }) => [id, `${user ?? "-"} in ${role ?? "-"}, ${state}`]),
    () => true,
  );
}

async function lockIds(_line: Line, ports: Ports): Promise<Values> {
  // Nobody who completes a line is told that a cluster takes its time.
  const enforcement = await openEnforcement(currentContext(await ports.config()), { ...ports, tell: () => undefined });
  try {
    await enforcement.verify();
    const locks = enforcement.denylist === null ? [] : await standingLocks(enforcement.denylist, ports.now());
    return named(
      locks.map((lock) => [lock.id, `${describeTarget(lock)}: ${lock.reason}`]),
      () => true,
    );
  } finally {
    enforcement.close();
  }
}

/** The keys that the line's verb can mean, of the user and role that it names. */
async function keys(line: Line, ports: Ports): Promise<readonly ReturnType<typeof keyData>[]> {
  const store = await ports.store();
  const role = line.options.get("role") ?? null;
  // Of one role its folder alone is read, which is quicker, and all that some may read.
  const entries = await store.list(role !== null && isRoleName(role) ? { role } : {});
  const now = storeTime(ports, store);
  const selector = { id: null, role, user: line.options.get("user") ?? null };
  const isWanted = (key: KeyEntry): boolean =>
    isCandidate(line.commands[0].name(), key, now) && isSelected(key, selector);
  return [...buildKeyring(entries).keys.values()].filter(isWanted).map((key) => keyData(key, now));
}

function isCandidate(verb: string, key: KeyEntry, now: number): boolean {
  return verb in CANDIDATES ? CANDIDATES[verb as KeyVerb](key, now) : true;
}

function named(pairs: readonly (readonly [string, string])[], isName: (name: string) => boolean): Values {
  const candidates = pairs.filter(([name]) => isName(name)).map(([value, description]) => ({ value, description }));
  return { candidates, isFile: false };
}
