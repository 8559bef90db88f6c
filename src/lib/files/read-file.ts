import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from "node:fs";
import { open } from "node:fs/promises";
import { AppError } from "../errors.ts";
import { fileError } from "./file-error.ts";

/** Opening a pipe without this would wait for a writer that may never come. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * The bytes of a file of at most `maxBytes`. For commands, which have nothing else to do meanwhile and start
 * faster without the thread pool.
 * @throws AppError not-found when there is none, invalid when it is a folder, no regular file or too large,
 *   unavailable when it cannot be read.
 */
export function readFileBytesSync(path: string, what: string, maxBytes: number): Uint8Array {
  try {
    const file = openSync(path, READ);
    try {
      requireFile(fstatSync(file), `${what} ${path}`, maxBytes);
      return readFileSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError(error, `${what} ${path}`, "read");
  }
}

/** The same for the gateway, which must never wait for a disk. */
export async function readFileBytes(path: string, what: string, maxBytes: number): Promise<Uint8Array> {
  try {
    await using file = await open(path, READ);
    requireFile(await file.stat(), `${what} ${path}`, maxBytes);
    return await file.readFile();
  } catch (error) {
    throw fileError(error, `${what} ${path}`, "read");
  }
}

function requireFile(stat: Stats, label: string, maxBytes: number): void {
  if (stat.isDirectory())
    throw new AppError("invalid", "path_is_folder", `${label} is a folder`, { hint: "Name the file itself." });
  if (!stat.isFile())
    throw new AppError("invalid", "path_not_file", `${label} is not a regular file`, {
      hint: "Name a file; a pipe or a device is not read.",
    });
  if (stat.size > maxBytes)
    throw new AppError("invalid", "file_too_large", `${label} is larger than ${maxBytes} bytes`, {
      hint: "Check that it is the file that was meant.",
    });
}

/** The same as {@link readFileBytesSync}, or null when there is no such file. */
export function readFileBytesIfAnySync(path: string, what: string, maxBytes: number): Uint8Array | null {
  try {
    return readFileBytesSync(path, what, maxBytes);
  } catch (error) {
    if (error instanceof AppError && error.code === "file_not_found") return null;
    throw error;
  }
}

/** UTF-8 text of such bytes. @throws AppError invalid when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, label: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new AppError("invalid", "not_utf8", `${label} is not UTF-8`, { hint: "Save it as UTF-8.", cause: error });
  }
}
