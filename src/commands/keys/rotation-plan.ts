import type { KeysConfig } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import { keyState, type KeyEntry } from "../../lib/keys/keyring.ts";
import type { KeyStore } from "../../lib/keys/key-store.ts";
import { endOfGrace, type Rotation } from "../../lib/keys/rotate-key.ts";
import { selectKeys } from "../../lib/keys/select-keys.ts";
import { chooseTtl, endOfLife } from "./lifetime.ts";
import { loadKeyring } from "./load-keyring.ts";
import type { TokenForm } from "./token-form.ts";

export interface RotationRequest {
  readonly id: string | null;
  readonly user?: string;
  readonly role?: string;
  readonly ttl?: string;
  readonly output?: TokenForm;
  readonly graceSeconds: number;
  readonly keys: KeysConfig;
}

export interface RotationPlan {
  readonly rotations: readonly Rotation[];
  /** Keys that were meant and are not active. */
  readonly skipped: readonly KeyEntry[];
}

/**
 * What would be rotated, as the store stands now.
 * @throws AppError conflict when the one key that was named cannot be rotated, usage for a form that fits one key only.
 */
export async function planRotations(request: RotationRequest, store: KeyStore, now: number): Promise<RotationPlan> {
  const { id, user = null, role = null, output } = request;
  const selected = selectKeys(await loadKeyring(store), { id, user, role });
  const expiresAt = endOfLife(now, chooseTtl(request.ttl ?? null, request.keys));
  const rotations = selected.flatMap((old): readonly Rotation[] => {
    if (keyState(old, now) !== "active" || old.subject === null) return [];
    const oldEndsAt = Math.floor(endOfGrace(old, now, request.graceSeconds) / 1000) * 1000;
    return [{ old, subject: old.subject, oldEndsAt, expiresAt }];
  });
  const [first] = selected;
  if (id !== null && rotations.length === 0 && first !== undefined) throw notActive(first, now);
  if (rotations.length > 1 && (output === "env" || output === "claude" || output === "vscode")) {
    throw new AppError(
      "usage",
      "form_for_one_key",
      `-o ${output} holds one key, and ${rotations.length} would be rotated`,
      {
        hint: "Use -o json, which prints one object a line, or name one key.",
      },
    );
  }
  return { rotations, skipped: selected.filter((key) => keyState(key, now) !== "active") };
}

function notActive(key: KeyEntry, now: number): AppError {
  const next = key.next === null ? "" : `, succeeded by ${key.next}`;
  return new AppError("conflict", "key_not_active", `${key.keyId} is ${keyState(key, now)}${next}`, {
    hint: "Only an active key is rotated; make another with `mcpctl keys create`.",
  });
}
