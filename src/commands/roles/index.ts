import type { Command } from "commander";
import { withExamples, type Cli } from "../cli.ts";
import { registerCheck } from "./check.ts";
import { registerDiff } from "./diff.ts";
import { registerList } from "./list.ts";
import { registerTest } from "./test.ts";
import { registerReplay } from "./replay.ts";

export function registerRoles(program: Command, cli: Cli): void {
  const roles = program
    .command("roles")
    .summary("the role file as code")
    .description("Keep the role file honest, without a cluster.");
  withExamples(roles, "mcpctl roles check", "mcpctl roles check roles.yaml -o json");
  registerCheck(roles, cli);
  registerDiff(roles, cli);
  registerTest(roles, cli);
  registerReplay(roles, cli);
  registerList(roles, cli);
}
