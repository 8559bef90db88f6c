import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fileError } from "../files/file-error.ts";
import { withFileLock } from "../files/file-lock.ts";
import { appendLines } from "./admin-log.ts";

/**
 * Adds a line to the admin log of this user and waits until it is on the disk.
 * @throws AppError unavailable when it cannot be written
 */
export async function appendReceipt(path: string, receipt: object): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileError(error, `the folder ${dirname(path)}`, "write");
  }
  await withFileLock(`${path}.lock`, () => appendLines(path, [receipt]));
}
