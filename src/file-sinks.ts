import { constants } from "node:fs";
import { mkdir, open, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { FolderSink, TokenSink } from "./commands/ports.ts";
import { AppError } from "./lib/errors.ts";
import { fileError, isFileErrorCode } from "./lib/files/file-error.ts";
import { tryFileLock } from "./lib/files/file-lock.ts";

/** Of one user's tokens; a file that is larger is none of ours. */
const MAX_LINES_BYTES = 16 * 1024 * 1024;
const APPEND = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/** A new file that only its owner can read; what was written is on the disk before it counts as delivered. */
export async function fileSink(path: string, label: string): Promise<TokenSink> {
  const file = await open(path, "wx", 0o600).catch((error: unknown) => {
    throw fileError(error, isFileErrorCode(error, "ENOENT") ? `the folder of ${label}` : label, "write");
  });
  return openedSink(file, path, label, async () => {
    await file.close();
    await unlink(path).catch(() => undefined);
  });
}

/**
 * A folder with a file for each user, in which one process writes at a time.
 * @throws AppError conflict while another process writes there, else as files do
 */
export async function folderSink(folder: string, label: string): Promise<FolderSink> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw isFileErrorCode(error, "EEXIST")
      ? new AppError("usage", "out_not_folder", `--out ${label} is a file, and tokens of many keys go to a folder`, {
          hint: "Name a folder; it gets one file for each user.",
        })
      : fileError(error, `the folder ${label}`, "write");
  }
  const lockPath = join(folder, ".mcpctl.lock");
  const lock = tryFileLock(lockPath);
  if (lock === null)
    throw new AppError("conflict", "out_in_use", `another mcpctl writes to ${label}`, { hint: "Wait for its end." });
  return {
    label: `the folder ${label}`,
    of: async (user, extension, isLines) => {
      const name = `${user}.${extension}`;
      const path = join(folder, name);
      return isLines ? linesSink(path, join(label, name)) : fileSink(path, join(label, name));
    },
    close: async () => {
      await unlink(lockPath).catch(() => undefined);
      lock.close();
    },
  };
}

/** A file of lines that is added to. A line that a crash cut short is taken away: its token was never delivered. */
async function linesSink(path: string, label: string): Promise<TokenSink> {
  const file = await open(path, APPEND, 0o600).catch((error: unknown) => {
    throw fileError(error, label, "write");
  });
  try {
    await requirePrivate(file, label);
    await file.truncate(await endOfLines(file));
  } catch (error) {
    await file.close();
    throw fileError(error, label, "write");
  }
  return openedSink(file, path, label, () => file.close());
}

function openedSink(file: FileHandle, path: string, label: string, discard: () => Promise<void>): TokenSink {
  return {
    label,
    path,
    deliver: async (text) => {
      try {
        await file.appendFile(text);
        await file.sync();
      } catch (error) {
        throw fileError(error, label, "write");
      }
    },
    close: () => file.close(),
    discard,
  };
}

async function requirePrivate(file: FileHandle, label: string): Promise<void> {
  const stat = await file.stat();
  const isOurs = stat.isFile() && stat.uid === (process.getuid?.() ?? stat.uid) && (stat.mode & 0o077) === 0;
  if (isOurs && stat.size <= MAX_LINES_BYTES) return;
  throw new AppError("conflict", "out_not_private", `${label} is not a file of tokens that only you can read`, {
    hint: "Move it away, or name another folder.",
  });
}

async function endOfLines(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  const bytes = Buffer.alloc(size);
  await file.read(bytes, 0, size, 0);
  return bytes.lastIndexOf("\n") + 1;
}
