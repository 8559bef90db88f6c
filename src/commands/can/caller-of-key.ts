import { REASONS } from "../../lib/audit/reasons.ts";
import { AppError } from "../../lib/errors.ts";
import { acceptKey, type KeyEntry } from "../../lib/keys/keyring.ts";
import { requireKeyId, selectKeys } from "../../lib/keys/select-keys.ts";
import { formatTime } from "../../lib/time.ts";
import { loadKeyring } from "../keys/load-keyring.ts";
import { clockNote, storeTime } from "../keys/store-time.ts";
import type { Caller, KeyPorts } from "./caller.ts";

/**
 * Whom does this key stand for, and would a gateway accept it now?
 * @throws AppError invalid for what is no key id, and for an id that several keys share, not-found
 */
export async function callerOfKey(id: string, ports: KeyPorts): Promise<Caller> {
  requireKeyId(id);
  const store = await ports.store();
  const keyring = await loadKeyring(store, ports);
  const now = storeTime(ports, store);
  const [key, ...others] = selectKeys(keyring, { id, role: null, user: null });
  // Which of them the agent holds nobody can tell, so no answer would be true of it.
  if (key === undefined || others.length > 0)
    throw new AppError("invalid", "key_id_shared", `${others.length + 1} keys share the id ${id}`, {
      hint: "Somebody made them so. `mcpctl status` reports it; `mcpctl keys revoke` ends all of them.",
    });
  const acceptance = acceptKey(keyring, key.hash, now);
  const claim = key.subject ?? key.claims[0];
  return {
    role: claim?.role ?? key.folders[0] ?? "-",
    user: claim?.user ?? null,
    keyId: id,
    refusal: acceptance.accepted
      ? null
      : { outcome: "deny", reason: acceptance.reason, rule: { text: stateWords(key), place: null }, lock: null },
    notes: clockNote(store),
  };
}

function stateWords(key: KeyEntry): string {
  if (key.isRevoked)
    return `key ${key.keyId} was revoked${key.revokedAt === null ? "" : ` at ${formatTime(key.revokedAt)}`}`;
  if (key.problem !== null) return `key ${key.keyId}: ${key.problem}`;
  return Number.isFinite(key.endsAt) ? `key ${key.keyId} ended at ${formatTime(key.endsAt)}` : REASONS.key_unusable;
}
