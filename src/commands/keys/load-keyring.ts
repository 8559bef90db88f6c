import { buildKeyring } from "../../lib/keys/followed-keyring.ts";
import type { Keyring } from "../../lib/keys/keyring.ts";
import type { KeyStore } from "../../lib/keys/key-store.ts";

/** Every key of the store, judged as a gateway would. */
export async function loadKeyring(store: KeyStore): Promise<Keyring> {
  return buildKeyring(await store.list());
}

/** Key ids that more than one hash shares: somebody made them so. */
export function sharedIds(keyring: Keyring): ReadonlySet<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const { keyId } of keyring.keys.values()) {
    if (seen.has(keyId)) shared.add(keyId);
    seen.add(keyId);
  }
  return shared;
}
