import type { KubeApi } from "../lib/cluster/kube-api.ts";
import type { Context } from "../lib/config/config.ts";
import { loadLocks } from "../lib/files/load-policy.ts";
import { noDenylist } from "../lib/policy/denylist-store.ts";
import { indexLocks, mergeLocks, parseDenylist, type Locks } from "../lib/policy/locks.ts";
import type { Ports } from "./ports.ts";

export interface LocksReading {
  readonly locks: Locks;
  /** Why they were not read. */
  readonly note: string | null;
}

/**
 * Locks are heeded where they are in a file, or in a cluster that may be asked; elsewhere the answer says that they were
 * not read.
 * @throws AppError invalid for a denylist that is not wholly understood; for one in a cluster, when it cannot be had
 */
export async function readLocks(context: Context, label: Ports["label"], api: KubeApi | null): Promise<LocksReading> {
  if (context.store.type !== "file")
    return api === null ? notRead(`the denylist of context ${context.name} is in its cluster`) : readMap(context, api);
  const path = context.store.denylist;
  const locks = loadLocks({ path, label: label(path) });
  return locks === null ? notRead(`${label(path)} does not exist`) : { locks, note: null };
}

async function readMap({ name, kubernetes }: Context, api: KubeApi): Promise<LocksReading> {
  if (kubernetes?.denylist === undefined) return notRead(`context ${name} names no denylist`);
  const { namespace, denylist } = kubernetes;
  const { denylistMap } = await import("../lib/cluster/denylist-map.ts");
  const store = denylistMap(api, { resource: "configmaps", namespace, name: denylist });
  const text = await store.read();
  if (text === null) throw noDenylist(store.label);
  return { locks: indexLocks(mergeLocks([], parseDenylist(text, store.label), 0).locks), note: null };
}

function notRead(why: string): LocksReading {
  return { locks: indexLocks([]), note: `Locks were not read: ${why}.` };
}
