import { nearest } from "../suggest.ts";
import type { Registry } from "./registry.ts";
import type { Roles } from "./role-file.ts";
import type { Finding } from "./source.ts";

/** What is wrong with grants that were read without fault? Findings in the order of the file. */
export function lintRoles(
  roles: Roles,
  registry: Registry,
  excerpt: (line: number) => string | null,
): readonly Finding[] {
  const findings: Finding[] = [];
  for (const role of roles.values()) {
    if (role.grants.size === 0) {
      findings.push({
        code: "MC005",
        severity: "warning",
        message: `the role "${role.name}" is granted nothing`,
        place: role.place,
        length: role.name.length,
        excerpt: excerpt(role.place.line),
        hint: "Grant it a backend, or remove it.",
        isUnreadable: false,
      });
    }
    for (const grant of role.grants.values()) {
      if (registry.has(grant.backend)) continue;
      const near = nearest(grant.backend, registry.keys());
      findings.push({
        code: "MC003",
        severity: "error",
        message: `the registry has no backend "${grant.backend}", so this grants nothing`,
        place: grant.place,
        length: grant.backend.length,
        excerpt: excerpt(grant.place.line),
        hint: near === null ? "Add it to the registry, or remove the line." : `Did you mean ${near}?`,
        isUnreadable: false,
      });
    }
  }
  return findings;
}
