import type { Command } from "commander";
import type { Context } from "../../lib/config/config.ts";
import { AppError, clause, EXIT_BY_KIND, type ExitCode } from "../../lib/errors.ts";
import type { KeyStore, StoredEntry } from "../../lib/keys/key-store.ts";
import { keysJsonBytes, MAX_KEYS_JSON_BYTES_IN_SECRET } from "../../lib/keys/secret-capacity.ts";
import type { Change } from "../../lib/cluster/sync-run.ts";
import { readDuration } from "../duration.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";

/** Where a change was made: the context, its store with region and account, its cluster. */
export function receipt(context: Context, store: KeyStore): string {
  const cluster = context.kubernetes === null ? "" : `, cluster ${context.kubernetes.cluster}`;
  return `Context ${context.name}: ${store.label}${cluster}.`;
}

/** How long a command may wait for the cluster, and whether it does. */
export interface WaitOptions {
  readonly wait: boolean;
  readonly timeout: string;
}

export interface Propagation {
  readonly context: Context;
  readonly options: WaitOptions;
  readonly ports: Pick<Ports, "kube" | "label" | "progress" | "signal" | "tell">;
}

/** Declares the flags of {@link WaitOptions}. */
export function addWaitOptions(command: Command): Command {
  return command
    .option("--timeout <duration>", "in a cluster: how long to wait until every gateway enforces it", "2m")
    .option("--no-wait", "do not ask whether gateways have seen the change");
}

/**
 * A change that the store shows is not yet one that gateways enforce: in a context with a cluster External Secrets is
 * forced and every gateway asked. What is not proven is told and ends with 6, unless the result has an exit code already;
 * `--no-wait` says that one does not care. What was done is told whatever comes of it.
 */
export async function withProof(result: Result, change: Change, propagation: Propagation): Promise<Result> {
  const { context, options } = propagation;
  if (context.kubernetes === null || !options.wait) return result;
  const { notes, exit } = await prove(change, propagation);
  const worst = result.exit ?? exit;
  return { ...result, notes: [...(result.notes ?? []), ...notes], ...(worst === undefined ? {} : { exit: worst }) };
}

async function prove(
  change: Change,
  { context, options, ports }: Propagation,
): Promise<{ readonly notes: readonly string[]; readonly exit?: ExitCode }> {
  const timeoutMs = readDuration("--timeout", options.timeout, 1) * 1000;
  const since = performance.now();
  try {
    const { openEnforcement } = await import("../cluster/open-enforcement.ts");
    const { runSync } = await import("../../lib/cluster/sync-run.ts");
    const enforcement = await openEnforcement(context, ports);
    try {
      const report = await runSync({ context, enforcement, change, timeoutMs, ports });
      if (report.problems.length > 0) return unproven(report.problems, report.notes);
      const seconds = ((performance.now() - since) / 1000).toFixed(1);
      const count = report.replicas?.length ?? 0;
      return {
        notes: [
          `Proven after ${seconds} s: the Secret carries it, and ${count} of ${count} gateways enforce it.`,
          ...report.notes,
        ],
      };
    } finally {
      enforcement.close();
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const told = unproven([`${clause(error.message)}. ${error.hint ?? ""}`.trimEnd()], []);
    return error.kind === "interrupted" ? { ...told, exit: EXIT_BY_KIND.interrupted } : told;
  }
}

function unproven(problems: readonly string[], notes: readonly string[]) {
  const told = problems.map((problem) => `Not proven: ${problem}`);
  return { notes: [...told, ...notes, "The store has it; `mcpctl sync` tries again."], exit: 6 as const };
}

/**
 * Refuses what would not fit into the Secret that External Secrets renders, before it makes every later revocation
 * fail too. With several Secrets nothing says which roles go into which, so all of them count as one.
 * @throws AppError invalid from 80 % of a Secret's 1 MiB on
 */
export async function requireRoom(
  context: Context,
  newKeys: number,
  list: () => Promise<readonly StoredEntry[]>,
): Promise<void> {
  const secrets = [context.kubernetes?.secret ?? []].flat().length;
  if (secrets === 0) return;
  const most = secrets * MAX_KEYS_JSON_BYTES_IN_SECRET;
  const bytes = keysJsonBytes(await list(), newKeys);
  if (bytes <= most) return;
  throw new AppError("invalid", "secret_full", `${bytes} bytes of keys do not fit into 80 % of the context's Secret`, {
    hint: "Use one ExternalSecret per role folder, and name them all under kubernetes.externalSecret and kubernetes.secret.",
  });
}
