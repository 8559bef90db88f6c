import { loadRegistry, loadRoles, requireUsable } from "../../lib/files/load-policy.ts";
import type { Backend } from "../../lib/policy/registry.ts";
import type { Ports } from "../ports.ts";
import { requireKnown } from "../require-known.ts";

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
  const found = requireKnown("role", role, roles.roles, ports.label(policy.roles));
  if (!needsRegistry) return [];
  const registry = loadRegistry({ path: policy.backends, label: ports.label(policy.backends) });
  requireUsable(registry.findings);
  return [...found.grants.keys()].map((name) => registry.registry.get(name)).filter((backend) => backend !== undefined);
}
