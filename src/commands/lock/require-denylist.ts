import type { Context } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import type { DenylistStore } from "../../lib/policy/denylist-store.ts";
import type { Enforcement } from "../../lib/cluster/enforcement.ts";

/** @throws AppError invalid where the context names none */
export function requireDenylist({ name }: Context, { denylist }: Pick<Enforcement, "denylist">): DenylistStore {
  if (denylist !== null) return denylist;
  throw new AppError("invalid", "denylist_not_named", `context ${name} names no denylist`, {
    hint: "Set kubernetes.denylist in mcpctl.yaml to the ConfigMap that the gateways follow (--locks).",
  });
}
