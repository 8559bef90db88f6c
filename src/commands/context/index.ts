import type { Command } from "commander";
import { withExamples, type Cli } from "../cli.ts";
import { registerList } from "./list.ts";
import { registerUse } from "./use.ts";

export function registerContext(program: Command, cli: Cli): void {
  const context = program
    .command("context")
    .summary("which store and gateways to act on")
    .description("See the contexts of mcpctl.yaml, and choose the one that commands act in.");
  withExamples(context, "mcpctl context list", "mcpctl context use prod");
  registerList(context, cli);
  registerUse(context, cli);
}
