import { InvalidArgumentError, Option, type Command } from "commander";
import { LAYERS, type Layer } from "../../lib/flow/flow-answer.ts";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import { can } from "./can.ts";
import type { canGrid } from "./grid.ts";
import { liveOption, type LiveChoice } from "../live-option.ts";
import { readQuestion } from "./read-question.ts";

export interface CanFlags {
  readonly key?: string;
  readonly arg?: ReadonlyMap<string, string>;
  readonly layer?: Layer;
  readonly live?: LiveChoice;
  readonly allTools?: true;
  readonly matrix?: true;
  readonly who?: string;
  readonly output?: Format;
}

export function registerCan(program: Command, cli: Cli, run = { can, canGrid: grid }): void {
  const command = program
    .command("can")
    .summary("ask whether a role may call a backend, or a tool of it")
    .description(
      "Ask whether a role may call a backend: the gateway's own evaluator answers, offline, with the line that decides. " +
        "Of a tool ask through all three layers: the gateway, Kubernetes RBAC of the backend's ServiceAccount, AWS IAM of " +
        "its role, from the files that mcpctl.yaml names. What is not known is never a yes, and never a no. " +
        "A no of the gateway tells the smallest change that would make it a yes, who has that already, and what else it opens.",
    )
    .argument("[role]", "a role of the role file; left out with --key and --who")
    .argument("[backend]", "a backend of the registry")
    .argument("[tool]", "a tool of the backend", readTool)
    .option("--arg <name=value>", "an argument of the call, e.g. namespace=stage; repeatable", addArgument)
    .option("--key <id>", "ask for the user and role of this key, and whether a gateway accepts it")
    .addOption(new Option("--layer <layer>", "ask this layer alone").choices(LAYERS))
    .addOption(liveOption("instead of files, ask the cluster (its locks, too), AWS, or both"))
    .option("--all-tools", "every tool of the backend")
    .option("--matrix", "every tool of every backend, for this role or for all")
    .option("--who <tool>", "who can call this tool, of this backend or of any?", readTool)
    .addOption(
      new Option("-o, --output <form>", "form of the output").choices(["text", "table", "json", "yaml", "csv"]),
    )
    .action(
      async (role: string | undefined, backend: string | undefined, tool: string | undefined, flags: CanFlags) => {
        const asked = readQuestion([role, backend, tool], flags);
        const result =
          asked.kind === "one" ? run.can(asked.question, cli.ports) : run.canGrid(asked.request, cli.ports);
        await cli.show(await result, flags.output ?? null);
      },
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 yes, or listed; 1 no; 3 unknown name or unusable file; 7 cannot\nbe decided.",
    );
  withExamples(
    command,
    "mcpctl can dev-readonly eks-ro eks_delete_pod --arg namespace=stage",
    "mcpctl can dev-readonly eks-rw -o json",
  );
}

/** What reads the layers below loads for those alone who ask for them. */
const grid: typeof canGrid = async (request, ports) => (await import("./grid.ts")).canGrid(request, ports);

const MOST_OF_A_TOOL = 256;

function readTool(text: string): string {
  if (text === "" || text.length > MOST_OF_A_TOOL) throw new InvalidArgumentError("It must have 1 to 256 characters.");
  return text;
}

function addArgument(
  text: string,
  before: ReadonlyMap<string, string> = new Map<string, string>(),
): ReadonlyMap<string, string> {
  const mark = text.indexOf("=");
  if (mark < 1) throw new InvalidArgumentError("Write it as name=value.");
  const name = text.slice(0, mark);
  if (before.has(name)) throw new InvalidArgumentError(`${name} is given twice.`);
  return new Map([...before, [name, text.slice(mark + 1)]]);
}
