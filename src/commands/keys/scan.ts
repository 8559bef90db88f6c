import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { Option, type Command } from "commander";
import { AppError, clause } from "../../lib/errors.ts";
import { fileError } from "../../lib/files/file-error.ts";
import { walkFiles } from "../../lib/files/walk-files.ts";
import { TokenFinder, type FoundToken } from "../../lib/keys/find-tokens.ts";
import { keyId } from "../../lib/keys/key.ts";
import type { Keyring } from "../../lib/keys/keyring.ts";
import type { Format, View } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { keyData } from "./key-data.ts";
import { isLive } from "./listed-key.ts";
import { loadKeyring } from "./load-keyring.ts";
import { storeTime } from "./store-time.ts";

export interface ScanOptions {
  readonly paths: readonly string[];
  readonly live?: boolean;
  readonly store: boolean;
}

/** Opening a pipe without the one would wait for a writer, and a link without the other lead anywhere. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;
const PIECE_BYTES = 256 * 1024;
/** More lines than anybody reads. */
const MOST_TOLD = 20;

export function registerScan(keys: Command, cli: Cli, run = scan): void {
  const command = keys
    .command("scan")
    .summary("find tokens in files, and which of them are live")
    .description(
      "Search files and folders for our tokens and keys, check their checksums, and look them up in the store. What was\n" +
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
      "\nExit codes: 0 nothing found, 1 tokens found, 3 nothing searched, 5 a file could not be read.",
    );
  withExamples(command, "mcpctl keys scan .", "git log -p --all | mcpctl keys scan - --live");
}

interface Hit extends FoundToken {
  readonly file: string;
}

interface Searched {
  readonly hits: readonly Hit[];
  readonly files: number;
  readonly bytes: number;
  readonly skipped: number;
  readonly failures: readonly AppError[];
}

type ScanPorts = Pick<Ports, "cwd" | "label" | "now" | "progress" | "signal" | "stdin" | "store" | "tell">;

export async function scan(options: ScanOptions, ports: ScanPorts): Promise<Result> {
  const { hits, files, bytes, skipped, failures } = await search(options.paths, ports);
  const tokens = hits.flatMap(({ hash, ...place }) => (hash === null ? [] : [{ ...place, hash }]));
  const misfits = hits.filter(({ hash }) => hash === null);
  if (files === 0 && failures.length === 0)
    throw new AppError("invalid", "nothing_searched", "no file was searched", {
      hint: "Name files or folders that hold some.",
    });
  const { keyring, note } = tokens.length === 0 || !options.store ? UNASKED : await askStore(ports);
  const now = keyring === null ? ports.now() : storeTime(ports, await ports.store());
  const rows = tokens
    .filter(({ hash }) => hash !== TEST_VECTOR || keyring?.keys.has(hash) === true)
    .map((token) => describe(token, keyring, now));
  const shown = options.live === true ? rows.filter(({ state }) => isLive({ state })) : rows;
  const searched = `Searched ${files} ${files === 1 ? "file" : "files"}, ${bytes} bytes`;
  return {
    view: viewOf(shown),
    notes: [
      ...misfits.slice(0, MOST_TOLD).map(({ file, line, column }) => `${file}:${line}:${column} ${WRONG_CHECKSUM}`),
      ...(misfits.length > MOST_TOLD ? [`and ${misfits.length - MOST_TOLD} more of that kind.`] : []),
      ...failures.slice(0, MOST_TOLD).map(({ message }) => `Not searched: ${clause(message)}.`),
      ...(failures.length > MOST_TOLD ? [`and ${failures.length - MOST_TOLD} more that were not searched.`] : []),
      ...note,
      ...liveHints(rows),
      `${searched}: ${rows.length} found, ${skipped} links and special files skipped, ${failures.length} unreadable.`,
    ],
    ...(shown.length > 0 ? { exit: 1 as const } : failures.length > 0 ? { exit: 5 as const } : {}),
  };
}

/** The hash of the key of 43 zeros, which stands in documentation and tests: found only where a store knows it. */
const TEST_VECTOR = "d9b6b1321c0bb82d517651f41fca20f3a62a0d93f45d39a71989d30a860275ee";
const WRONG_CHECKSUM = "looks like a token, with a wrong checksum: a typing error, or a made-up example.";
const UNASKED = { keyring: null, note: [] } as const;

async function search(paths: readonly string[], ports: ScanPorts): Promise<Searched> {
  const hits: Hit[] = [];
  const failures: AppError[] = [];
  const counts = { files: 0, bytes: 0, skipped: 0 };
  const scanParts = async (file: string, parts: AsyncIterable<Uint8Array>): Promise<void> => {
    const finder = new TokenFinder();
    for await (const part of parts) {
      if (ports.signal.aborted) throw new AppError("interrupted", "interrupted", "interrupted");
      counts.bytes += part.length;
      for (const found of finder.push(part)) hits.push({ file, ...found });
      ports.progress(`Searched ${counts.files} files, ${counts.bytes} bytes; ${hits.length} found`);
    }
    counts.files += 1;
  };
  try {
    for (const path of paths) {
      if (path === "-") {
        await scanParts("standard input", ports.stdin());
        continue;
      }
      for await (const walked of walkFiles(resolve(ports.cwd, path))) {
        if (walked.kind === "skipped") counts.skipped += 1;
        else if (walked.kind === "failed") failures.push(walked.error);
        else
          await scanParts(ports.label(walked.path), partsOf(walked.path)).catch((error: unknown) => {
            if (!(error instanceof AppError) || error.kind === "interrupted") throw error;
            failures.push(error);
          });
      }
    }
  } finally {
    ports.progress(null);
  }
  return { hits, failures, ...counts };
}

/** The bytes of a file, which may have become something else since it was found. */
async function* partsOf(path: string): AsyncIterable<Uint8Array> {
  try {
    await using file = await open(path, READ);
    if (!(await file.stat()).isFile())
      throw new AppError("invalid", "path_not_file", `${path} is no regular file any more`);
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES);
      if (bytesRead === 0) return;
      yield piece.subarray(0, bytesRead);
    }
  } catch (error) {
    throw fileError(error, path, "read");
  }
}

/** A token that was found is told, whether the store answers or not. */
async function askStore(ports: ScanPorts): Promise<{ keyring: Keyring | null; note: readonly string[] }> {
  try {
    return { keyring: await loadKeyring(await ports.store(), ports), note: [] };
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === "interrupted") throw error;
    return { keyring: null, note: [`Which of them are live is not known: ${clause(error.message)}.`] };
  }
}

/** `not_in_store` for a token of another store; `not_asked` where none was asked, or did not answer. */
function describe({ file, line, column, hash }: Hit & { readonly hash: string }, keyring: Keyring | null, now: number) {
  const key = keyring?.keys.get(hash);
  const place = { file, line, column, id: keyId(hash) };
  if (key === undefined)
    return { ...place, state: keyring === null ? "not_asked" : "not_in_store", role: null, user: null };
  const { state, role, user } = keyData(key, now);
  return { ...place, state, role, user };
}

type Row = ReturnType<typeof describe>;

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
