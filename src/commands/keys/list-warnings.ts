import { listSome } from "../../lib/list-some.ts";
import type { Keyring } from "../../lib/keys/keyring.ts";
import { isLive, type ListedKey } from "./listed-key.ts";
import { sharedIds } from "./load-keyring.ts";

/** More live keys of one user than anybody needs at a time. */
const MANY_KEYS = 5;
/** More names than anybody reads in one line. */
const MOST_NAMED = 10;

/** What deserves a second look among the keys shown, a line each. */
export function listWarnings(keyring: Keyring, keys: readonly ListedKey[]): readonly string[] {
  return [
    ...[...sharedIds(keyring)].map((id) => `Warning: several keys share the id ${id}; revoke acts on all of them.`),
    ...keys
      .flatMap(({ overwritten }) => overwritten)
      .map((entry) => `Warning: ${entry} was overwritten after it was made; mcpctl never does that.`),
    ...rolesGone(keys),
    ...unfinished(keyring, keys),
    ...manyKeys(keys),
  ];
}

function rolesGone(keys: readonly ListedKey[]): readonly string[] {
  const gone = keys.filter((key) => isLive(key) && key.role_known === false);
  const roles = [...new Set(gone.map(({ role }) => role ?? "-"))];
  if (roles.length === 0) return [];
  return [`Warning: ${gone.length} live ${keyWord(gone.length)} of roles that are gone: ${named(roles)}.`];
}

/** A successor that is not there: its rotation was cut off, or its record was deleted. */
function unfinished(keyring: Keyring, keys: readonly ListedKey[]): readonly string[] {
  const known = new Set([...keyring.keys.values()].filter(({ isRevoked }) => !isRevoked).map(({ keyId }) => keyId));
  const left = keys.filter(({ state, next }) => state === "superseded" && next !== null && !known.has(next));
  if (left.length === 0) return [];
  return [
    `Warning: the ${left.length === 1 ? "successor" : "successors"} of ${named(left.map(({ id }) => id))} cannot be used; repeat the rotation, or make new keys.`,
  ];
}

function manyKeys(keys: readonly ListedKey[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const key of keys) if (isLive(key) && key.user !== null) counts.set(key.user, (counts.get(key.user) ?? 0) + 1);
  const many = [...counts].filter(([, count]) => count > MANY_KEYS).toSorted(([, a], [, b]) => b - a);
  if (many.length === 0) return [];
  const users = named(many.map(([user, count]) => `${user} (${count})`));
  return [`Warning: more than ${MANY_KEYS} live keys each: ${users}.`];
}

function named(names: readonly string[]): string {
  return listSome(names, MOST_NAMED);
}

function keyWord(count: number): string {
  return count === 1 ? "key" : "keys";
}
