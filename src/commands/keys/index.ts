import type { Command } from "commander";
import { withExamples, type Cli } from "../cli.ts";
import { registerCreate } from "./create.ts";
import { registerExport } from "./export.ts";
import { registerImport } from "./import.ts";
import { registerInspect } from "./inspect.ts";
import { registerList } from "./list.ts";
import { registerPrune } from "./prune.ts";
import { registerRevoke } from "./revoke.ts";
import { registerRotate } from "./rotate.ts";
import { registerScan } from "./scan.ts";
import { registerShow } from "./show.ts";

export function registerKeys(program: Command, cli: Cli): void {
  const keys = program
    .command("keys")
    .summary("the life of a key")
    .description("Make, find, replace and end the keys of agents.");
  withExamples(keys, "mcpctl keys create --role dev-readonly --user incident-agent-01", "mcpctl keys list");
  registerCreate(keys, cli);
  registerList(keys, cli);
  registerShow(keys, cli);
  registerRotate(keys, cli);
  registerRevoke(keys, cli);
  registerPrune(keys, cli);
  registerImport(keys, cli);
  registerExport(keys, cli);
  registerInspect(keys, cli);
  registerScan(keys, cli);
}
