import { dirname } from "node:path";
import { withFileLock } from "../files/file-lock.ts";
import { makeFolder } from "../files/write-file.ts";
import { appendLines } from "./admin-log.ts";

/**
 * Adds a line to the admin log of this user and waits until it is on the disk.
 * @throws AppError when it cannot be written
 */
export async function appendReceipt(path: string, receipt: object): Promise<void> {
  await makeFolder(dirname(path));
  await withFileLock(`${path}.lock`, () => appendLines(path, [receipt]));
}
