import type { Policy } from "../../src/lib/policy/decide.ts";
import { readRegistry } from "../../src/lib/policy/registry.ts";
import { readRoles } from "../../src/lib/policy/role-file.ts";

/** The policy of these roles (the lines below `roleMapping:`) and these backends (service, environment, access and what else). */
export function readPolicy(roles: string, backends: Readonly<Record<string, string>>, owner = "platform"): Policy {
  const entries = Object.entries(backends).map(([name, fields]) => {
    const url = fields.includes("url:") ? "" : `, url: "http://${name}:8080"`;
    return `  ${name}: { ${fields}, owner: ${owner}${url} }\n`;
  });
  const read = {
    roles: readRoles("roles.yaml", Buffer.from(`roleMapping:\n  ${roles}\n`)),
    registry: readRegistry(
      "backends.yaml",
      Buffer.from(`backends:${entries.length === 0 ? " {}" : ""}\n${entries.join("")}`),
    ),
  };
  const problem = [...read.roles.findings, ...read.registry.findings][0];
  if (problem !== undefined) throw new Error(problem.message);
  return { roles: read.roles.roles, registry: read.registry.registry };
}
