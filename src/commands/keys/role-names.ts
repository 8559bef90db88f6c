import { AppError, clause } from "../../lib/errors.ts";
import { loadRoles, requireUsable } from "../../lib/files/load-policy.ts";
import type { Ports } from "../ports.ts";

/** The role file's roles. @throws AppError invalid or not-found when it cannot be used */
export async function requireRoleNames(ports: Pick<Ports, "config" | "label">): Promise<ReadonlySet<string>> {
  const { policy } = await ports.config();
  const { roles, findings } = loadRoles({ path: policy.roles, label: ports.label(policy.roles) });
  requireUsable(findings);
  return new Set(roles.keys());
}

/** The same; null, and a note that says why, where it cannot be used: a list of keys does not need it. */
export async function loadRoleNames(
  ports: Pick<Ports, "config" | "label">,
): Promise<{ readonly names: ReadonlySet<string> | null; readonly notes: readonly string[] }> {
  try {
    return { names: await requireRoleNames(ports), notes: [] };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { names: null, notes: [`Not compared with the role file: ${clause(error.message)}.`] };
  }
}
