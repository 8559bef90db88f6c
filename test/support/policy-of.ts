import type { Policy } from "../../src/lib/policy/decide.ts";
import { readRegistry } from "../../src/lib/policy/registry.ts";
import { readRoles } from "../../src/lib/policy/role-file.ts";

/** `name: environment access`, one a backend, and the tools that the registry names of it. */
export type Backends = Readonly<
  Record<string, readonly [environment: string, access: "ro" | "rw", tools?: readonly string[]]>
>;

/** A policy of this role mapping (YAML below `roleMapping:`) and these backends. @throws Error when it cannot be read */
export function policyOf(mapping: string, backends: Backends): Policy {
  return readPolicy(`roleMapping:\n${mapping}`, JSON.stringify({ backends: registryOf(backends) }));
}

/** The policy of these two texts. @throws Error when one cannot be read */
export function readPolicy(rolesText: string, registryText: string): Policy {
  const roles = readRoles("roles.yaml", Buffer.from(rolesText));
  const registry = readRegistry("backends.yaml", Buffer.from(registryText));
  const [problem] = [...roles.findings, ...registry.findings];
  if (problem !== undefined) throw new Error(`${problem.place.file}:${problem.place.line}: ${problem.message}`);
  return { roles: roles.roles, registry: registry.registry };
}

function registryOf(backends: Backends): object {
  const entries = Object.entries(backends).map(([name, [environment, access, tools = []]]) => {
    const needs = tools.length === 0 ? {} : { tools: Object.fromEntries(tools.map((tool) => [tool, {}])) };
    return [name, { service: "s", environment, access, owner: "o", url: `http://${name}`, ...needs }];
  });
  return Object.fromEntries(entries);
}
