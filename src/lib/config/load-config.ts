import { statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { AppError } from "../errors.ts";
import { fileError, isFileErrorCode } from "../files/file-error.ts";
import { readFileBytesSync } from "../files/read-file.ts";
import type { ChosenContext, Config } from "./config.ts";
import { mergeConfig, type ConfigFile } from "./merge-config.ts";
import { MAX_CONFIG_BYTES, parseConfig } from "./parse-config.ts";

export interface ConfigRequest {
  /** `--config`, else null. */
  readonly configFlag: string | null;
  /** `--context`, else null. */
  readonly contextFlag: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Null to leave out the user's file. */
  readonly home: string | null;
}

const NAME = "mcpctl.yaml";

/**
 * What is configured here? Flags beat MCPCTL_CONFIG and MCPCTL_CONTEXT, which beat the project's mcpctl.yaml
 * (searched upwards), which beats `$XDG_CONFIG_HOME/mcpctl/config.yaml`.
 * @throws AppError invalid or not-found, naming file, line and what to do.
 */
export function loadConfig(request: ConfigRequest): Config {
  const named = request.configFlag ?? (request.env["MCPCTL_CONFIG"] || null);
  const project = named === null ? findProjectFile(request.cwd) : resolve(request.cwd, named);
  const user = request.home === null ? null : userFile(request.home, request.env);
  const files: ConfigFile[] = [];
  if (project !== null) files.push(readConfigFile(project));
  if (user !== null && user !== project && isThere(user)) files.push(readConfigFile(user));
  return mergeConfig(files, chooseContext(request), (path) => resolve(request.cwd, path));
}

function userFile(home: string, env: ConfigRequest["env"]): string {
  return join(env["XDG_CONFIG_HOME"] || join(home, ".config"), "mcpctl", "config.yaml");
}

function chooseContext({ contextFlag, env }: ConfigRequest): ChosenContext | null {
  if (contextFlag !== null) return { name: contextFlag, by: "--context" };
  const named = env["MCPCTL_CONTEXT"] || null;
  return named === null ? null : { name: named, by: "MCPCTL_CONTEXT" };
}

/** A file in a folder that everyone may write to could be anybody's, and is not taken from above. */
function findProjectFile(cwd: string): string | null {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const path = join(folder, NAME);
    if (isThere(path)) {
      if (folder !== resolve(cwd) && (statSync(folder).mode & 0o002) !== 0) {
        throw new AppError("invalid", "config_untrusted", `${path} lies in a folder that everyone may write to`, {
          hint: "Move it, or name it with --config.",
        });
      }
      return path;
    }
    if (folder === dirname(folder)) return null;
  }
}

function readConfigFile(path: string): ConfigFile {
  const bytes = readFileBytesSync(path, "the configuration", MAX_CONFIG_BYTES);
  return { path, resolve: (relative) => resolve(dirname(path), relative), content: parseConfig(path, bytes) };
}

function isThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    if (isFileErrorCode(error, "ENOENT") || isFileErrorCode(error, "ENOTDIR")) return false;
    if (isFileErrorCode(error, "EACCES")) return false;
    throw fileError(error, `the configuration ${path}`, "read");
  }
}
