import type { Policy } from "./decide.ts";
import { isProduction, type Backend } from "./registry.ts";
import type { Grant, Role } from "./role-file.ts";
import { isWrite } from "./rules/subject.ts";

/** Which roles and backends are to be shown; an empty list asks for all. */
export interface MatrixFilter {
  readonly roles: readonly string[];
  readonly backends: readonly string[];
  readonly environments: readonly string[];
  /** Only grants that may change something. */
  readonly isWriteOnly: boolean;
}

export interface Cell {
  readonly role: Role;
  readonly backend: Backend;
  readonly grant: Grant;
}

/** Who reaches what: roles in the order of their file, backends in that of the registry. */
export interface Matrix {
  readonly roles: readonly Role[];
  readonly backends: readonly Backend[];
  /** Role by role. */
  readonly cells: readonly Cell[];
  /** Grants to backends that the registry lacks: they open nothing. */
  readonly ungranted: number;
}

/** Which grants does the filter let through? Where it asks for something, roles and backends without any are left out. */
export function matrixOf({ roles, registry }: Policy, filter: MatrixFilter): Matrix {
  const isMeant = (names: readonly string[]): ((name: string) => boolean) => {
    const set = new Set(names);
    return (name) => set.size === 0 || set.has(name);
  };
  const isRoleMeant = isMeant(filter.roles);
  const isBackendMeant = isMeant(filter.backends);
  const isEnvironmentMeant = isMeant(filter.environments);
  const cells: Cell[] = [];
  let ungranted = 0;
  for (const role of roles.values()) {
    if (!isRoleMeant(role.name)) continue;
    for (const grant of role.grants.values()) {
      const backend = registry.get(grant.backend);
      if (backend === undefined) ungranted += 1;
      else if (
        isBackendMeant(backend.name) &&
        isEnvironmentMeant(backend.environment) &&
        (!filter.isWriteOnly || isWrite({ grant, backend }))
      ) {
        cells.push({ role, backend, grant });
      }
    }
  }
  if (!isFiltered(filter)) return { roles: [...roles.values()], backends: [...registry.values()], cells, ungranted };
  const shownRoles = new Set(cells.map(({ role }) => role));
  const shownBackends = new Set(cells.map(({ backend }) => backend));
  return {
    roles: [...shownRoles],
    backends: [...registry.values()].filter((backend) => shownBackends.has(backend)),
    cells,
    ungranted,
  };
}

function isFiltered({ roles, backends, environments, isWriteOnly }: MatrixFilter): boolean {
  return isWriteOnly || roles.length + backends.length + environments.length > 0;
}

/** `ro`, `rw`, with `*` where it is narrowed to some tools, and `!` where it is production. */
export function cellMark({ grant, backend }: Pick<Cell, "grant" | "backend">): string {
  return `${backend.access}${grant.tools === null ? "" : "*"}${isProduction(backend) ? "!" : ""}`;
}
