import { Option, type Command } from "commander";
import { currentContext } from "../../lib/config/config.ts";
import type { Lock } from "../../lib/policy/locks.ts";
import { formatTime } from "../../lib/time.ts";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import { openEnforcement } from "../cluster/open-enforcement.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { describeTarget } from "./lock-target.ts";
import { standingLocks } from "./place-lock.ts";
import { requireDenylist } from "./require-denylist.ts";

export function registerList(lock: Command, cli: Cli, run = listLocks): void {
  const command = lock
    .command("list")
    .summary("list the locks in force")
    .description(
      "List every lock of the denylist that is in force. `mcpctl status` shows whether every gateway has them.",
    )
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["table", "json", "yaml", "name"]))
    .action(async (options: { output?: Format }) => cli.show(await run(cli.ports), options.output ?? null));
  withExamples(command, "mcpctl lock list", "mcpctl lock list -o name");
}

export async function listLocks(ports: Ports): Promise<Result> {
  const context = currentContext(await ports.config());
  const enforcement = await openEnforcement(context, ports);
  try {
    const denylist = requireDenylist(context, enforcement);
    await enforcement.verify();
    const locks = await standingLocks(denylist, ports.now());
    return {
      view: {
        data: locks.map(lockData),
        table: {
          columns: ["LOCK", "ON", "SINCE", "UNTIL", "BY", "REASON"],
          rows: locks.map((lock) => [
            lock.id,
            describeTarget(lock),
            lock.at,
            lock.until === null ? (lock.revokes ? "revocation is proven" : "removed") : formatTime(lock.until),
            lock.by,
            lock.reason,
          ]),
        },
        names: locks.map(({ id }) => id),
      },
      notes: locks.length === 0 ? [`No locks in ${denylist.label}.`] : [],
    };
  } finally {
    enforcement.close();
  }
}

export function lockData({ id, target, value, reason, tell, by, at, until, revokes }: Lock) {
  return {
    id,
    target,
    value: target === "all" ? null : value,
    reason,
    tell,
    by,
    at,
    until: until === null ? null : formatTime(until),
    break_glass: revokes,
  };
}
