import { resolve } from "node:path";
import { AppError } from "../../lib/errors.ts";
import { loadRegistry, loadRoles } from "../../lib/files/load-policy.ts";
import { readRoles, type Role, type Roles, type RolesReading } from "../../lib/policy/role-file.ts";
import type { CheckRequest } from "../../lib/policy/rules/check-policy.ts";
import type { RuleSettings } from "../../lib/policy/rules/settings.ts";
import { MAX_POLICY_BYTES, type Severity } from "../../lib/policy/source.ts";
import { policyFiles } from "../policy-files.ts";
import type { Ports } from "../ports.ts";
import { loadSideAt } from "./diff-sides.ts";
import { readStoredKeys } from "./stored-keys.ts";

/** What a check is told on the command line. */
export interface CheckInput {
  readonly files: readonly string[];
  readonly backends?: string;
  readonly keys?: true;
  readonly base?: string;
  readonly rule?: readonly { readonly code: string; readonly level: Severity | "skip" }[];
  readonly ignores?: boolean;
}

/** A request, and where each of its role files lies: a path, or null for standard input. */
export interface CheckedFiles extends CheckRequest {
  readonly paths: readonly (string | null)[];
  readonly registryPath: string;
}

const STDIN = "-";

/** Reads all that a check needs. @throws AppError where a file is not there, or the store cannot be read */
export async function readCheckRequest(
  input: CheckInput,
  ports: Pick<Ports, "cwd" | "label" | "now" | "progress" | "projectConfig" | "stdin" | "store" | "tell">,
): Promise<CheckedFiles> {
  const config = await ports.projectConfig();
  const defaults = policyFiles(config, input, ports);
  const given = [...new Set(input.files.map((file) => (file === STDIN ? STDIN : resolve(ports.cwd, file))))];
  const files = given.length === 0 ? [defaults.roles.path] : given;
  const roles: RolesReading[] = [];
  for (const file of files) {
    const reading =
      file === STDIN ? readRoles("stdin", await readAll(ports)) : loadRoles({ path: file, label: ports.label(file) });
    roles.push(reading);
  }
  return {
    roles,
    paths: files.map((file) => (file === STDIN ? null : file)),
    registryPath: defaults.backends.path,
    registry: loadRegistry(defaults.backends),
    settings: withLevels(config.policy.rules, input.rule ?? []),
    keys: input.keys === true ? await readStoredKeys(ports) : null,
    base: input.base === undefined ? null : await baseRoles(input.base, files, defaults.backends.path, ports),
    heedsSuppressions: input.ignores !== false,
    now: ports.now(),
  };
}

/** The roles of every file at that commit, together. */
async function baseRoles(
  ref: string,
  files: readonly string[],
  backends: string,
  ports: Pick<Ports, "cwd" | "label" | "tell">,
): Promise<Roles> {
  const roles = new Map<string, Role>();
  for (const file of files.filter((each) => each !== STDIN)) {
    const side = await loadSideAt(ref, { roles: file, backends }, ports);
    for (const note of side.notes) ports.tell(note);
    for (const role of side.policy.roles.values()) roles.set(role.name, role);
  }
  return roles;
}

function withLevels(settings: RuleSettings, levels: NonNullable<CheckInput["rule"]>): RuleSettings {
  return {
    ...settings,
    levels: new Map([...settings.levels, ...levels.map(({ code, level }) => [code, level] as const)]),
  };
}

async function readAll({ stdin }: Pick<Ports, "stdin">): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of stdin()) {
    bytes += part.length;
    if (bytes > MAX_POLICY_BYTES) {
      throw new AppError("invalid", "file_too_large", "standard input is larger than 64 MiB", { hint: "Name a file." });
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}
