import { open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { fileError, isFileErrorCode } from "./file-error.ts";

/**
 * Replaces a file's content so that a reader, and whoever looks after a crash, sees the old or the new and nothing
 * between: temporary file, fsync, rename, fsync of the folder. Only one process may do this to a path at a time.
 * @throws AppError unavailable when the disk will not have it; the file is then as it was.
 */
export async function replaceFile(path: string, content: string, mode: number): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await removeIfAny(temporary);
    await writeNewFile(temporary, content, mode);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await removeIfAny(temporary).catch(() => undefined);
    throw fileError(error, path, "write");
  }
}

async function writeNewFile(path: string, content: string, mode: number): Promise<void> {
  await using file = await open(path, "wx", mode);
  await file.writeFile(content);
  await file.sync();
}

async function removeIfAny(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isFileErrorCode(error, "ENOENT")) throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
