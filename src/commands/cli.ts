import type { Command } from "commander";
import type { Format } from "../lib/output/view.ts";
import type { Ports } from "./ports.ts";
import type { Result } from "./result.ts";

/** What a command's registration may use: the ports, and the one place that shows results. */
export interface Cli {
  readonly ports: Ports;
  readonly show: (result: Result, format: Format | null) => Promise<void>;
}

/** The hidden command that shells call for what could stand next on a line (shell/). */
export const COMPLETE = "__complete";

/** Puts two examples at the very start of a command's help. */
export function withExamples(command: Command, first: string, second: string): Command {
  return command.addHelpText("before", `Examples:\n  $ ${first}\n  $ ${second}\n`);
}
