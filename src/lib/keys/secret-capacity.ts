import type { StoredEntry } from "./key-store.ts";
import { formatEntryName } from "./record.ts";

/** What a Kubernetes Secret holds (kubernetes.io/docs/concepts/configuration/secret). */
export const SECRET_BYTES = 1024 * 1024;

/** We stop at 80 % of it. */
export const MAX_KEYS_JSON_BYTES_IN_SECRET = Math.floor(0.8 * SECRET_BYTES);

/** What a record takes at most, names of 63 characters and an end included: 286; and the `.ends` of the key it succeeds. */
const BYTES_PER_NEW_KEY = 286 + 194;

/** How large is the keys.json of these entries, with room for `newKeys` more? Bytes, as External Secrets renders it. */
export function keysJsonBytes(entries: readonly StoredEntry[], newKeys: number): number {
  let bytes = 2 + newKeys * BYTES_PER_NEW_KEY;
  for (const entry of entries) bytes += entrySize(entry);
  return bytes;
}

/** How many bytes of keys.json does this entry take? What is no entry of ours is not rendered. */
export function entrySize({ name, value }: StoredEntry): number {
  if (name === null) return 0;
  return Buffer.byteLength(`${JSON.stringify(formatEntryName(name, "."))}:${JSON.stringify(value)},`);
}
