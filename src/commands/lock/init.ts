import { Option, type Command } from "commander";
import { currentContext } from "../../lib/config/config.ts";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import { openEnforcement } from "../cluster/open-enforcement.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { requireDenylist } from "./require-denylist.ts";

export function registerInit(lock: Command, cli: Cli, run = initLock): void {
  const command = lock
    .command("init")
    .summary("make the denylist, where there is none")
    .description(
      "Make an empty denylist. It belongs to no GitOps tool: one that sets it back to empty is told of as drift, and lifts nothing.",
    )
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["table", "json", "yaml"]))
    .action(async (options: { output?: Format }) => cli.show(await run(cli.ports), options.output ?? null));
  withExamples(command, "mcpctl lock init", "mcpctl lock init --context prod");
}

export async function initLock(ports: Ports): Promise<Result> {
  const context = currentContext(await ports.config());
  const enforcement = await openEnforcement(context, ports);
  try {
    const denylist = requireDenylist(context, enforcement);
    await enforcement.verify();
    const isNew = await denylist.create();
    return {
      view: {
        data: { denylist: denylist.label, created: isNew },
        text: () =>
          isNew ? `Made ${denylist.label}, empty.` : `${denylist.label} is there already; nothing was changed.`,
      },
    };
  } finally {
    enforcement.close();
  }
}
