import { Option, type Command } from "commander";
import { currentContext } from "../../lib/config/config.ts";
import { proveEverywhere } from "../../lib/cluster/prove.ts";
import { AppError } from "../../lib/errors.ts";
import type { ReplicaState } from "../../lib/cluster/replica-state.ts";
import { nearest } from "../../lib/suggest.ts";
import type { Lock } from "../../lib/policy/locks.ts";
import { formatTime } from "../../lib/time.ts";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Enforcement } from "../../lib/cluster/enforcement.ts";
import { openEnforcement } from "../cluster/open-enforcement.ts";
import { readDuration } from "../duration.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { unasked, unprovenExit } from "./prove-or-tell.ts";
import { unfinished } from "./finish.ts";
import { describeTarget } from "./lock-target.ts";
import { liftLocks, reasonText, standingLocks } from "./place-lock.ts";
import {
  begun,
  describeLock,
  endedTable,
  keepBeginning,
  keepReceipt,
  replicaReceipt,
  withoutTime,
  type Receipt,
} from "./receipt.ts";
import { requireDenylist } from "./require-denylist.ts";
import { where } from "./where.ts";

export interface RemoveOptions {
  readonly id: string;
  readonly reason?: string;
  readonly yes?: boolean;
  readonly unproven?: boolean;
  readonly timeout: string;
  readonly wait: boolean;
}

export function registerRemove(lock: Command, cli: Cli, run = removeLock): void {
  const command = lock
    .command("remove")
    .summary("end a lock on purpose")
    .description(
      "End a lock, and wait until no gateway refuses by it. One that stands in for a revocation goes only when that is proven " +
        "everywhere: ten minutes have passed, and two further refreshes carried it to every gateway.",
    )
    .argument("<lock-id>", "as `mcpctl lock list` shows it")
    .option("--reason <text>", "why, for the record")
    .option("-y, --yes", "do not ask")
    .option("--unproven", "end a break-glass lock although its revocation is not proven: the key may live again")
    .option("--timeout <duration>", "how long all of it may take", "2m")
    .option("--no-wait", "do not ask whether gateways have seen it")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["table", "json", "yaml"]))
    .action(async (id: string, options: Omit<RemoveOptions, "id"> & { output?: Format }) =>
      cli.show(await run({ ...options, id }, cli.ports), options.output ?? null),
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 ended everywhere, 1 it must stay, 6 ended, and not\nproven on every gateway.",
    );
  withExamples(
    command,
    "mcpctl lock remove lock_V1StGXR8_Z5jdHi6B-myT",
    "mcpctl lock remove lock_V1StGXR8_Z5jdHi6B-myT --yes",
  );
}

export async function removeLock(options: RemoveOptions, ports: Ports): Promise<Result> {
  const timeoutMs = readDuration("--timeout", options.timeout, 1) * 1000;
  const context = currentContext(await ports.config());
  const enforcement = await openEnforcement(context, ports);
  try {
    const denylist = requireDenylist(context, enforcement);
    await enforcement.verify();
    const { id, lock, target } = await findLock(await standingLocks(denylist, ports.now()), options, enforcement);
    if (lock?.revokes === true && options.unproven !== true) {
      const problems = await unfinished(lock, { context, enforcement, store: await ports.store(), timeoutMs, ports });
      if (problems.length > 0)
        return {
          view: { data: { id, removed: false, problems }, text: () => `${id} stays.` },
          notes: [
            ...problems.map((problem) => `It stays: ${problem}`),
            "Repeat the command later; --unproven ends it all the same.",
          ],
          exit: 1,
        };
    } else if (options.yes !== true) {
      const isRisky = lock === null || lock.revokes;
      const risk = isRisky ? ["Its revocation is NOT proven: what it refuses may be let in again."] : [];
      const line = lock === null ? `${id} on ${target}` : describeLock(lock);
      await ports.confirm([where(context), line, ...risk], "End this lock?");
    }
    const reason = options.reason === undefined ? null : reasonText(options.reason);
    const receiptBegun = {
      ...begun({ context, ports }, { type: "unlock", target, reason }),
      lock: { id, accepted_at: null, until: null, lifted: true },
    };
    await keepBeginning(receiptBegun, ports);
    await liftLocks(denylist, [id], ports);
    // Told at once, for whatever comes of the rest.
    ports.tell(`Ended ${id} on ${target}.`);
    const { replicas, problems } = options.wait
      ? await proveLifted(id, enforcement, timeoutMs, ports)
      : { replicas: null, problems: [] };
    const receipt: Receipt = { ...receiptBegun, phase: "done", at: formatTime(ports.now()), replicas, problems };
    return {
      view: { data: receipt, table: endedTable(replicas ?? []) },
      notes: [
        ...problems.map((problem) => `Not proven: ${problem}`),
        where(context),
        ...(await keepReceipt(receipt, enforcement.cluster, ports)),
      ],
      ...(problems.length === 0 ? {} : { exit: unprovenExit(ports) }),
    };
  } finally {
    enforcement.close();
  }
}

interface FoundLock {
  readonly id: string;
  /** Null for one that only gateways know: somebody took it out of the denylist without ending it. */
  readonly lock: Lock | null;
  /** What it is on, for people. */
  readonly target: string;
}

async function findLock(
  locks: readonly Lock[],
  { id, unproven }: Pick<RemoveOptions, "id" | "unproven">,
  { findReplicas }: Enforcement,
): Promise<FoundLock> {
  const lock = locks.find((one) => one.id === id);
  if (lock !== undefined) return { id, lock, target: describeTarget(lock) };
  if (!(await isInForceAnywhere(id, findReplicas))) throw notFound(locks, id);
  if (unproven === true) return { id, lock: null, target: "something that nobody knows any more" };
  throw new AppError(
    "conflict",
    "lock_vanished",
    `${id} was taken out of the denylist, and gateways still refuse by it`,
    {
      hint: "Put it back to end it in order; --unproven ends it although nobody knows any more what it is for.",
    },
  );
}

async function isInForceAnywhere(id: string, find: Enforcement["findReplicas"]): Promise<boolean> {
  const asked = await Promise.allSettled(((await find?.()) ?? []).map((replica) => replica.ask({ lock: id })));
  return asked.some((answer) => answer.status === "fulfilled" && answer.value.lock?.in_force === true);
}

function notFound(locks: readonly Lock[], id: string): AppError {
  const near = nearest(
    id,
    locks.map((lock) => lock.id),
  );
  return new AppError("not-found", "lock_not_found", `no lock ${id.slice(0, 80)} is in force`, {
    hint: near === null ? "See them with `mcpctl lock list`." : `Did you mean ${near}?`,
  });
}

/** One that has its denylist out of use refuses every call, and cannot tell what it will do with the next one it reads. */
function stillLocked({ lock, sources }: ReplicaState): string | null {
  if (lock?.in_force !== false) return "still refuses by it";
  const denylist = sources.find(({ what }) => what === "locks");
  return denylist?.usable === false ? `has its denylist out of use (${denylist.problem ?? "it is too old"})` : null;
}

async function proveLifted(
  id: string,
  { findReplicas }: Enforcement,
  timeoutMs: number,
  ports: Pick<Ports, "progress" | "signal">,
): Promise<Pick<Receipt, "replicas" | "problems">> {
  if (findReplicas === null) return { replicas: null, problems: ["the context does not say where its gateways are."] };
  const since = performance.now();
  try {
    const proofs = await proveEverywhere({
      find: findReplicas,
      query: { lock: id },
      judge: stillLocked,
      since,
      deadline: since + timeoutMs,
      signal: ports.signal,
      onProgress: (proven, all) => ports.progress(`${proven} of ${all} gateways have ended it`),
    });
    const replicas = proofs.map(replicaReceipt).map(withoutTime);
    return {
      replicas,
      problems: replicas.flatMap(({ name, problem }) => (problem === null ? [] : [`${name}: ${problem}.`])),
    };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { replicas: null, problems: [unasked(error)] };
  } finally {
    ports.progress(null);
  }
}
