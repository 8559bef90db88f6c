import { resolve } from "node:path";
import type { Config } from "../lib/config/config.ts";
import type { PolicyFiles } from "../lib/files/load-policy.ts";
import type { Ports } from "./ports.ts";

/** Where role file and registry lie: as the flags say, relative to where one stands, else as the configuration does. */
export function policyFiles(
  { policy }: Pick<Config, "policy">,
  flags: { readonly roles?: string | undefined; readonly backends?: string | undefined },
  { cwd, label }: Pick<Ports, "cwd" | "label">,
): PolicyFiles {
  const fileOf = (flag: string | undefined, configured: string): PolicyFiles["roles"] => {
    const path = flag === undefined ? configured : resolve(cwd, flag);
    return { path, label: label(path) };
  };
  return { roles: fileOf(flags.roles, policy.roles), backends: fileOf(flags.backends, policy.backends) };
}
