import type { Command } from "commander";
import { requireContext, type Config } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { storeWords } from "./store-words.ts";

export function registerUse(context: Command, cli: Cli, run = useContext): void {
  const command = context
    .command("use")
    .summary("make a context the current one")
    .description(
      "Set currentContext where it takes effect: in the project's mcpctl.yaml when that says what is current or defines " +
        "the context, else in your own file. Nothing else in the file changes.",
    )
    .argument("<context>", "a context that `mcpctl context list` shows")
    .action(async (name: string) => cli.show(await run(name, cli.ports), null));
  withExamples(command, "mcpctl context use prod", "mcpctl --config team.yaml context use prod");
}

export async function useContext(name: string, ports: Pick<Ports, "config" | "label">): Promise<Result> {
  const config = await ports.config();
  if (config.sources.every(({ contexts }) => contexts.length === 0)) throw noContexts(config, ports.label);
  const context = requireContext(config, name);
  // The strongest file that says what is current beats the others; a user's file must not name a project's context.
  const target = config.sources.find(
    ({ currentContext, contexts }) => currentContext !== null || contexts.includes(name),
  );
  const owner = config.sources.find(({ contexts }) => contexts.includes(name));
  if (target === undefined || owner === undefined) throw noContexts(config, ports.label);
  const { setCurrentContext } = await import("../../lib/config/set-current-context.ts");
  const isCurrent = target.currentContext === name;
  const before = isCurrent ? name : await setCurrentContext(target.path, name);
  const label = ports.label(target.path);
  return {
    notes: [
      isCurrent
        ? `${label}: currentContext is ${name} already.`
        : `${label}: currentContext ${before ?? "(none)"} -> ${name}.`,
      `Context ${name}: ${storeWords(context.store, ports.label)}.`,
      ...(owner.path === target.path
        ? []
        : [
            `Warning: ${name} is defined in ${ports.label(owner.path)}; whoever has ${label} without that file has no such context.`,
          ]),
      ...overruled(config, name),
    ],
  };
}

function overruled({ chosen }: Config, name: string): readonly string[] {
  if (chosen === null || chosen.name === name) return [];
  return chosen.by === "MCPCTL_CONTEXT"
    ? [`Warning: MCPCTL_CONTEXT=${chosen.name} beats the file: unset it, or commands go on acting in ${chosen.name}.`]
    : [`Warning: --context ${chosen.name} beats the file wherever it is given.`];
}

function noContexts({ files }: Config, label: Ports["label"]): AppError {
  const [file] = files;
  const where =
    file === undefined ? "there is no mcpctl.yaml here, above, or of yours" : `${label(file)} defines no context`;
  return new AppError("not-found", "contexts_missing", `${where}, so there is nothing to choose`, {
    hint: "Put into mcpctl.yaml: contexts: [{ name: local, store: { type: file, path: .mcpctl/keys.json } }]",
  });
}
