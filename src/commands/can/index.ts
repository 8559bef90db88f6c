import { InvalidArgumentError, Option, type Command } from "commander";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import { can } from "./can.ts";

interface CanFlags {
  readonly layer?: "gateway";
  readonly output?: Format;
}

export function registerCan(program: Command, cli: Cli, run = can): void {
  const command = program
    .command("can")
    .summary("ask whether a role may call a backend, or a tool of it")
    .description(
      "Ask the gateway's own evaluator, offline, whether a role may call a backend or a tool of it, and which line " +
        "decides. A no tells the smallest change that would make it a yes, who has that already, and what else it opens.",
    )
    .argument("<role>", "a role of the role file")
    .argument("<backend>", "a backend of the registry")
    .argument("[tool]", "a tool of the backend", readTool)
    .addOption(new Option("--layer <layer>", "ask this layer alone").choices(["gateway"]))
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["text", "json", "yaml"]))
    .action(async (role: string, backend: string, tool: string | undefined, options: CanFlags) =>
      cli.show(
        await run({ role, backend, tool: tool ?? null, layer: options.layer ?? null }, cli.ports),
        options.output ?? null,
      ),
    )
    .addHelpText("after", "\nExit codes: 0 yes, 1 no, 3 unknown name or unusable file, 7 undecidable.");
  withExamples(
    command,
    "mcpctl can dev-readonly eks-ro eks_get_pods --layer gateway",
    "mcpctl can dev-readonly eks-rw -o json",
  );
}

const MOST_OF_A_TOOL = 256;

function readTool(text: string): string {
  if (text === "" || text.length > MOST_OF_A_TOOL) throw new InvalidArgumentError("It must have 1 to 256 characters.");
  return text;
}
