import type { Command } from "commander";
import { withExamples, type Cli } from "../cli.ts";
import { registerImport } from "./import.ts";
import { registerList } from "./list.ts";

export function registerBackends(program: Command, cli: Cli): void {
  const backends = program
    .command("backends")
    .summary("the registry of MCP servers, filled from them")
    .description("Fill the backend registry from the servers themselves, and show it.");
  withExamples(backends, "mcpctl backends import eks-ro", "mcpctl backends list --environment prod");
  registerImport(backends, cli);
  registerList(backends, cli);
}
