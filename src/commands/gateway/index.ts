import type { Command } from "commander";
import { withExamples, type Cli } from "../cli.ts";
import { registerStart } from "./start.ts";

export function registerGateway(program: Command, cli: Cli): void {
  const gateway = program
    .command("gateway")
    .summary("the bundled gateway")
    .description("The small gateway that enforces keys, roles and locks.");
  withExamples(gateway, "mcpctl gateway start", "mcpctl gateway start --audit audit.jsonl");
  registerStart(gateway, cli);
}
