import type { Context } from "../../lib/config/config.ts";
import type { Result } from "../result.ts";

/**
 * A change that the store shows is not yet one that gateways enforce: in a context with a cluster it ends with 6,
 * unless `--no-wait` says that one does not care.
 */
export function unprovenInCluster(context: Context, wait: boolean, result: Result): Result {
  if (context.kubernetes === null || !wait || result.exit !== undefined) return result;
  const told = `Not proven: the store shows the change, and no gateway of context ${context.name} was asked whether it enforces it.`;
  return { ...result, notes: [...(result.notes ?? []), told], exit: 6 };
}
