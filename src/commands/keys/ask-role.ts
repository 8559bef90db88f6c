import { AppError } from "../../lib/errors.ts";
import { loadRegistry, loadRoles, requireUsable } from "../../lib/files/load-policy.ts";
import type { Registry } from "../../lib/policy/registry.ts";
import type { Grant, Role } from "../../lib/policy/role-file.ts";
import { choose, type Ask } from "../ask.ts";
import type { Ports } from "../ports.ts";

/** The `environment` that is production (examples/backends.yaml). */
const PRODUCTION = "prod";
/** How many of a role's backends a line names. */
const MOST_NAMED = 8;

/**
 * Which role of the role file? Each is shown with what it grants.
 * @throws AppError invalid when the role file cannot be used or is empty, usage when nothing was chosen
 */
export async function askRole(ask: Ask, ports: Pick<Ports, "config" | "label">): Promise<string> {
  const { policy } = await ports.config();
  const file = ports.label(policy.roles);
  const { roles, findings } = loadRoles({ path: policy.roles, label: file });
  requireUsable(findings);
  if (roles.size === 0)
    throw new AppError("invalid", "roles_missing", `${file} holds no role to choose from`, {
      hint: "Add one; `mcpctl roles check` looks the file over.",
    });
  const { registry, note } = readRegistry({ path: policy.backends, label: ports.label(policy.backends) });
  const width = Math.min(30, Math.max(0, ...[...roles.keys()].map((name) => name.length)));
  return choose(ask, {
    title: `Roles of ${file}, and what each grants${note}:`,
    question: "Role (number or name): ",
    choices: [...roles.values()].map((role) => ({
      value: role.name,
      line: `${role.name.padEnd(width)}  ${grantsOf(role, registry)}`,
    })),
  });
}

/** Whether a grant reaches production, or writes, is worth knowing and not worth failing for. */
function readRegistry(file: { readonly path: string; readonly label: string }): {
  registry: Registry | null;
  note: string;
} {
  try {
    const { registry, findings } = loadRegistry(file);
    requireUsable(findings);
    return { registry, note: "" };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { registry: null, note: ` (prod and write are not marked: ${error.message})` };
  }
}

function grantsOf({ grants }: Role, registry: Registry | null): string {
  if (grants.size === 0) return "nothing";
  const named = [...grants.values()].slice(0, MOST_NAMED).map((grant) => `${grant.backend}${marks(grant, registry)}`);
  const more = grants.size - named.length;
  return `${counts(grants, registry)}: ${named.join(", ")}${more === 0 ? "" : ` and ${more} more`}`;
}

function counts(grants: Role["grants"], registry: Registry | null): string {
  const all = `${grants.size} ${grants.size === 1 ? "backend" : "backends"}`;
  if (registry === null) return all;
  const backends = [...grants.keys()].map((name) => registry.get(name));
  const prod = backends.filter((backend) => backend?.environment === PRODUCTION).length;
  const write = backends.filter((backend) => backend?.access === "rw").length;
  return `${all} (${prod} prod, ${write} write)`;
}

function marks({ backend: name, tools }: Grant, registry: Registry | null): string {
  const backend = registry?.get(name);
  const words = [
    registry !== null && backend === undefined ? "unknown" : null,
    backend?.environment === PRODUCTION ? "prod" : null,
    backend?.access === "rw" ? "write" : null,
    tools === null ? null : "some tools",
  ].filter((word) => word !== null);
  return words.length === 0 ? "" : ` [${words.join(", ")}]`;
}
