import type { KeysConfig } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import { isExpiring } from "../../lib/keys/key-filter.ts";
import { keyState, type KeyEntry, type Keyring } from "../../lib/keys/keyring.ts";
import { endOfGrace, type Rotation } from "../../lib/keys/rotate-key.ts";
import { selectKeys } from "../../lib/keys/select-keys.ts";
import type { UndeliveredKey } from "../../lib/keys/undelivered.ts";
import { chooseTtl, endOfLife } from "./lifetime.ts";
import { folderForm, type TokenForm } from "./token-form.ts";

export interface RotationRequest {
  readonly id: string | null;
  readonly user?: string;
  readonly role?: string;
  readonly ttl?: string;
  readonly output?: TokenForm;
  readonly graceSeconds: number;
  /** Only keys that end within this time; null for all. */
  readonly expiringSeconds: number | null;
  readonly keys: KeysConfig;
  /** Whether each user gets a file. */
  readonly isFolder: boolean;
}

export interface RotationPlan {
  readonly rotations: readonly Rotation[];
  /** Keys that were meant and are not active. */
  readonly skipped: readonly KeyEntry[];
}

/**
 * What would be rotated, as these keys stand now. `owed` are successors that were not delivered, by the hash of the key
 * that they were to succeed: such a key is superseded and gets another successor all the same.
 * @throws AppError conflict when the one key that was named cannot be rotated, usage for a form that fits one key only.
 */
export function planRotations(
  request: RotationRequest,
  keyring: Keyring,
  owed: ReadonlyMap<string, UndeliveredKey>,
  now: number,
): RotationPlan {
  const { id, expiringSeconds } = request;
  const isOwed = ({ hash, isRevoked }: KeyEntry): boolean => owed.has(hash) && !isRevoked;
  const selected = select(request, keyring).filter(
    (key) => expiringSeconds === null || isExpiring(key, now, expiringSeconds) || isOwed(key),
  );
  const expiresAt = endOfLife(now, chooseTtl(request.ttl ?? null, request.keys));
  const rotations = selected.flatMap((old): readonly Rotation[] => {
    if (old.subject === null || (keyState(old, now) !== "active" && !isOwed(old))) return [];
    const oldEndsAt = isOwed(old) ? old.endsAt : Math.floor(endOfGrace(old, now, request.graceSeconds) / 1000) * 1000;
    return [{ old, subject: old.subject, oldEndsAt, expiresAt, undelivered: owed.get(old.hash) ?? null }];
  });
  const [first] = selected;
  if (id !== null && rotations.length === 0 && first !== undefined) throw notActive(first, now);
  requireForm(request, rotations);
  return { rotations, skipped: selected.filter((key) => keyState(key, now) !== "active" && !isOwed(key)) };
}

/** Whoever asks for all that expire means every key there is; nobody else does. */
function select({ id, user, role, expiringSeconds }: RotationRequest, keyring: Keyring): readonly KeyEntry[] {
  const isAll = id === null && user === undefined && role === undefined && expiringSeconds !== null;
  return isAll ? [...keyring.keys.values()] : selectKeys(keyring, { id, user: user ?? null, role: role ?? null });
}

function requireForm({ output, isFolder }: RotationRequest, rotations: readonly Rotation[]): void {
  const users = rotations.map(({ subject }) => subject.user);
  const isTooMuch = isFolder
    ? output !== undefined && !folderForm(output).isLines && new Set(users).size < users.length
    : rotations.length > 1 && (output === "env" || output === "claude" || output === "vscode");
  if (!isTooMuch) return;
  const many = isFolder ? "a user has several" : `${rotations.length} would be rotated`;
  throw new AppError("usage", "form_for_one_key", `-o ${output} holds one key, and ${many}`, {
    hint: "Use -o json, which writes one object a line, or name one key.",
  });
}

function notActive(key: KeyEntry, now: number): AppError {
  const next = key.next === null ? "" : `, succeeded by ${key.next}`;
  return new AppError("conflict", "key_not_active", `${key.keyId} is ${keyState(key, now)}${next}`, {
    hint: "Only an active key is rotated; make another with `mcpctl keys create`.",
  });
}
