import { Option, type Command } from "commander";
import { compareWithStore, hasDrift, type Drift } from "../../lib/cluster/secret-contents.ts";
import { currentContext } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import type { KeyStore, StoredEntry } from "../../lib/keys/key-store.ts";
import {
  entrySize,
  keysJsonBytes,
  MAX_KEYS_JSON_BYTES_IN_SECRET,
  SECRET_BYTES,
} from "../../lib/keys/secret-capacity.ts";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import { readDuration } from "../duration.ts";
import { loadEntries } from "../keys/load-keyring.ts";
import { receipt } from "../keys/propagation.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { requireSsm } from "../../lib/cluster/enforcement.ts";
import { openEnforcement } from "./open-enforcement.ts";
import { runSync } from "../../lib/cluster/sync-run.ts";
import { syncView } from "./sync-view.ts";

export interface SyncCommandOptions {
  readonly timeout: string;
}

export function registerSync(program: Command, cli: Cli, run = sync): void {
  const command = program
    .command("sync")
    .summary("force External Secrets, and prove that every gateway enforces what the store holds")
    .description(
      "Check the ExternalSecret, force it, compare the Secret with the store, and wait until every gateway has read it.",
    )
    .option("--timeout <duration>", "how long all of it may take", "2m")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["table", "json", "yaml"]))
    .action(async (options: SyncCommandOptions & { output?: Format }) =>
      cli.show(await run(options, cli.ports), options.output ?? null),
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 proven everywhere, 1 the ExternalSecret must not be trusted\nwith keys, 6 not proven, and by whom.",
    );
  withExamples(command, "mcpctl sync", "mcpctl sync --context prod -o json");
}

export async function sync({ timeout }: SyncCommandOptions, ports: Ports): Promise<Result> {
  const timeoutMs = readDuration("--timeout", timeout, 1) * 1000;
  const context = currentContext(await ports.config());
  requireSsm(context);
  if (context.kubernetes === null)
    throw new AppError("usage", "no_cluster", `context ${context.name} names no cluster`, {
      hint: "Add its `kubernetes` part in mcpctl.yaml; examples/mcpctl.yaml shows one.",
    });
  const store = await ports.store();
  const enforcement = await openEnforcement(context, ports);
  try {
    const entries = await readStore(store, ports);
    const report = await runSync({
      context,
      enforcement,
      change: { lacking: wholeStore(entries, store) },
      timeoutMs,
      ports,
    });
    const calls = `${enforcement.cluster?.api.calls ?? 0} calls of the API server, ${store.calls ?? 0} of AWS.`;
    const exit = report.objections.length > 0 ? 1 : report.problems.length > 0 ? 6 : undefined;
    return {
      view: syncView(report),
      notes: [
        ...report.problems.map((problem) => (exit === 1 ? problem : `Not proven: ${problem}`)),
        ...(exit === 1 ? ["Nothing was forced."] : []),
        ...report.notes,
        ...almostFull(entries),
        receipt(context, store),
        calls,
      ],
      ...(exit === undefined ? {} : { exit }),
    };
  } finally {
    enforcement.close();
  }
}

/** @throws AppError invalid when the operator could not make a Secret of it; then no revocation would get through */
async function readStore(store: KeyStore, ports: Ports): Promise<readonly StoredEntry[]> {
  const entries = await loadEntries(store, ports);
  const bytes = keysJsonBytes(entries, 0);
  if (bytes <= SECRET_BYTES) return entries;
  const largest = entries
    .filter(({ name }) => name !== null)
    .toSorted((one, other) => entrySize(other) - entrySize(one));
  const names = largest.slice(0, 5).map((entry) => `${entry.label} (${entrySize(entry)} bytes)`);
  throw new AppError(
    "invalid",
    "secret_overfull",
    `${bytes} bytes of records do not fit into a Secret, which holds ${SECRET_BYTES}: no later revocation gets through`,
    {
      hint: `Delete what does not belong there, or use one ExternalSecret per role folder. The largest: ${names.join(", ")}.`,
    },
  );
}

function almostFull(entries: readonly StoredEntry[]): readonly string[] {
  const bytes = keysJsonBytes(entries, 0);
  return bytes > MAX_KEYS_JSON_BYTES_IN_SECRET
    ? [
        `The records take ${bytes} of the ${SECRET_BYTES} bytes that a Secret holds: use one ExternalSecret per role folder.`,
      ]
    : [];
}

/** Do the Secrets hold what the store holds? Whoever wrote meanwhile is no drift: the store is then read again. */
function wholeStore(first: readonly StoredEntry[], store: KeyStore) {
  let entries = first;
  return async (found: readonly StoredEntry[]): Promise<string | null> => {
    if (!hasDrift(compareWithStore(entries, found))) return null;
    entries = await store.list();
    const drift = compareWithStore(entries, found);
    return hasDrift(drift) ? describeDrift(drift) : null;
  };
}

const MOST_NAMED = 5;

export function describeDrift({ missing, extra, different }: Drift): string {
  const part = (names: readonly string[], what: string): string[] =>
    names.length === 0
      ? []
      : [
          `${names.length} ${what} (${names.slice(0, MOST_NAMED).join(", ")}${names.length > MOST_NAMED ? ", ..." : ""})`,
        ];
  return [
    ...part(missing, "entries of the store are not in the Secret"),
    ...part(extra, "entries of the Secret are not in the store"),
    ...part(different, "entries differ"),
  ].join("; ");
}
