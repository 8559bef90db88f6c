import type { Revocation } from "../../lib/keys/revoke-keys.ts";
import { formatTime } from "../../lib/time.ts";
import type { WaitOptions } from "./propagation.ts";

export interface RevokeOptions extends WaitOptions {
  readonly id: string | null;
  readonly token?: string;
  readonly user?: string;
  readonly role?: string;
  readonly reason?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly breakGlass?: boolean;
}

/** What became of each key. */
export function revocationData(revocations: readonly Revocation[]) {
  return revocations.map(({ key, status, at, error }) => ({
    id: key.keyId,
    role: key.subject?.role ?? key.folders[0] ?? null,
    user: key.subject?.user ?? key.claims[0]?.user ?? null,
    result: status,
    revoked_at: at === null ? null : formatTime(at),
    error: error?.message ?? null,
  }));
}
