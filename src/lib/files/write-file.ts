import type { Stats } from "node:fs";
import { mkdir, open, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError } from "../errors.ts";
import { fileError, isFileErrorCode } from "./file-error.ts";

/**
 * Replaces a file's content so that a reader, and whoever looks after a crash, sees the old or the new and nothing
 * between: temporary file, fsync, rename, fsync of the folder. Only one process may do this with one temporary file at
 * a time.
 * @throws AppError unavailable when the disk will not have it; the file is then as it was.
 */
export async function replaceFile(path: string, content: string, temporary = `${path}.tmp`): Promise<void> {
  try {
    await removeIfAny(temporary);
    await writeNewFile(temporary, content, await statIfAny(path));
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await removeIfAny(temporary).catch(() => undefined);
    throw fileError(error, path, "write");
  }
}

/** Readable by its owner alone, or by whoever could read the file that it replaces. */
async function writeNewFile(path: string, content: string, old: Stats | null): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.writeFile(content);
  if (old !== null) {
    // Only root may give a file away; others keep at least the group, where they are in it.
    await file.chown(old.uid, old.gid).catch(() => file.chown(-1, old.gid).catch(() => undefined));
    await file.chmod(old.mode & 0o777);
  }
  await file.sync();
}

async function statIfAny(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (isFileErrorCode(error, "ENOENT")) return null;
    throw error;
  }
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

/** Makes a file that was not there, readable as the user's umask says; false, and nothing, when it is there. @throws AppError */
export async function createFile(path: string, content: string): Promise<boolean> {
  try {
    await using file = await open(path, "wx");
    await file.writeFile(content);
    return true;
  } catch (error) {
    if (isFileErrorCode(error, "EEXIST")) return false;
    throw fileError(error, path, "write");
  }
}

/** Makes a folder, for its owner alone, and those above it, where they are missing. @throws AppError */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (isFileErrorCode(error, "EEXIST"))
      throw new AppError("invalid", "path_not_folder", `${path} is not a folder`, {
        hint: "Check the path.",
        cause: error,
      });
    throw fileError(error, `the folder ${path}`, "write");
  }
}
