import { lstat, opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import { fileError } from "./file-error.ts";

export type Walked =
  /** `isNamed` for the one that was asked for, which may be a link. */
  | { readonly kind: "file"; readonly path: string; readonly isNamed: boolean }
  /** A link, a pipe, a device or the like: nothing is read from it. */
  | { readonly kind: "skipped"; readonly path: string }
  | { readonly kind: "failed"; readonly path: string; readonly error: AppError };

/**
 * Every regular file below a path, in the order of names, or the one that it names. Links are followed where they are
 * named, and nowhere below; git's own folder, whose objects are compressed, is left out.
 */
export async function* walkFiles(path: string, isNamed = true): AsyncIterable<Walked> {
  try {
    const found = await (isNamed ? stat(path) : lstat(path));
    if (found.isFile()) yield { kind: "file", path, isNamed };
    else if (!found.isDirectory()) yield { kind: "skipped", path };
    else for (const name of await namesIn(path)) if (name !== ".git") yield* walkFiles(join(path, name), false);
  } catch (error) {
    const told = fileError(error, path, "read");
    if (!(told instanceof AppError)) throw told;
    yield { kind: "failed", path, error: told };
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const entry of await opendir(folder)) names.push(entry.name);
  return names.toSorted();
}
