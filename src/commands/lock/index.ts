import type { Command } from "commander";
import { withExamples, type Cli } from "../cli.ts";
import { registerAdd } from "./add.ts";
import { registerInit } from "./init.ts";
import { registerList } from "./list.ts";
import { registerRemove } from "./remove.ts";

export function registerLock(program: Command, cli: Cli): void {
  const lock = program
    .command("lock")
    .summary("break-glass: refuse a key, user, role, backend or everything at once")
    .description(
      "A lock beats every key and grant, and needs neither SSM nor External Secrets: gateways follow the denylist itself.",
    );
  withExamples(
    lock,
    'mcpctl lock add --user incident-agent-01 --reason "token in a public ticket"',
    "mcpctl lock list",
  );
  registerInit(lock, cli);
  registerAdd(lock, cli);
  registerList(lock, cli);
  registerRemove(lock, cli);
}
