import { AppError } from "../errors.ts";
import type { Policy } from "../policy/decide.ts";
import { indexLocks, mergeLocks, parseDenylist, type Locks } from "../policy/locks.ts";
import { readRegistry, type RegistryReading } from "../policy/registry.ts";
import { readRoles, type RolesReading } from "../policy/role-file.ts";
import { formatPlace, isError, MAX_POLICY_BYTES, type Finding } from "../policy/source.ts";
import { decodeUtf8, readFileBytesSync, readFileBytesIfAnySync } from "./read-file.ts";

/** A policy file to read, and how people call it: the path as they gave it. */
export interface PolicyFile {
  readonly path: string;
  readonly label: string;
}

export interface PolicyFiles {
  readonly roles: PolicyFile;
  readonly backends: PolicyFile;
}

/** Role file and registry, fit to be acted upon. @throws AppError invalid when one has errors, and what reading throws */
export function loadPolicy({ roles: rolesFile, backends }: PolicyFiles): Policy {
  const roles = loadRoles(rolesFile);
  requireUsable(roles.findings);
  const registry = loadRegistry(backends);
  requireUsable(registry.findings);
  return { roles: roles.roles, registry: registry.registry };
}

export function loadRoles(file: PolicyFile): RolesReading {
  return readRoles(file.label, readFileBytesSync(file.path, "the role file", MAX_POLICY_BYTES));
}

export function loadRegistry(file: PolicyFile): RegistryReading {
  return readRegistry(file.label, readFileBytesSync(file.path, "the backend registry", MAX_POLICY_BYTES));
}

/** The locks of a denylist file, null when there is none. @throws AppError invalid when it is not wholly understood. */
export function loadLocks(file: PolicyFile): Locks | null {
  const bytes = readFileBytesIfAnySync(file.path, "the denylist", MAX_POLICY_BYTES);
  return bytes === null
    ? null
    : indexLocks(mergeLocks([], parseDenylist(decodeUtf8(bytes, file.label), file.label), 0).locks);
}

/** Refuses to go on with a file that has errors, telling the first. @throws AppError invalid */
export function requireUsable(findings: readonly Finding[]): void {
  const errors = findings.filter(isError);
  const [first] = errors;
  if (first === undefined) return;
  const more = errors.length === 1 ? "" : ` (and ${errors.length - 1} more)`;
  throw new AppError("invalid", "policy_unusable", `${formatPlace(first.place)}: ${first.message}${more}`, {
    hint: first.hint ?? "See them all with `mcpctl roles check`.",
  });
}
