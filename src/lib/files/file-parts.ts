import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { AppError } from "../errors.ts";
import { fileError } from "./file-error.ts";

/** Opening a pipe without this would wait for a writer. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;
const PART_BYTES = 256 * 1024;

/**
 * The bytes of a regular file, in parts that are good until the next one is asked for. It may have become a pipe, a
 * device or a link since it was found: nothing is read from these, a link that `isNamed` excepted.
 * @throws AppError
 */
export async function* fileParts(path: string, isNamed: boolean): AsyncIterable<Uint8Array> {
  try {
    await using file = await open(path, isNamed ? READ : READ | constants.O_NOFOLLOW);
    if (!(await file.stat()).isFile())
      throw new AppError("invalid", "path_not_file", `${path} is no regular file any more`);
    // While one part is used the next one is read.
    let [part, spare] = [Buffer.allocUnsafe(PART_BYTES), Buffer.allocUnsafe(PART_BYTES)];
    let reading = file.read(part, 0, PART_BYTES);
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return;
      reading = file.read(spare, 0, PART_BYTES);
      yield part.subarray(0, bytesRead);
      [part, spare] = [spare, part];
    }
  } catch (error) {
    throw fileError(error, path, "read");
  }
}
