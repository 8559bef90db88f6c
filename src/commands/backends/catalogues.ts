import { join } from "node:path";
import { AppError } from "../../lib/errors.ts";
import { loadRegistry, requireUsable } from "../../lib/files/load-policy.ts";
import type { ToolNeeds } from "../../lib/policy/registry.ts";
import { nearest } from "../../lib/suggest.ts";
import { PACKAGE_ROOT } from "../../package-root.ts";

/** The catalogues that ship in `catalogues/`, each a registry of one backend of that name. */
export const CATALOGUE_NAMES = ["awslabs-cloudwatch", "awslabs-eks", "postgres-mcp", "prometheus-mcp-server"] as const;

/** What the tools of a known server need. @throws AppError not-found for one that is not known */
export function loadCatalogue(name: string): Readonly<Record<string, ToolNeeds>> {
  if (!(CATALOGUE_NAMES as readonly string[]).includes(name)) {
    const near = nearest(name, CATALOGUE_NAMES);
    throw new AppError("not-found", "catalogue_not_found", `there is no catalogue "${name.slice(0, 80)}"`, {
      hint: near === null ? `There are: ${CATALOGUE_NAMES.join(", ")}.` : `Did you mean ${near}?`,
    });
  }
  const path = join(PACKAGE_ROOT, "catalogues", `${name}.yaml`);
  const { registry, findings } = loadRegistry({ path, label: path });
  requireUsable(findings);
  return registry.get(name)?.tools ?? {};
}
