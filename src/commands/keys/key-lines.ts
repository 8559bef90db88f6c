import type { KeyEntry } from "../../lib/keys/keyring.ts";
import { keyData } from "./key-data.ts";

/** The keys that a change will hit, one line each, for the question before it. */
export function keyLines(keys: readonly KeyEntry[], now: number): readonly string[] {
  return keys.map((key) => {
    const { id, role, user, state, revoked_at: revokedAt, ends_at: endsAt } = keyData(key, now);
    const when = revokedAt ?? endsAt;
    return `  ${id}  ${role ?? "-"}/${user ?? "-"}  ${state}${when === null ? "" : ` ${revokedAt === null ? "until" : "at"} ${when}`}`;
  });
}
