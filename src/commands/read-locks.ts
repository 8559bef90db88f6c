import type { Context } from "../lib/config/config.ts";
import { loadLocks } from "../lib/files/load-policy.ts";
import { indexLocks, type Locks } from "../lib/policy/locks.ts";
import type { Ports } from "./ports.ts";

/** Locks are heeded where they are in a file; elsewhere the answer says that they were not read. */
export function readLocks(context: Context, label: Ports["label"]): { locks: Locks; note: string | null } {
  const none = indexLocks([]);
  if (context.store.type !== "file")
    return { locks: none, note: `Locks were not read: the denylist of context ${context.name} is in its cluster.` };
  const path = context.store.denylist;
  const locks = loadLocks({ path, label: label(path) });
  return locks === null
    ? { locks: none, note: `Locks were not read: ${label(path)} does not exist.` }
    : { locks, note: null };
}
