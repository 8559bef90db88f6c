import { applyFixes, startRepair, type Repair } from "./fixes.ts";
import { readRegistry } from "./registry.ts";
import { readRoles, type RolesReading } from "./role-file.ts";
import { checkPolicy, type CheckRequest } from "./rules/check-policy.ts";
import { roleShape } from "./grant-shape.ts";
import type { Finding } from "./source.ts";

/** A request whose files are mended, and what was done to the text of each: the role files in their order, the registry last. */
export interface Mended {
  readonly request: CheckRequest;
  readonly repairs: readonly Repair[];
}

/** A fix can bring the next one to light; more rounds than these are not needed by any rule. */
const MOST_ROUNDS = 10;

/**
 * The same files with everything mended that is safe to mend. What could be read before grants the same afterwards: a fix
 * that would change that is not made.
 */
export function mend(request: CheckRequest): Mended {
  let current: Mended = { request, repairs: textsOf(request).map(startRepair) };
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const fixable = checkPolicy(current.request).findings.filter(({ fix }) => fix !== undefined);
    if (fixable.length === 0) break;
    current = mendOnce(current, fixable);
  }
  return current;
}

function textsOf({ roles, registry }: CheckRequest): readonly string[] {
  return [...roles, registry].map(({ source }) => source.text);
}

function mendOnce({ request, repairs }: Mended, fixable: readonly Finding[]): Mended {
  const next = repairs.map((repair, index) => {
    const { file } = (request.roles[index] ?? request.registry).source;
    return applyFixes(
      repair,
      fixable.filter(({ place }) => place.file === file),
    );
  });
  const read = next.map(({ after }, index) => {
    const before = request.roles[index];
    return before === undefined ? null : readRoles(before.source.file, Buffer.from(after));
  });
  const isSafe = request.roles.every(
    (before, index) => !isReadable(before) || grantsOf(before) === grantsOf(read[index] ?? before),
  );
  if (!isSafe) return { request, repairs };
  const registry = readRegistry(request.registry.source.file, Buffer.from((next.at(-1) as Repair).after));
  return { request: { ...request, roles: read.filter((reading) => reading !== null), registry }, repairs: next };
}

function isReadable({ findings }: RolesReading): boolean {
  return !findings.some(({ isUnreadable }) => isUnreadable);
}

function grantsOf({ roles }: RolesReading): string {
  return JSON.stringify([...roles.values()].map((role) => [role.name, roleShape(role)]));
}
