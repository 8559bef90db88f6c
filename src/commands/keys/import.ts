import { resolve } from "node:path";
import { Option, type Command } from "commander";
import { currentContext } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import { decodeUtf8, readFileBytesSync } from "../../lib/files/read-file.ts";
import { buildKeyring } from "../../lib/keys/followed-keyring.ts";
import { planImport, standingKey, type ImportPlan } from "../../lib/keys/import-plan.ts";
import { readImport } from "../../lib/keys/import-source.ts";
import { keyId } from "../../lib/keys/key.ts";
import type { CreateOutcome, KeyStore } from "../../lib/keys/key-store.ts";
import type { EntryName } from "../../lib/keys/record.ts";
import type { Format, View } from "../../lib/output/view.ts";
import { formatDuration } from "../../lib/time.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { readStdin } from "../stdin.ts";
import { entryNote } from "./entry-note.ts";
import { chooseTtl, endOfLife } from "./lifetime.ts";
import { loadEntries } from "./load-keyring.ts";
import { entriesChange } from "../../lib/cluster/carried-change.ts";
import { addWaitOptions, receipt, requireRoom, withProof, type WaitOptions } from "./propagation.ts";
import { requireRoleNames } from "./role-names.ts";
import { clockNote, storeTime } from "./store-time.ts";

export interface ImportOptions extends WaitOptions {
  readonly file: string;
  readonly ttl?: string;
  readonly reason?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** As much as a keys.json may hold. */
const MAX_BYTES = 64 * 1024 * 1024;
/** More problems than anybody mends at once. */
const MOST_TOLD = 50;
/** As many as are read back in one call of the API. */
const CHUNK = 10;

export function registerImport(keys: Command, cli: Cli, run = importKeys): void {
  const command = keys
    .command("import")
    .summary("take over hashes of keys that were issued elsewhere")
    .description(
      "Import a keys.json, or lines of `hash:role/user`. Everything is checked before anything is written; a key that was " +
        "ever revoked or pruned never comes back. Repeat the command after an interruption: what stands is skipped.",
    )
    .argument("<file>", "the file, or - for standard input")
    .option("--ttl <ttl>", "how long the imported keys live at most: 30d, 90d, never; required")
    .option("--reason <text>", "why, for the record")
    .option("-y, --yes", "do not ask")
    .option("--dry-run", "show what would be imported and change nothing")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["table", "json", "yaml", "name"]));
  addWaitOptions(command).action(async (file: string, options: Omit<ImportOptions, "file"> & { output?: Format }) =>
    cli.show(await run({ ...options, file }, cli.ports), options.output ?? null),
  );
  withExamples(
    command,
    "mcpctl keys import old-keys.json --ttl 90d --dry-run",
    "mcpctl keys import - --ttl 30d --yes < hashes.txt",
  );
}

export async function importKeys(options: ImportOptions, ports: Ports): Promise<Result> {
  const config = await ports.config();
  const context = currentContext(config);
  if (options.ttl === undefined)
    throw new AppError("usage", "option_missing", "--ttl must be given", {
      hint: "Imported keys get an end like any other: --ttl 90d. An earlier end of their own stays.",
    });
  const ttl = chooseTtl(options.ttl, config.keys);
  const source = await readSource(options.file, ports);
  const roles = await requireRoleNames(ports);
  const store = await ports.store();
  await store.verify();
  const entries = await loadEntries(store, ports);
  const tombstones = await store.tombstones();
  const now = storeTime(ports, store);
  const plan = planImport(source, {
    keyring: buildKeyring(entries),
    standing: new Map(entries.flatMap(({ name, value }) => (name === null ? [] : [[standingKey(name), value]]))),
    pruned: new Set(tombstones.map(({ hash }) => hash)),
    roles,
    now,
    latestEnd: endOfLife(now, ttl),
  });
  requireNoProblems(plan, ports);
  const newKeys = plan.writes.filter(({ name }) => name.part === "record").length;
  const counts = `${newKeys} keys, ${plan.writes.length - newKeys} markers; ${plan.equal} stand already, ${plan.expired} have ended`;
  if (options.dryRun === true || plan.writes.length === 0) {
    const told = options.dryRun === true ? "Dry run: it would import" : "Nothing to import:";
    return {
      view: viewOf(plan.writes.map(({ name }) => ({ name, result: "would_import" }))),
      notes: [`${told} ${counts}. ${store.label} was not changed.`],
    };
  }
  await requireRoom(context, newKeys, async () => entries);
  if (options.yes !== true) {
    const life = ttl === null ? "for ever" : `for ${formatDuration(ttl)} at most`;
    await ports.confirm([receipt(context, store), `${counts}.`], `Import these keys, to live ${life}?`);
  }
  const done = await writeAll(plan, options, store, ports);
  const result = answer(done, [receipt(context, store), ...clockNote(store)], counts);
  const imported = done.filter((written) => written.result === "imported").map(({ name }) => name);
  return withProof(result, entriesChange(imported), { context, options, ports });
}

async function readSource(file: string, ports: Ports) {
  const label = file === "-" ? "standard input" : ports.label(resolve(ports.cwd, file));
  const bytes =
    file === "-"
      ? await readStdin(ports, MAX_BYTES)
      : readFileBytesSync(resolve(ports.cwd, file), "the file", MAX_BYTES);
  const source = readImport(decodeUtf8(bytes, label), label);
  if (source.entries.length === 0 && source.problems.length === 0)
    throw new AppError("invalid", "nothing_to_import", `${label} holds no keys`, {
      hint: "Give a keys.json, or lines of hash:role/user.",
    });
  return source;
}

function requireNoProblems({ problems }: ImportPlan, ports: Ports): void {
  if (problems.length === 0) return;
  for (const { place, message } of problems.slice(0, MOST_TOLD)) ports.tell(`${place}: ${message}`);
  if (problems.length > MOST_TOLD) ports.tell(`and ${problems.length - MOST_TOLD} more`);
  const them = problems.length === 1 ? "1 entry" : `${problems.length} entries`;
  throw new AppError("invalid", "import_refused", `${them} cannot be imported, so nothing was`, {
    hint: "Mend or take out what is named above, and repeat.",
  });
}

interface Written {
  readonly name: EntryName;
  readonly result: "imported" | "conflict" | "unproven";
}

async function writeAll(
  { writes }: ImportPlan,
  { reason }: ImportOptions,
  store: KeyStore,
  ports: Ports,
): Promise<readonly Written[]> {
  const note = entryNote(ports, storeTime(ports, store), "import", reason);
  const done: Written[] = [];
  try {
    for (let at = 0; at < writes.length; at += CHUNK) {
      ports.progress(`Imported ${done.length} of ${writes.length} entries`);
      const chunk = writes.slice(at, at + CHUNK).map((write) => ({ ...write, note }));
      const outcomes = await store.create(chunk);
      for (const [index, { name, value }] of chunk.entries())
        done.push({ name, result: resultOf(outcomes[index] as CreateOutcome, value) });
    }
  } catch (error) {
    ports.tell(`${done.length} of ${writes.length} entries were imported before it failed; repeat the command.`);
    throw error;
  } finally {
    ports.progress(null);
  }
  return done;
}

function resultOf(outcome: CreateOutcome, value: string): Written["result"] {
  if (outcome.status === "unproven") return "unproven";
  return outcome.status === "created" || outcome.value === value ? "imported" : "conflict";
}

function answer(done: readonly Written[], where: readonly string[], counts: string): Result {
  const conflicts = done.filter(({ result }) => result === "conflict").length;
  const unproven = done.filter(({ result }) => result === "unproven").length;
  return {
    view: viewOf(done),
    notes: [
      conflicts + unproven === 0 ? `Imported ${counts}.` : `Imported ${done.length - conflicts - unproven} entries.`,
      ...(conflicts === 0 ? [] : [`Not imported: ${conflicts}, which somebody else made meanwhile, and differently.`]),
      ...(unproven === 0 ? [] : [`Not proven: ${unproven} were accepted and cannot be read back. Repeat the command.`]),
      ...where,
    ],
    ...(conflicts > 0 ? { exit: 3 as const } : unproven > 0 ? { exit: 6 as const } : {}),
  };
}

function viewOf(done: readonly { readonly name: EntryName; readonly result: string }[]): View {
  const data = done.map(({ name, result }) => ({ id: keyId(name.hash), role: name.role, entry: name.part, result }));
  return {
    data,
    table: {
      columns: ["KEY", "ROLE", "ENTRY", "RESULT"],
      rows: data.map(({ id, role, entry, result }) => [id, role, entry, result]),
    },
    names: data.filter(({ entry }) => entry === "record").map(({ id }) => id),
  };
}
