import { Option, type Command } from "commander";
import { currentContext, type Context } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import { formatTime } from "../../lib/time.ts";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import { openEnforcement } from "../cluster/open-enforcement.ts";
import { readDuration } from "../duration.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { describeTarget, readTarget, type TargetOptions } from "./lock-target.ts";
import { placeLock, reasonText } from "./place-lock.ts";
import { proveOrTell, unprovenExit } from "./prove-or-tell.ts";
import { begun, keepBeginning, keepReceipt, lockOf, replicaTable, type Receipt } from "./receipt.ts";
import { requireDenylist } from "./require-denylist.ts";
import { where } from "./where.ts";

export interface AddOptions extends TargetOptions {
  readonly reason?: string;
  readonly for?: string;
  readonly tell?: boolean;
  readonly confirm?: string;
  readonly timeout: string;
  readonly wait: boolean;
}

export function registerAdd(lock: Command, cli: Cli, run = addLock): void {
  const command = lock
    .command("add")
    .summary("refuse somebody or something at once")
    .description(
      "Add a lock and wait until every gateway refuses by it. Open streams are cut. It ends by --for or `lock remove` alone.",
    )
    .option("--key <key-id>", "the key of this id")
    .option("--user <user>", "every key of this user, new ones too")
    .option("--role <role>", "every key of this role, new ones too")
    .option("--backend <backend>", "this backend, for everybody")
    .option("--all", "everything: the kill switch; asks for the context's name")
    .option("--reason <text>", "why, for the record")
    .option("--for <duration>", "until when, from now, e.g. 1h (default: until it is removed)")
    .option("--tell", "let the refused caller read the reason")
    .option("--confirm <context>", "with --all, off a terminal: the name of the context")
    .option("--timeout <duration>", "how long to wait for the gateways", "30s")
    .option("--no-wait", "do not ask whether gateways have seen it")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["table", "json", "yaml"]))
    .action(async (options: AddOptions & { output?: Format }) =>
      cli.show(await run(options, cli.ports), options.output ?? null),
    )
    .addHelpText("after", "\nExit codes: 0 refused everywhere, 6 locked, and not proven on every gateway.");
  withExamples(
    command,
    'mcpctl lock add --user incident-agent-01 --reason "token in a public ticket" --for 1h',
    'mcpctl lock add --backend aws-rw-prod --reason "incident 4711" --tell',
  );
}

export async function addLock(options: AddOptions, ports: Ports): Promise<Result> {
  const target = readTarget(options);
  const { reason } = options;
  if (reason === undefined || reason.trim() === "")
    throw new AppError("usage", "option_missing", "--reason must be given", {
      hint: "Whoever is called at night reads it: say what happened.",
    });
  const timeoutMs = readDuration("--timeout", options.timeout, 1) * 1000;
  const seconds = options.for === undefined ? null : readDuration("--for", options.for, 1);
  const context = currentContext(await ports.config());
  if (target.target === "all") await confirmKillSwitch(context, options.confirm, ports);
  const enforcement = await openEnforcement(context, ports);
  try {
    const denylist = requireDenylist(context, enforcement);
    await enforcement.verify();
    const until = seconds === null ? null : (Math.ceil(ports.now() / 1000) + seconds) * 1000;
    const receiptBegun = begun(
      { context, ports },
      { type: "lock", target: describeTarget(target), reason: reasonText(reason) },
    );
    await keepBeginning(receiptBegun, ports);
    const placed = await placeLock(
      denylist,
      { target, reason, until, tell: options.tell === true, revokes: false },
      ports,
    );
    const end = until === null ? "until it is removed" : `until ${formatTime(until)}`;
    // Told at once: whoever gives up waiting must know that it stands.
    ports.tell(`Locked ${describeTarget(target)} ${end}: ${placed.lock.id}.`);
    const { replicas, problems, knownKeys } = options.wait
      ? await proveOrTell(enforcement.findReplicas, placed, timeoutMs, ports)
      : { replicas: null, problems: [], knownKeys: null };
    const receipt: Receipt = {
      ...receiptBegun,
      phase: "done",
      at: formatTime(ports.now()),
      lock: lockOf(placed),
      replicas,
      problems,
    };
    return {
      view: { data: receipt, table: replicaTable(replicas ?? []) },
      notes: [
        ...problems.map((problem) => `Not proven: ${problem}`),
        // A name that was mistyped is refused everywhere, too.
        ...(knownKeys === 0 ? [`No gateway knows a key of ${describeTarget(target)}: is the name right?`] : []),
        where(context),
        ...(await keepReceipt(receipt, enforcement.cluster, ports)),
        `To end it: mcpctl lock remove ${placed.lock.id}.`,
      ],
      ...(problems.length === 0 ? {} : { exit: unprovenExit(ports) }),
    };
  } finally {
    enforcement.close();
  }
}

/** It stops everybody: only whoever can name the context means this one. */
async function confirmKillSwitch(
  { name }: Context,
  confirmed: string | undefined,
  ports: Pick<Ports, "ask">,
): Promise<void> {
  if (confirmed === undefined && ports.ask === null)
    throw new AppError("usage", "confirmation_missing", "--all must be confirmed, and there is no terminal to ask on", {
      hint: `Add --confirm ${name}.`,
    });
  const answer =
    confirmed ??
    (await ports.ask?.(
      [`This refuses every call of every agent through the gateways of context ${name}.`],
      `Type the context's name to go on: `,
    )) ??
    "";
  if (answer.trim() === name) return;
  throw new AppError("usage", "declined", `that is not ${name}; nothing was changed`, {
    hint: "Type the name of the context, as `mcpctl context list` shows it.",
  });
}
