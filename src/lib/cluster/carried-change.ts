import { buildKeyring } from "../keys/followed-keyring.ts";
import { formatEntryName, type EntryName } from "../keys/record.ts";
import type { Change } from "./sync-run.ts";

/** That the Secrets carry these new keys, and the ends of those that they succeed. */
export function carriedChange(made: readonly string[], superseded: readonly string[] = []): Change {
  return {
    lacking: async (entries) => {
      const { keys } = buildKeyring(entries);
      const missing = made.filter((hash) => (keys.get(hash)?.roles.length ?? 0) === 0);
      if (missing.length > 0) return `the Secret does not hold ${missing.length} of ${made.length} new keys yet.`;
      const endless = superseded.filter(
        (hash) => keys.get(hash)?.isSuperseded !== true && keys.get(hash)?.isRevoked !== true,
      );
      return endless.length === 0
        ? null
        : `the Secret does not show the end of ${endless.length} of ${superseded.length} old keys yet.`;
    },
  };
}

/** That the Secrets carry these entries. */
export function entriesChange(names: readonly EntryName[]): Change {
  const wanted = names.map((name) => formatEntryName(name, "."));
  return {
    lacking: async (entries) => {
      const found = new Set(entries.flatMap(({ name }) => (name === null ? [] : [formatEntryName(name, ".")])));
      const missing = wanted.filter((name) => !found.has(name)).length;
      return missing === 0 ? null : `the Secret does not hold ${missing} of ${wanted.length} entries yet.`;
    },
  };
}
