import { AppError } from "../../lib/errors.ts";
import { isKeyId } from "../../lib/keys/key.ts";
import { isBackendName, isRoleName, isUserName, NAME_RULES } from "../../lib/names.ts";
import type { Lock, LockTarget } from "../../lib/policy/locks.ts";
import type { ReplicaQuery } from "../../lib/cluster/replica-state.ts";

/** What a lock is to refuse. */
export type Target = Pick<Lock, "target" | "value">;

export interface TargetOptions {
  readonly key?: string;
  readonly user?: string;
  readonly role?: string;
  readonly backend?: string;
  readonly all?: boolean;
}

const CHECKS: Readonly<Record<Exclude<LockTarget, "all">, { isName: (text: string) => boolean; rule: string }>> = {
  key: { isName: isKeyId, rule: "k_ and 12 hex characters" },
  user: { isName: isUserName, rule: NAME_RULES.user },
  role: { isName: isRoleName, rule: NAME_RULES.role },
  backend: { isName: isBackendName, rule: NAME_RULES.backend },
};

/** The one thing that was named. @throws AppError usage for none or several, invalid for no name of its kind */
export function readTarget(options: TargetOptions): Target {
  const named = (["key", "user", "role", "backend", "all"] as const).filter((name) => options[name] !== undefined);
  const [target] = named;
  if (target === undefined || named.length > 1)
    throw new AppError(
      "usage",
      "lock_target",
      "a lock is for exactly one of --key, --user, --role, --backend and --all",
      {
        hint: "For several, add several locks.",
      },
    );
  if (target === "all") return { target, value: "" };
  const value = options[target] ?? "";
  const { isName, rule } = CHECKS[target];
  if (!isName(value))
    throw new AppError("invalid", "lock_target_invalid", `--${target} is not the name of a ${target}`, {
      hint: `A ${target} is ${rule}.`,
    });
  return { target, value };
}

/** `key k_9f86d081884c`, or `everything`. */
export function describeTarget({ target, value }: Target): string {
  return target === "all" ? "everything" : `${target} ${value}`;
}

/** What to ask replicas about the keys that it refuses; nothing where it is not for keys. */
export function keysOf({ target, value }: Target): ReplicaQuery {
  return target === "key" || target === "user" || target === "role" ? { [target]: value } : {};
}
