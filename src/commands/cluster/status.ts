import { setTimeout as delay } from "node:timers/promises";
import { Option, type Command } from "commander";
import { currentContext } from "../../lib/config/config.ts";
import { render } from "../../lib/output/render.ts";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import { readDuration } from "../duration.ts";
import { loadRoleNames } from "../keys/role-names.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { gather } from "./status-gather.ts";
import { judge } from "./status-judge.ts";
import { statusView } from "./status-view.ts";

export interface StatusOptions {
  readonly watch?: boolean;
  readonly interval: string;
  readonly expiring: string;
  readonly output?: Format;
}

export function registerStatus(program: Command, cli: Cli, run = status): void {
  const command = program
    .command("status")
    .summary("one screen: store, Secret, gateways, locks, and where they differ")
    .description("Look at every layer between a key and its use, and say where they differ.")
    .option("-w, --watch", "look again and again, until Ctrl-C")
    .option("--interval <duration>", "how often with --watch", "15s")
    .option("--expiring <span>", "name the keys that end within this time", "14d")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["text", "json", "yaml"]))
    .action(async (options: StatusOptions) => cli.show(await run(options, cli.ports), options.output ?? null))
    .addHelpText("after", "\nExit codes: 0 all layers agree, 1 drift, 5 a layer could not be looked at.");
  withExamples(command, "mcpctl status", "mcpctl status --context prod --watch");
}

export async function status(options: StatusOptions, ports: Ports): Promise<Result> {
  const seconds = readDuration("--interval", options.interval, 1);
  if (options.watch !== true) return look(options, ports);
  for (;;) {
    const result = await look(options, ports);
    if (result.view !== undefined) {
      const text = await render(result.view, {
        format: options.output ?? null,
        isTerminal: ports.stdoutIsTerminal,
        paint: ports.paint,
      });
      // The screen is drawn anew; in a file each look follows the last.
      await ports.print(`${ports.stdoutIsTerminal ? CLEAR : ""}${text.trimEnd()}`);
    }
    await delay(seconds * 1000, undefined, { signal: ports.signal }).catch(() => undefined);
    if (ports.signal.aborted) return result.exit === undefined ? {} : { exit: result.exit };
  }
}

/** Clears a terminal and goes to its upper left corner (ECMA-48). */
const CLEAR = "\u001b[2J\u001b[H";

async function look(options: StatusOptions, ports: Ports): Promise<Result> {
  const expiringSeconds = readDuration("--expiring", options.expiring, 1);
  const context = currentContext(await ports.config());
  const [everything, roles] = await Promise.all([gather(context, ports), loadRoleNames(ports)]);
  const judgement = judge(everything, ports.now());
  const exit = judgement.drift.length > 0 ? 1 : judgement.away.length > 0 ? 5 : undefined;
  return {
    view: statusView(everything, judgement, { roles: roles.names, now: ports.now(), expiringSeconds }),
    notes: roles.notes,
    ...(exit === undefined ? {} : { exit }),
  };
}
