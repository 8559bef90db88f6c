import { AppError } from "../../lib/errors.ts";
import { liveLayers } from "../live-option.ts";
import type { CanQuestion } from "./can.ts";
import type { GridRequest } from "./grid.ts";
import type { CanFlags } from "./index.ts";

export type Asked =
  | { readonly kind: "one"; readonly question: CanQuestion }
  | { readonly kind: "grid"; readonly request: GridRequest };

type Names = readonly (string | undefined)[];

/** What do names and flags ask for? @throws AppError usage for what makes no question */
export function readQuestion(names: Names, flags: CanFlags): Asked {
  const modes = [flags.allTools && "--all-tools", flags.matrix && "--matrix", flags.who !== undefined && "--who"];
  const [mode, second] = modes.filter((each) => typeof each === "string");
  if (second !== undefined) throw usage(`${mode} and ${second} ask for different things`, "Choose one of them.");
  if (mode !== undefined && flags.layer !== undefined)
    throw usage(`--layer goes with one question, and ${mode} asks many`, "The rows tell the answer of each layer.");
  return mode === undefined
    ? { kind: "one", question: oneQuestion(names, flags) }
    : { kind: "grid", request: gridRequest(mode, names, flags) };
}

function oneQuestion(names: Names, flags: CanFlags): CanQuestion {
  const { key, arg = new Map<string, string>() } = flags;
  const layer = flags.layer ?? null;
  const given = names.filter((name) => name !== undefined);
  const [role, backend, tool = null] = key === undefined ? given : [undefined, ...given];
  if (backend === undefined || (key === undefined && role === undefined))
    throw usage(
      key === undefined ? "a role and a backend must be named" : "a backend must be named",
      `Like \`mcpctl can ${key === undefined ? "dev-readonly" : `--key ${key}`} eks-ro eks_get_pods\`.`,
    );
  if (given.length > (key === undefined ? 3 : 2))
    throw usage("with --key no role is named: it is the key's", "Leave the role out.");
  if (tool === null && layer !== null && layer !== "gateway")
    throw usage(`--layer ${layer} is asked for a tool`, "Name the tool after the backend, or ask --all-tools.");
  const who = key === undefined ? { role: role as string } : { key };
  return { who, backend, tool, args: arg, layer, live: liveLayers(flags) };
}

function gridRequest(mode: string, names: Names, flags: CanFlags): GridRequest {
  const { arg = new Map<string, string>() } = flags;
  const [key, who] = [flags.key ?? null, flags.who ?? null];
  const given = names.filter((name) => name !== undefined);
  const hasRole = key === null && mode !== "--who";
  const [role = null, backend = null] = hasRole ? given : [undefined, ...given];
  if (given.length > (hasRole ? 2 : 1))
    throw usage(`${mode} takes ${hasRole ? "a role and a backend" : "a backend"} at most`, "See `mcpctl can --help`.");
  if (mode === "--all-tools" && backend === null)
    throw usage("--all-tools lists the tools of one backend", "Name a role and a backend, or use --matrix.");
  return { key, role, backend, tool: who, args: arg, live: liveLayers(flags) };
}

function usage(message: string, hint: string): AppError {
  return new AppError("usage", "can_usage", message, { hint });
}
