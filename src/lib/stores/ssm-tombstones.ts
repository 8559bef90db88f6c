import { hash } from "node:crypto";
import { formatTime } from "../time.ts";
import { formatTombstones, type Tombstone } from "../keys/tombstone.ts";
import { MAX_SSM_VALUE_BYTES } from "./ssm-limits.ts";
import type { NewParameter } from "./ssm-parameters.ts";

/** `"<64 hex>":"at=<20>&exp=<20>",` and the object's braces around all of them. */
const BYTES_PER_TOMBSTONE = 64 + 3 + 2 + 23 + 25 + 1;
const MOST_IN_ONE = Math.floor((MAX_SSM_VALUE_BYTES - 2) / BYTES_PER_TOMBSTONE);

/** Where tombstones lie: beside the path and not below it, which External Secrets renders whole. */
export function prunedPath(path: string): string {
  return `${path}.pruned`;
}

/** The parameters that hold these tombstones; the same ones have the same names, so that writing them again is safe. */
export function tombstoneParameters(
  path: string,
  tombstones: readonly Tombstone[],
  kmsKeyId: string | undefined,
): readonly NewParameter[] {
  const parameters: NewParameter[] = [];
  for (let at = 0; at < tombstones.length; at += MOST_IN_ONE) {
    const some = tombstones.slice(at, at + MOST_IN_ONE);
    const value = formatTombstones(some);
    const time = formatTime(some[0]?.removedAt ?? 0).replace(/[-:]/g, "");
    const name = `${prunedPath(path)}/${time}-${hash("sha256", value).slice(0, 12)}`;
    parameters.push({ name, value, description: "Keys deleted by mcpctl keys prune; never delete this.", kmsKeyId });
  }
  return parameters;
}
