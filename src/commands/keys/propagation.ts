import type { Context } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import type { KeyStore, StoredEntry } from "../../lib/keys/key-store.ts";
import { keysJsonBytes, MAX_KEYS_JSON_BYTES_IN_SECRET } from "../../lib/keys/secret-capacity.ts";
import type { Result } from "../result.ts";

/** Where a change was made: the context, its store with region and account, its cluster. */
export function receipt(context: Context, store: KeyStore): string {
  const cluster = context.kubernetes === null ? "" : `, cluster ${context.kubernetes.cluster}`;
  return `Context ${context.name}: ${store.label}${cluster}.`;
}

/**
 * A change that the store shows is not yet one that gateways enforce: in a context with a cluster it ends with 6,
 * unless `--no-wait` says that one does not care.
 */
export function unprovenInCluster(context: Context, wait: boolean, result: Result): Result {
  if (context.kubernetes === null || !wait || result.exit !== undefined) return result;
  return { ...result, notes: [...(result.notes ?? []), unproven(context)], exit: 6 };
}

/** The same for a command that changed nothing: it says what is not proven, and its exit code stays. */
export function tellUnproven(context: Context, wait: boolean, result: Result): Result {
  if (context.kubernetes === null || !wait) return result;
  return { ...result, notes: [...(result.notes ?? []), unproven(context)] };
}

function unproven({ name }: Context): string {
  return `Not proven: the store shows it, and no gateway of context ${name} was asked whether it enforces it.`;
}

/**
 * Refuses what would not fit into the Secret that External Secrets renders, before it makes every later revocation
 * fail too. With several Secrets nothing says which roles go into which, so all of them count as one.
 * @throws AppError invalid from 80 % of a Secret's 1 MiB on
 */
export async function requireRoom(
  context: Context,
  newKeys: number,
  list: () => Promise<readonly StoredEntry[]>,
): Promise<void> {
  const secrets = [context.kubernetes?.secret ?? []].flat().length;
  if (secrets === 0) return;
  const most = secrets * MAX_KEYS_JSON_BYTES_IN_SECRET;
  const bytes = keysJsonBytes(await list(), newKeys);
  if (bytes <= most) return;
  throw new AppError("invalid", "secret_full", `${bytes} bytes of keys do not fit into 80 % of the context's Secret`, {
    hint: "Use one ExternalSecret per role folder, and name them all under kubernetes.externalSecret and kubernetes.secret.",
  });
}
