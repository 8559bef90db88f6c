import { AppError } from "../errors.ts";
import { nearest } from "../suggest.ts";
import { isKeyId } from "./key.ts";
import type { KeyEntry, Keyring } from "./keyring.ts";

export interface KeySelector {
  readonly id: string | null;
  readonly role: string | null;
  readonly user: string | null;
}

/**
 * Which keys are meant: all that share the id, or all of the user and role given. Keys with unusable records count by
 * what they claim and where they lie, so that nothing escapes a revocation by being malformed.
 * @throws AppError usage when nothing was named, invalid for a text that is no key id, not-found when nothing matches.
 */
export function selectKeys(keyring: Keyring, selector: KeySelector): readonly KeyEntry[] {
  const { id, role, user } = selector;
  if (id === null && role === null && user === null) {
    throw new AppError("usage", "key_not_named", "no key was named", {
      hint: "Give a key id, or --user, --role or both.",
    });
  }
  if (id !== null) requireKeyId(id);
  const keys = [...keyring.keys.values()].filter((key) => isSelected(key, selector));
  if (keys.length > 0) return keys;
  throw new AppError("not-found", "key_not_found", `no key matches ${describeSelector(selector)}`, {
    hint: hintFor(keyring, selector),
  });
}

/** It is not repeated, for it may be a token. @throws AppError invalid for a text that is no key id */
export function requireKeyId(id: string): void {
  if (isKeyId(id)) return;
  throw new AppError("invalid", "key_id_invalid", "that is not a key id", {
    hint: "A key id is k_ and 12 hex characters, as `mcpctl keys list` shows them. Never pass a token as an argument.",
  });
}

export function describeSelector({ id, role, user }: KeySelector): string {
  const parts = [id, user === null ? null : `user ${user}`, role === null ? null : `role ${role}`];
  return parts.filter((part) => part !== null).join(", ");
}

/** Is this key meant, by what it claims or by where it lies? */
export function isSelected(key: KeyEntry, { id, role, user }: KeySelector): boolean {
  if (id !== null && key.keyId !== id) return false;
  if (role !== null && !key.folders.includes(role) && !key.claims.some((claim) => claim.role === role)) return false;
  return user === null || key.claims.some((claim) => claim.user === user);
}

function hintFor(keyring: Keyring, { id, user, role }: KeySelector): string {
  const keys = [...keyring.keys.values()];
  const users = new Set(keys.flatMap((key) => key.claims.map((claim) => claim.user)));
  const roles = new Set(keys.flatMap((key) => [...key.folders, ...key.claims.map((claim) => claim.role)]));
  const near =
    id !== null
      ? nearest(
          id,
          keys.map((key) => key.keyId),
        )
      : user !== null && !users.has(user)
        ? nearest(user, users)
        : role !== null && !roles.has(role)
          ? nearest(role, roles)
          : null;
  // An id that stands in the store belongs to somebody else than was named with it.
  const owner = keys.find((key) => key.keyId === id)?.claims[0];
  if (owner !== undefined) return `${id} is a key of user ${owner.user} in role ${owner.role}.`;
  return near === null ? "See them all with `mcpctl keys list`." : `Did you mean ${near}?`;
}
