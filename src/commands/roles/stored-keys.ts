import { buildKeyring } from "../../lib/keys/followed-keyring.ts";
import { acceptKey } from "../../lib/keys/keyring.ts";
import { keysJsonBytes } from "../../lib/keys/secret-capacity.ts";
import type { LiveKey, StoredKeys } from "../../lib/policy/rules/subject.ts";
import { loadEntries } from "../keys/load-keyring.ts";
import { loadHistory } from "../keys/load-history.ts";
import { findOrigins } from "../keys/origins.ts";
import { storeTime } from "../keys/store-time.ts";
import type { Ports } from "../ports.ts";

/** Which keys of the context's store open something now, in the store's order? @throws AppError when it cannot be read */
export async function readStoredKeys(ports: Pick<Ports, "now" | "progress" | "store" | "tell">): Promise<StoredKeys> {
  const store = await ports.store();
  const [entries, history] = await Promise.all([loadEntries(store, ports), loadHistory(store, null)]);
  const keyring = buildKeyring(entries);
  const origins = findOrigins(entries, history.events);
  const now = storeTime(ports, store);
  const live = [...keyring.keys.values()].flatMap((key): readonly LiveKey[] => {
    const accepted = acceptKey(keyring, key.hash, now);
    if (!accepted.accepted) return [];
    const madeAt = origins.get(key.hash)?.created_at ?? null;
    return [
      {
        id: key.keyId,
        role: accepted.subject.role,
        user: accepted.subject.user,
        endsAt: Number.isFinite(accepted.endsAt) ? accepted.endsAt : null,
        madeAt: madeAt === null ? null : Date.parse(madeAt),
      },
    ];
  });
  return { live, bytes: keysJsonBytes(entries, 0) };
}
