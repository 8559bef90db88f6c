import { statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AppError } from "../../lib/errors.ts";
import { fileError } from "../../lib/files/file-error.ts";
import { findCommit, readAtCommit, type Commit } from "../../lib/files/git-files.ts";
import { loadPolicy, requireUsable } from "../../lib/files/load-policy.ts";
import type { PolicyConfig } from "../../lib/config/config.ts";
import type { Policy } from "../../lib/policy/decide.ts";
import { readRegistry } from "../../lib/policy/registry.ts";
import { readRoles } from "../../lib/policy/role-file.ts";
import type { Ports } from "../ports.ts";

/** One side of a comparison, and how people know it. */
export interface Side {
  readonly label: string;
  readonly policy: Policy;
  /** What was not there, for people. */
  readonly notes: readonly string[];
}

interface Paths {
  readonly roles: string;
  readonly backends: string;
}

type SidePorts = Pick<Ports, "cwd" | "label">;

/**
 * Where a side's role file and registry lie: a folder holds both; a role file has its registry beside it, or else where the
 * configuration says, unless one is named. @throws AppError not-found
 */
export function pathsOf(
  given: string | null,
  backends: string | null,
  policy: PolicyConfig,
  { cwd }: SidePorts,
): Paths {
  const named = backends === null ? null : resolve(cwd, backends);
  if (given === null) return { roles: policy.roles, backends: named ?? policy.backends };
  const path = resolve(cwd, given);
  if (isFolder(path))
    return { roles: join(path, basename(policy.roles)), backends: named ?? join(path, basename(policy.backends)) };
  const beside = join(dirname(path), basename(policy.backends));
  return { roles: path, backends: named ?? (isThere(beside) ? beside : policy.backends) };
}

/** A side as it lies on the disk. @throws AppError invalid when it cannot be used */
export function loadSide({ roles, backends }: Paths, { label }: SidePorts): Side {
  const policy = loadPolicy({
    roles: { path: roles, label: label(roles) },
    backends: { path: backends, label: label(backends) },
  });
  return { label: label(roles), policy, notes: [] };
}

/** The same side as it was at a commit; a file that was not there yet held nothing. @throws AppError */
export async function loadSideAt(ref: string, { roles, backends }: Paths, { cwd, label }: SidePorts): Promise<Side> {
  const commit = await findCommit(roles, ref, cwd);
  const notes: string[] = [];
  const read = async (path: string, what: string): Promise<Uint8Array | null> => {
    const bytes = await readAtCommit(commit, path);
    if (bytes === null) notes.push(`There was no ${what} ${label(path)} at ${ref}: everything in it is new.`);
    return bytes;
  };
  const [rolesBytes, registryBytes] = [await read(roles, "role file"), await read(backends, "registry")];
  const rolesReading = rolesBytes === null ? null : readRoles(`${ref}:${label(roles)}`, rolesBytes);
  const registryReading = registryBytes === null ? null : readRegistry(`${ref}:${label(backends)}`, registryBytes);
  requireUsable(rolesReading?.findings ?? []);
  requireUsable(registryReading?.findings ?? []);
  return {
    label: `${label(roles)} at ${ref} (${short(commit)})`,
    policy: { roles: rolesReading?.roles ?? new Map(), registry: registryReading?.registry ?? new Map() },
    notes,
  };
}

function short({ id }: Commit): string {
  return id.slice(0, 12);
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw fileError(error, `the role file ${path}`, "read");
  }
}

/** Two sides, or one of them and a commit. @throws AppError usage */
export function requireSides(paths: readonly string[], base: string | undefined): void {
  if (base === undefined ? paths.length === 2 : paths.length <= 1) return;
  throw new AppError(
    "usage",
    "sides_missing",
    base === undefined
      ? "two sides are compared: name the old one and the new one"
      : "with --base only the new side is named",
    { hint: "Write `roles diff OLD NEW`, or `roles diff --base main`." },
  );
}
