import { realpath } from "node:fs/promises";
import { AppError } from "../errors.ts";
import { readFileBytesSync } from "./read-file.ts";
import { replaceFile } from "./write-file.ts";

export interface Replacement {
  readonly path: string;
  readonly label: string;
  readonly before: string;
  readonly after: string;
  readonly maxBytes: number;
}

/**
 * Replaces the text of a file, or of what a symbolic link leads to.
 * @throws AppError conflict when somebody changed it meanwhile, unavailable when the disk will not have it; it is then as it was
 */
export async function replaceUnchanged({ path, label, before, after, maxBytes }: Replacement): Promise<void> {
  const target = await realpath(path);
  if (Buffer.compare(readFileBytesSync(target, "the file", maxBytes), Buffer.from(before)) !== 0) {
    throw new AppError("conflict", "file_changed", `${label} was changed meanwhile, and was left as it is`, {
      hint: "Run it again.",
    });
  }
  await replaceFile(target, after, `${target}.${process.pid}.tmp`);
}
