import { acceptKey, type KeyEntry, type Keyring } from "../../lib/keys/keyring.ts";
import { decide, type Policy } from "../../lib/policy/decide.ts";
import type { Locks } from "../../lib/policy/locks.ts";
import type { Reason } from "../../lib/audit/reasons.ts";
import { formatTime } from "../../lib/time.ts";
import type { LastUse } from "../last-use.ts";

/** Which keys are asked about; all that is given must fit. */
export interface KeyQuery {
  readonly key: string | null;
  readonly user: string | null;
  readonly role: string | null;
}

export interface KeyAnswer {
  readonly accepted: number;
  readonly refused: readonly { readonly key_id: string; readonly reason: Reason }[];
}

export interface KeyUse {
  readonly key_id: string;
  /** When this instance last accepted a call of it; null when it did not since it began. */
  readonly at: string | null;
  readonly count: number;
}

/** Locks that refuse a caller whatever backend is asked for. */
const CALLER_LOCKS: ReadonlySet<Reason> = new Set(["key_locked", "user_locked", "role_locked", "all_locked"]);

/** What keys are judged by. */
export interface KeyJudgement {
  readonly keyring: Keyring;
  readonly policy: Policy | null;
  readonly locks: Locks | null;
  /** Whether the folder of this key is out of use. */
  readonly isSilent: (hash: string) => boolean;
}

/** How many of these keys would be let in now, and why not the others? Locks are asked of the one evaluator. */
export function judgeKeys(judgement: KeyJudgement, query: KeyQuery, now: number): KeyAnswer {
  const { keyring } = judgement;
  let accepted = 0;
  const refused: { key_id: string; reason: Reason }[] = [];
  for (const key of keyring.keys.values()) {
    if (!fits(key, query)) continue;
    const reason = refusalReason(judgement, key, now);
    if (reason === null) accepted += 1;
    else refused.push({ key_id: key.keyId, reason });
  }
  return { accepted, refused };
}

/** When was each of these keys last used here? */
export function lastUses(keyring: Keyring, lastUse: Pick<LastUse, "of">, query: KeyQuery): readonly KeyUse[] {
  const uses: KeyUse[] = [];
  for (const key of keyring.keys.values()) {
    if (!fits(key, query)) continue;
    const use = lastUse.of(key.keyId);
    uses.push({ key_id: key.keyId, at: use === null ? null : formatTime(use.at), count: use?.count ?? 0 });
  }
  return uses;
}

function fits(key: KeyEntry, query: KeyQuery): boolean {
  if (query.key !== null && key.keyId !== query.key) return false;
  if (query.user !== null && !key.claims.some(({ user }) => user === query.user)) return false;
  return query.role === null || key.folders.includes(query.role) || key.claims.some(({ role }) => role === query.role);
}

function refusalReason({ keyring, policy, locks, isSilent }: KeyJudgement, key: KeyEntry, now: number): Reason | null {
  const acceptance = acceptKey(keyring, key.hash, now);
  if (!key.isRevoked && isSilent(key.hash)) return "keys_unavailable";
  if (!acceptance.accepted) return acceptance.reason;
  const { keyId, role, user } = acceptance.subject;
  const decision = decide(policy, locks, { keyId, role, user, backend: "", method: null, tool: null }, now);
  if (decision.outcome === "unknown") return decision.reason;
  return CALLER_LOCKS.has(decision.reason) ? decision.reason : null;
}
