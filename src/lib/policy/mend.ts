import { applyFixes } from "./fixes.ts";
import { readRegistry, type RegistryReading } from "./registry.ts";
import { readRoles, type RolesReading } from "./role-file.ts";
import { checkPolicy, type CheckRequest } from "./rules/check-policy.ts";
import { roleShape } from "./rules/hygiene.ts";
import type { Finding, SourceText } from "./source.ts";

/** A fix can bring the next one to light; more rounds than these are not needed by any rule. */
const MOST_ROUNDS = 10;

/**
 * The same files with everything mended that is safe to mend. What could be read before grants the same afterwards: a fix
 * that would change that is not made.
 */
export function mend(request: CheckRequest): CheckRequest {
  let current = request;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const { findings } = checkPolicy(current);
    if (!findings.some(({ fix }) => fix !== undefined)) break;
    const roles = current.roles.map((reading) => mendRoles(reading, findings));
    current = { ...current, roles, registry: mendRegistry(current.registry, findings) };
  }
  return current;
}

function mendRoles(before: RolesReading, findings: readonly Finding[]): RolesReading {
  const text = mended(before.source, findings);
  const after = text === null ? before : readRoles(before.source.file, Buffer.from(text));
  return isReadable(before) && grantsOf(before) !== grantsOf(after) ? before : after;
}

function mendRegistry(before: RegistryReading, findings: readonly Finding[]): RegistryReading {
  const text = mended(before.source, findings);
  const after = text === null ? before : readRegistry(before.source.file, Buffer.from(text));
  return isReadable(before) && !isReadable(after) ? before : after;
}

function mended({ file, text }: SourceText, findings: readonly Finding[]): string | null {
  const own = findings.filter(({ place, fix }) => place.file === file && fix !== undefined);
  return own.length === 0 ? null : applyFixes(text, own);
}

function isReadable({ findings }: RolesReading | RegistryReading): boolean {
  return !findings.some(({ isUnreadable }) => isUnreadable);
}

function grantsOf({ roles }: RolesReading): string {
  return JSON.stringify([...roles.values()].map((role) => [role.name, roleShape(role)]));
}
