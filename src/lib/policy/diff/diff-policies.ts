import type { Policy } from "../decide.ts";
import type { Role, Roles } from "../role-file.ts";
import { roleShape } from "../grant-shape.ts";
import { diffGrant } from "./diff-grant.ts";
import { diffBackends } from "./diff-backends.ts";
import { newEffort, type Effort } from "./tool-sets.ts";
import type { GrantChange, PolicyDiff, RoleChange } from "./policy-diff.ts";

/**
 * What does a change of role file or registry, or of both, change? By meaning: order, comments and layout do not count,
 * and what a registry says of a backend counts for every grant of it.
 */
export function diffPolicies(before: Policy, after: Policy): PolicyDiff {
  const renames = findRenames(before.roles, after.roles);
  const oldNames = new Map([...renames].map(([from, to]) => [to, from]));
  const changes: RoleChange[] = [];
  const effort = newEffort();
  const diffGrants = (old: Role | null, now: Role | null): readonly GrantChange[] =>
    diffRole(old, now, { before, after, effort });
  for (const role of after.roles.values()) {
    const from = oldNames.get(role.name) ?? null;
    const old = before.roles.get(from ?? role.name) ?? null;
    const grants = diffGrants(old, role);
    if (from !== null) changes.push({ role: role.name, kind: "renamed", from, grants });
    else if (old === null) changes.push({ role: role.name, kind: "added", from, grants });
    else if (grants.length > 0) changes.push({ role: role.name, kind: "changed", from, grants });
  }
  for (const role of before.roles.values()) {
    if (after.roles.has(role.name) || renames.has(role.name)) continue;
    changes.push({ role: role.name, kind: "removed", from: null, grants: diffGrants(role, null) });
  }
  return { roles: changes.toSorted(byWeight), backends: diffBackends(before.registry, after.registry) };
}

interface Sides {
  readonly before: Policy;
  readonly after: Policy;
  readonly effort: Effort;
}

function diffRole(old: Role | null, now: Role | null, { before, after, effort }: Sides): readonly GrantChange[] {
  const names = new Set([...(old?.grants.keys() ?? []), ...(now?.grants.keys() ?? [])]);
  const changes: GrantChange[] = [];
  for (const backend of names) {
    const change = diffGrant(
      { grant: old?.grants.get(backend) ?? null, backend: before.registry.get(backend) ?? null },
      { grant: now?.grants.get(backend) ?? null, backend: after.registry.get(backend) ?? null },
      effort,
    );
    if (change !== null) changes.push(change);
  }
  return changes.toSorted((a, b) => weight(b) - weight(a) || (a.backend < b.backend ? -1 : 1));
}

/** Roles that are gone, and the one new role that lists exactly the same; where two could be meant, none is. */
function findRenames(before: Roles, after: Roles): ReadonlyMap<string, string> {
  const gone = byShape([...before.values()].filter(({ name }) => !after.has(name)));
  const made = byShape([...after.values()].filter(({ name }) => !before.has(name)));
  const renames = new Map<string, string>();
  for (const [shape, [from, ...others]] of gone) {
    const [to, ...more] = made.get(shape) ?? [];
    if (from !== undefined && to !== undefined && others.length + more.length === 0) renames.set(from.name, to.name);
  }
  return renames;
}

function byShape(roles: readonly Role[]): ReadonlyMap<string, readonly Role[]> {
  return Map.groupBy(
    roles.filter(({ grants }) => grants.size > 0),
    roleShape,
  );
}

/** Growth before shrinkage, then what writes, then what is in production. */
function weight({ grows, shrinks, isWrite, isProduction }: GrantChange): number {
  return (grows ? 8 : shrinks ? 4 : 0) + (isWrite ? 2 : 0) + (isProduction ? 1 : 0);
}

function byWeight(a: RoleChange, b: RoleChange): number {
  const most = ({ grants }: RoleChange): number => grants.reduce((sum, change) => Math.max(sum, weight(change)), 0);
  return most(b) - most(a) || (a.role < b.role ? -1 : a.role > b.role ? 1 : 0);
}
