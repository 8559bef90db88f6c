import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";

/** Every file below a folder, by its path from there, sorted; folders that hold none do not count. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}
