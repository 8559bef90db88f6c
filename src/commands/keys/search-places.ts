import { resolve } from "node:path";
import { AppError, type ErrorKind } from "../../lib/errors.ts";
import { fileParts } from "../../lib/files/file-parts.ts";
import { walkFiles } from "../../lib/files/walk-files.ts";
import { TokenFinder } from "../../lib/keys/find-tokens.ts";
import type { Ports } from "../ports.ts";

/** More lines than anybody reads. */
export const MOST_TOLD = 20;
/** More places than anybody mends, and few enough for the memory of any machine. */
const MOST_FOUND = 100_000;
const STDIN = "standard input";
/** What ends the search, and not only that of one file. */
const ENDING: ReadonlySet<ErrorKind> = new Set(["interrupted", "usage"]);
const TOO_MANY = "too_many_found";

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Searched {
  readonly found: readonly (Place & { readonly hash: string })[];
  /** The first {@link MOST_TOLD} places of what looks like a token and has a wrong checksum. */
  readonly misfits: readonly Place[];
  readonly misfitCount: number;
  readonly files: number;
  readonly bytes: number;
  /** Links, pipes, devices and the like. */
  readonly skipped: number;
  /** The named places that hold nothing to search: the wrong ones, or the output of a program that failed. */
  readonly empty: readonly string[];
  /** The first {@link MOST_TOLD} of what was to be searched and was not. */
  readonly failures: readonly AppError[];
  readonly failureCount: number;
}

type SearchPorts = Pick<Ports, "cwd" | "label" | "progress" | "signal" | "stdin">;

/** Where are tokens in these files and folders, `-` being standard input? @throws AppError interrupted, usage */
export async function searchPlaces(paths: readonly string[], ports: SearchPorts): Promise<Searched> {
  const search = new Search(ports);
  try {
    for (const path of paths) await search.place(path);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== TOO_MANY) throw error;
    search.fail(error);
  } finally {
    ports.progress(null);
  }
  return search;
}

class Search implements Searched {
  readonly found: (Place & { readonly hash: string })[] = [];
  readonly misfits: Place[] = [];
  readonly empty: string[] = [];
  readonly failures: AppError[] = [];
  failureCount = 0;
  misfitCount = 0;
  files = 0;
  bytes = 0;
  skipped = 0;
  readonly #ports: SearchPorts;

  constructor(ports: SearchPorts) {
    this.#ports = ports;
  }

  /** A place in which there is nothing to search may be the wrong one. An empty file is none, an empty standard input is. */
  async place(path: string): Promise<void> {
    const before = this.files + this.failureCount;
    const root = resolve(this.#ports.cwd, path);
    if (path === "-") {
      const bytes = await this.#read(STDIN, this.#ports.stdin());
      if (bytes !== null && bytes > 0) this.files += 1;
    } else await this.#below(root);
    if (this.files + this.failureCount === before) this.empty.push(path === "-" ? STDIN : this.#ports.label(root));
  }

  fail(error: AppError): void {
    this.failureCount += 1;
    if (this.failures.length < MOST_TOLD) this.failures.push(error);
  }

  async #below(root: string): Promise<void> {
    for await (const walked of walkFiles(root)) {
      this.#heedSignal();
      if (walked.kind === "skipped") this.skipped += 1;
      else if (walked.kind === "failed") this.fail(walked.error);
      else {
        const bytes = await this.#read(this.#ports.label(walked.path), fileParts(walked.path, walked.isNamed));
        if (bytes !== null) this.files += 1;
      }
    }
  }

  /** How many bytes there were; null when they could not be read to their end. */
  async #read(file: string, parts: AsyncIterable<Uint8Array>): Promise<number | null> {
    const before = this.bytes;
    try {
      const finder = new TokenFinder();
      for await (const part of parts) {
        this.#heedSignal();
        this.bytes += part.length;
        for (const { hash, ...place } of finder.push(part)) this.#add({ file, ...place }, hash);
        this.#ports.progress(`Searched ${this.files} files, ${this.bytes} bytes`);
      }
      return this.bytes - before;
    } catch (error) {
      if (!(error instanceof AppError) || ENDING.has(error.kind) || error.code === TOO_MANY) throw error;
      this.fail(error);
      return null;
    }
  }

  #add(place: Place, hash: string | null): void {
    if (hash === null) {
      this.misfitCount += 1;
      if (this.misfits.length < MOST_TOLD) this.misfits.push(place);
      return;
    }
    if (this.found.length === MOST_FOUND)
      throw new AppError("invalid", TOO_MANY, `the rest, for ${MOST_FOUND} tokens were found`);
    this.found.push({ ...place, hash });
  }

  #heedSignal(): void {
    if (this.#ports.signal.aborted)
      throw new AppError("interrupted", "interrupted", "interrupted; nothing was changed");
  }
}
