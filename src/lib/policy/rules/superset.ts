import { listSome } from "../../list-some.ts";
import type { Registry } from "../registry.ts";
import type { Role, Roles } from "../role-file.ts";
import type { Finding } from "../source.ts";
import { grantShape, roleShape } from "../grant-shape.ts";
import { roleSpot, tell, type CheckedRoles, type Subject } from "./subject.ts";

/** So many comparisons are made; a file made to take longer is told as one that was not compared. */
const MOST_COMPARISONS = 5_000_000;
const MOST_NAMED = 3;

/**
 * MC402: which roles grant all of another, and more? A whole grant covers a narrowed one of its backend, and write access
 * covers read access to the same service and environment. Null where the file takes too many comparisons.
 */
export function supersetRoles({ registry }: Subject, file: CheckedRoles): readonly Finding[] | null {
  const covering = indexCovers(file.roles, registry);
  const contained: { readonly role: Role; readonly name: string }[] = [];
  const shapes = new Map([...file.roles.values()].map((role) => [role, roleShape(role)]));
  let left = MOST_COMPARISONS;
  for (const role of file.roles.values()) {
    if (role.grants.size === 0) continue;
    const covers = [...role.grants.values()].map((grant) =>
      coversOf(grant.backend, grantShape(grant), covering, registry),
    );
    const rarest = covers.reduce((a, b) => (sizeOf(b) < sizeOf(a) ? b : a));
    for (const other of rarest.length === 1
      ? (rarest[0] as ReadonlySet<Role>)
      : new Set(rarest.flatMap((set) => [...set]))) {
      left -= covers.length;
      if (left < 0) return null;
      if (other === role || !covers.every((sets) => isInOne(sets, other))) continue;
      if (shapes.get(other) !== shapes.get(role)) contained.push({ role: other, name: role.name });
    }
  }
  return [...Map.groupBy(contained, (pair) => pair.role)].map(([role, pairs]) => {
    const names = listSome(
      pairs.map(({ name }) => name),
      MOST_NAMED,
    );
    return tell("MC402", roleSpot(file, role), `"${role.name}" grants all of ${names}, and more`, null);
  });
}

function isInOne(sets: Sets, role: Role): boolean {
  for (const set of sets) if (set.has(role)) return true;
  return false;
}

type Sets = readonly ReadonlySet<Role>[];

function sizeOf(sets: Sets): number {
  return sets.reduce((sum, set) => sum + set.size, 0);
}

/** Who grants what: `whole backend`, or a narrowed grant by its exact shape. */
type Index = ReadonlyMap<string, ReadonlySet<Role>>;

function indexCovers(roles: Roles, registry: Registry): Index {
  const index = new Map<string, Set<Role>>();
  const add = (key: string, role: Role): void => {
    const set = index.get(key);
    if (set === undefined) index.set(key, new Set([role]));
    else set.add(role);
  };
  for (const role of roles.values()) {
    for (const grant of role.grants.values()) {
      add(grantShape(grant), role);
      const backend = registry.get(grant.backend);
      if (grant.tools === null && backend?.access === "rw") add(target(backend.service, backend.environment), role);
    }
  }
  return index;
}

function coversOf(name: string, shape: string, index: Index, registry: Registry): Sets {
  const backend = registry.get(name);
  const writer = backend?.access === "ro" ? index.get(target(backend.service, backend.environment)) : undefined;
  return [index.get(shape), shape === name ? undefined : index.get(name), writer].filter((set) => set !== undefined);
}

function target(service: string, environment: string): string {
  return JSON.stringify(["rw", service, environment]);
}
