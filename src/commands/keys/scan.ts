import { Option, type Command } from "commander";
import { AppError, clause, type ExitCode } from "../../lib/errors.ts";
import { keyId } from "../../lib/keys/key.ts";
import type { Keyring } from "../../lib/keys/keyring.ts";
import type { Format, View } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { keyData } from "./key-data.ts";
import { isLive } from "./listed-key.ts";
import { loadKeyring } from "./load-keyring.ts";
import { MOST_TOLD, searchPlaces, type Searched } from "./search-places.ts";
import { storeTime } from "./store-time.ts";

export interface ScanOptions {
  readonly paths: readonly string[];
  readonly live?: boolean;
  readonly store: boolean;
}

export function registerScan(keys: Command, cli: Cli, run = scan): void {
  const command = keys
    .command("scan")
    .summary("find tokens in files, and which of them are live")
    .description(
      "Search files and folders for our tokens and keys, check their checksums, and look them up in the store. What was " +
        "found is told by file, line, column and key id, and never printed.",
    )
    .argument("<path...>", "files and folders, or - for standard input")
    .option("--live", "only tokens that a gateway would still accept")
    .option("--no-store", "do not ask the store which are live")
    .addOption(
      new Option("-o, --output <form>", "form of the output").choices(["table", "json", "yaml", "name", "csv"]),
    )
    .action(async (paths: string[], options: Omit<ScanOptions, "paths"> & { output?: Format }) =>
      cli.show(await run({ ...options, paths }, cli.ports), options.output ?? null),
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 nothing found, 1 tokens found, 3 nothing searched, 5 a file could\nnot be read, 7 tokens found of which the store did not say whether they are\nlive (with --live).",
    );
  withExamples(command, "mcpctl keys scan .", "git log -p --all | mcpctl keys scan - --live");
}

type ScanPorts = Pick<Ports, "cwd" | "label" | "now" | "progress" | "signal" | "stdin" | "store" | "tell">;

export async function scan(options: ScanOptions, ports: ScanPorts): Promise<Result> {
  const isLiveOnly = options.live === true;
  if (isLiveOnly && !options.store)
    throw new AppError("usage", "live_needs_store", "only the store knows what is live", {
      hint: "Leave out --live or --no-store.",
    });
  const searched = await searchPlaces(options.paths, ports);
  if (searched.files === 0 && searched.failureCount === 0)
    throw new AppError("invalid", "nothing_searched", `${searched.empty.join(", ")}: there is nothing to search`, {
      hint: "Name files, or folders that hold some; an empty standard input is what a program leaves that failed.",
    });
  const { keyring, note } = searched.found.length === 0 || !options.store ? UNASKED : await askStore(ports);
  const now = keyring === null ? ports.now() : storeTime(ports, await ports.store());
  const rows = searched.found
    .filter(({ hash }) => hash !== TEST_VECTOR || keyring?.keys.has(hash) === true)
    .map((token) => describe(token, keyring, now));
  const shown = isLiveOnly ? rows.filter(mayBeLive) : rows;
  const exit = shown.length === 0 ? exitOfNothing(searched) : isLiveOnly && keyring === null ? 7 : 1;
  return {
    view: viewOf(shown),
    notes: [...notesOf(searched), ...note, ...liveHints(rows), ...strangers(rows), summary(searched, rows.length)],
    ...(exit === 0 ? {} : { exit }),
  };
}

/** The hash of the key of 43 zeros, which stands in documentation and tests: found only where a store knows it. */
const TEST_VECTOR = "d9b6b1321c0bb82d517651f41fca20f3a62a0d93f45d39a71989d30a860275ee";
const WRONG_CHECKSUM = "looks like a token, with a wrong checksum: a typing error, or a made-up example.";
const UNASKED = { keyring: null, note: [] } as const;

/** Nothing was found where something was searched; that is no answer for what was not. */
function exitOfNothing({ failureCount, empty }: Searched): ExitCode {
  if (failureCount > 0) return 5;
  return empty.length > 0 ? 3 : 0;
}

function notesOf({ misfits, misfitCount, failures, failureCount, empty }: Searched): readonly string[] {
  return [
    ...misfits.map(({ file, line, column }) => `${file}:${line}:${column} ${WRONG_CHECKSUM}`),
    ...(misfitCount > misfits.length ? [`and ${misfitCount - misfits.length} more of that kind.`] : []),
    ...failures.map(({ message }) => `Not searched: ${clause(message)}.`),
    ...(failureCount > failures.length ? [`and ${failureCount - failures.length} more that were not searched.`] : []),
    ...empty.map((label) => `Not searched: ${label} holds nothing to search.`),
  ];
}

function summary({ files, bytes, skipped, failureCount }: Searched, found: number): string {
  const searched = `Searched ${files} ${files === 1 ? "file" : "files"}, ${bytes} bytes`;
  return `${searched}: ${found} found, ${skipped} links and special files skipped, ${failureCount} unreadable.`;
}

/** A token that was found is told, whether the store answers or not. */
async function askStore(ports: ScanPorts): Promise<{ keyring: Keyring | null; note: readonly string[] }> {
  try {
    const store = await ports.store();
    const keyring = await loadKeyring(store, ports);
    // An empty one is the wrong one, or was never made: it calls no token dead.
    if (keyring.keys.size > 0) return { keyring, note: [] };
    return { keyring: null, note: [`Which of them are live is not known: ${store.label} holds no keys.`] };
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === "interrupted") throw error;
    return { keyring: null, note: [`Which of them are live is not known: ${clause(error.message)}.`] };
  }
}

/** `not_in_store` for a token of another store; `not_asked` where none was asked, or did not answer. */
function describe({ file, line, column, hash }: Searched["found"][number], keyring: Keyring | null, now: number) {
  const key = keyring?.keys.get(hash);
  const place = { file, line, column, id: keyId(hash) };
  if (key === undefined)
    return { ...place, state: keyring === null ? "not_asked" : "not_in_store", role: null, user: null };
  const { state, role, user } = keyData(key, now);
  return { ...place, state, role, user };
}

type Row = ReturnType<typeof describe>;

function mayBeLive({ state }: Row): boolean {
  return isLive({ state }) || state === "not_asked";
}

/** With `--live` they are not among the rows, and may be live elsewhere. */
function strangers(rows: readonly Row[]): readonly string[] {
  const count = rows.filter(({ state }) => state === "not_in_store").length;
  return count === 0 ? [] : [`${count} not in this store; perhaps live in another context's (--context).`];
}

function liveHints(rows: readonly Row[]): readonly string[] {
  const live = [...new Set(rows.filter(({ state }) => isLive({ state })).map(({ id }) => id))];
  return live
    .slice(0, MOST_TOLD)
    .map((id) => `LIVE: ${id}. End it: mcpctl keys revoke ${id} --reason "found by a scan"`);
}

function viewOf(rows: readonly Row[]): View {
  return {
    data: rows,
    table: {
      columns: ["PLACE", "KEY", "STATE", "ROLE", "USER"],
      rows: rows.map(({ file, line, column, id, state, role, user }) => [
        `${file}:${line}:${column}`,
        id,
        state,
        role ?? "-",
        user ?? "-",
      ]),
    },
    names: [...new Set(rows.map(({ id }) => id))],
  };
}
