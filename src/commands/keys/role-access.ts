import { AppError } from "../../lib/errors.ts";
import { loadRegistry, loadRoles, requireUsable } from "../../lib/files/load-policy.ts";
import type { Backend } from "../../lib/policy/registry.ts";
import { nearest } from "../../lib/suggest.ts";
import type { Ports } from "../ports.ts";

/**
 * The backends that this role opens, as far as the registry knows them.
 * @throws AppError not-found when the role file has no such role, invalid when a file cannot be used.
 */
export async function loadRoleAccess(
  ports: Pick<Ports, "config" | "label">,
  role: string,
  needsRegistry: boolean,
): Promise<readonly Backend[]> {
  const { policy } = await ports.config();
  const roles = loadRoles({ path: policy.roles, label: ports.label(policy.roles) });
  requireUsable(roles.findings);
  const found = roles.roles.get(role);
  if (found === undefined) {
    const near = nearest(role, roles.roles.keys());
    throw new AppError(
      "not-found",
      "role_not_found",
      `there is no role "${role.slice(0, 80)}" in ${ports.label(policy.roles)}`,
      {
        hint:
          near === null
            ? `Roles: ${[...roles.roles.keys()].slice(0, 20).join(", ") || "none"}.`
            : `Did you mean ${near}?`,
      },
    );
  }
  if (!needsRegistry) return [];
  const registry = loadRegistry({ path: policy.backends, label: ports.label(policy.backends) });
  requireUsable(registry.findings);
  return [...found.grants.keys()].map((name) => registry.registry.get(name)).filter((backend) => backend !== undefined);
}
