import { keyState, type KeyEntry } from "./keyring.ts";

/** Does this key's life end within so many seconds from `now`, with no successor yet? */
export function isExpiring(key: KeyEntry, now: number, withinSeconds: number): boolean {
  return keyState(key, now) === "active" && key.endsAt <= now + withinSeconds * 1000;
}
