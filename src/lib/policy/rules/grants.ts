import { listSome } from "../../list-some.ts";
import { nearest } from "../../suggest.ts";
import { isProduction } from "../registry.ts";
import type { Role } from "../role-file.ts";
import type { Finding } from "../source.ts";
import { nameWords } from "./name-words.ts";
import { grantSpot, isWrite, roleSpot, tell, type CheckedRoles, type OpenGrant, type Subject } from "./subject.ts";

/** A rule about one role. */
export type RoleRule = (subject: Subject, about: RoleUnderCheck) => readonly Finding[];

export interface RoleUnderCheck {
  readonly file: CheckedRoles;
  readonly role: Role;
  /** What its grants open. */
  readonly open: readonly OpenGrant[];
}

/** MC003: is every backend registered? */
export const unknownBackend: RoleRule = ({ registry }, { file, role }) =>
  [...role.grants.values()].flatMap((grant) => {
    if (registry.has(grant.backend)) return [];
    const near = nearest(grant.backend, registry.keys());
    const message = `the registry has no backend "${grant.backend}", so this grants nothing`;
    const hint = near === null ? "Add it to the registry, or remove the line." : `Did you mean ${near}?`;
    return [tell("MC003", grantSpot(file, grant), message, hint)];
  });

/** MC005: is the role granted anything? */
export const emptyRole: RoleRule = (_subject, { file, role }) =>
  role.grants.size > 0
    ? []
    : [
        tell(
          "MC005",
          roleSpot(file, role),
          `the role "${role.name}" is granted nothing`,
          "Grant it a backend, or remove it.",
        ),
      ];

/** MC301: may a role write that is called read-only? */
export const readOnlyRoleWrites: RoleRule = (_subject, { file, role, open }) => {
  if (nameWords(role.name).access !== "ro") return [];
  return open.filter(isWrite).map(({ grant, backend }) => {
    const message = `"${role.name}" is called read-only, and ${grant.backend} writes to ${backend.service} in ${backend.environment}`;
    return tell("MC301", grantSpot(file, grant), message, "Remove it, or rename the role.");
  });
};

/** MC302: does every way to write to production say why it is there? */
export const productionWrite: RoleRule = (_subject, { file, open }) =>
  open
    .filter((open) => isWrite(open) && isProduction(open.backend))
    .map(({ grant, backend }) => {
      const message = `${grant.backend} writes to ${backend.service} in ${backend.environment}, and no reason is stated`;
      return tell(
        "MC302",
        grantSpot(file, grant),
        message,
        "State it: `# mcpctl-ignore MC302: why, and who answers for it`.",
      );
    });

/** What belongs to no environment crosses none. */
const SHARED = new Set(["shared", "global", "common"]);

/** MC303: does the role write to two environments? */
export const writesToTwoEnvironments: RoleRule = (_subject, { file, role, open }) => {
  const groups = byEnvironment(open.filter(isWrite));
  if (groups.size < 2) return [];
  const message = `"${role.name}" writes to ${listGroups(groups)}: what goes wrong in one goes wrong in all`;
  return [tell("MC303", roleSpot(file, role), message, "Make a role for each environment.")];
};

/** MC304: does the role read production and something else? */
export const readsFromTwoEnvironments: RoleRule = (_subject, { file, role, open }) => {
  if (byEnvironment(open.filter(isWrite)).size >= 2) return [];
  const groups = byEnvironment(open);
  if (groups.size < 2 || !open.some(({ backend }) => isProduction(backend))) return [];
  const message = `"${role.name}" reaches ${listGroups(groups)}`;
  return [tell("MC304", roleSpot(file, role), message, "Where that is not meant, make a role for each environment.")];
};

function byEnvironment(open: readonly OpenGrant[]): ReadonlyMap<string, readonly OpenGrant[]> {
  return Map.groupBy(
    open.filter(({ backend }) => !SHARED.has(backend.environment.toLowerCase())),
    ({ backend }) => (isProduction(backend) ? "prod" : backend.environment.toLowerCase()),
  );
}

const MOST_NAMED = 4;

function listGroups(groups: ReadonlyMap<string, readonly OpenGrant[]>): string {
  return [...groups].map(([environment, open]) => `${environment} (${namesOf(open)})`).join(" and ");
}

export function namesOf(open: readonly OpenGrant[]): string {
  return listSome(
    open.map(({ backend }) => backend.name),
    MOST_NAMED,
  );
}

/** MC305: is a grant narrowed to everything? */
export const wildcardTools: RoleRule = (_subject, { file, role }) =>
  [...role.grants.values()].flatMap((grant) => {
    if (grant.tools?.allow?.some((pattern) => /^\*+$/.test(pattern)) !== true) return [];
    const message = `the tools of ${grant.backend} are narrowed to *, which is every tool there is and will be`;
    return [
      {
        ...tell("MC305", grantSpot(file, grant), message, "Name the tools, or write the backend's name alone."),
        severity: "warning",
      },
    ];
  });

/** MC307: is the same target granted for reading and for writing? */
export const readAndWriteOfOneTarget: RoleRule = (_subject, { file, open }) => {
  const targets = Map.groupBy(open, ({ backend }) => JSON.stringify([backend.service, backend.environment]));
  return [...targets.values()].flatMap((open) => {
    const writer = open.find(isWrite);
    if (writer === undefined) return [];
    return open
      .filter(({ backend }) => backend.access === "ro")
      .map(({ grant, backend }) => {
        const message = `${grant.backend} reads what ${writer.grant.backend} may change: ${backend.service} in ${backend.environment}`;
        return tell(
          "MC307",
          grantSpot(file, grant),
          message,
          "Where both servers have the same tools, one of the two is enough.",
        );
      });
  });
};
