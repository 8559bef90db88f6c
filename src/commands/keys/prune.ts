import { Option, type Command } from "commander";
import { currentContext } from "../../lib/config/config.ts";
import { buildKeyring } from "../../lib/keys/followed-keyring.ts";
import { keyId } from "../../lib/keys/key.ts";
import type { EntryNote, KeyStore } from "../../lib/keys/key-store.ts";
import { planPrune, type PrunePlan } from "../../lib/keys/prune-plan.ts";
import type { EntryName } from "../../lib/keys/record.ts";
import type { Format, View } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { entryNote } from "./entry-note.ts";
import { loadEntries } from "./load-keyring.ts";
import { receipt } from "./propagation.ts";
import { clockNote, storeTime } from "./store-time.ts";

export interface PruneOptions {
  readonly reason?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** As many as the API deletes in one call. */
const CHUNK = 10;

export function registerPrune(keys: Command, cli: Cli, run = prune): void {
  const command = keys
    .command("prune")
    .summary("delete keys that ended long ago")
    .description(
      "Delete the records of keys that ended or were revoked 30 days ago. Their ends and revocations stay until nobody " +
        "could bring the key back by making its record again, and what was deleted is kept in mind for ever.",
    )
    .option("--reason <text>", "why, for the record")
    .option("-y, --yes", "do not ask")
    .option("--dry-run", "show what would be deleted and change nothing")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["table", "json", "yaml", "name"]))
    .action(async (options: PruneOptions & { output?: Format }) =>
      cli.show(await run(options, cli.ports), options.output ?? null),
    );
  withExamples(command, "mcpctl keys prune --dry-run", "mcpctl keys prune --yes");
}

export async function prune(options: PruneOptions, ports: Ports): Promise<Result> {
  const context = currentContext(await ports.config());
  const store = await ports.store();
  await store.verify();
  const entries = await loadEntries(store, ports);
  const plan = planPrune(entries, buildKeyring(entries), await store.tombstones(), storeTime(ports, store));
  const names = [...plan.records, ...plan.markers];
  const counts = `${plan.records.length} records and ${plan.markers.length} markers`;
  const kept = plan.kept === 0 ? [] : [`${plan.kept} keys without a record keep their markers.`];
  if (options.dryRun === true || names.length === 0) {
    const told =
      options.dryRun === true ? `Dry run: ${counts} would be deleted from ${store.label}.` : "Nothing to prune.";
    return { view: viewOf(names, "would_delete"), notes: [told, ...kept] };
  }
  if (options.yes !== true)
    await ports.confirm([receipt(context, store), `${counts}.`], `Delete them from ${store.label}?`);
  const note = entryNote(ports, storeTime(ports, store), "prune", options.reason);
  const left = await deleteAll(plan, store, note, ports);
  return {
    view: viewOf(
      names.filter((name) => !left.includes(name)),
      "deleted",
    ),
    notes: [
      `Deleted ${names.length - left.length} of ${counts}.`,
      ...kept,
      ...(left.length === 0 ? [] : [`Not proven: the store still shows ${left.length} of them. Repeat the command.`]),
      receipt(context, store),
      ...clockNote(store),
    ],
    ...(left.length === 0 ? {} : { exit: 6 as const }),
  };
}

/** Gives what the store still shows. What is deleted is buried first: whatever happens then, it is known. */
async function deleteAll(
  { records, tombstones, markers }: PrunePlan,
  store: KeyStore,
  note: EntryNote,
  ports: Ports,
): Promise<readonly EntryName[]> {
  const left: EntryName[] = [];
  const isLeft = (names: readonly EntryName[], name: EntryName): boolean =>
    names.some(({ role, hash, part }) => role === name.role && hash === name.hash && part === name.part);
  try {
    if (tombstones.length > 0) await store.bury(tombstones);
    const names = [...records, ...(await unrevivable(markers, store))];
    for (let at = 0; at < names.length; at += CHUNK) {
      ports.progress(`Deleted ${at} of ${names.length} entries`);
      const chunk = names.slice(at, at + CHUNK);
      const shown = await store.remove(chunk, note);
      left.push(...chunk.filter((name) => isLeft(shown, name)));
    }
    left.push(...markers.filter((marker) => !names.includes(marker)));
  } finally {
    ports.progress(null);
  }
  return left;
}

/** A list may be older than a record that somebody made again: its markers must then stay. */
async function unrevivable(markers: readonly EntryName[], store: KeyStore): Promise<readonly EntryName[]> {
  if (markers.length === 0) return [];
  const standing = await store.read(markers.map((name) => ({ ...name, part: "record" })));
  return markers.filter((_, index) => standing[index] === null);
}

function viewOf(names: readonly EntryName[], result: string): View {
  const data = names.map(({ hash, role, part }) => ({ id: keyId(hash), role, entry: part, result }));
  return {
    data,
    table: {
      columns: ["KEY", "ROLE", "ENTRY", "RESULT"],
      rows: data.map(({ id, role, entry }) => [id, role, entry, result]),
    },
    names: [...new Set(data.map(({ id }) => id))],
  };
}
