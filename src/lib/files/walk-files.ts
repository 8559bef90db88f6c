import { lstat, opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Stats } from "node:fs";
import { AppError } from "../errors.ts";
import { fileError } from "./file-error.ts";

export type Walked =
  | { readonly kind: "file"; readonly path: string }
  /** A link, a pipe, a device or the like: nothing is read from it. */
  | { readonly kind: "skipped"; readonly path: string }
  | { readonly kind: "failed"; readonly path: string; readonly error: AppError };

/**
 * Every regular file below a path, in the order of names, or the one that it names. Links are followed where they are
 * named, and nowhere below; git's own folder, whose objects are compressed, is left out.
 */
export async function* walkFiles(root: string): AsyncIterable<Walked> {
  yield* walk(root, () => stat(root));
}

async function* walk(path: string, look: () => Promise<Stats>): AsyncIterable<Walked> {
  try {
    const found = await look();
    if (found.isFile()) yield { kind: "file", path };
    else if (!found.isDirectory()) yield { kind: "skipped", path };
    else
      for (const name of await namesIn(path)) {
        const below = join(path, name);
        if (name !== ".git") yield* walk(below, () => lstat(below));
      }
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
