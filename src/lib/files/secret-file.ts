import { randomBytes } from "node:crypto";
import { access, link, open, unlink } from "node:fs/promises";
import { fileError, isFileErrorCode } from "./file-error.ts";

/**
 * Makes this file with a fresh secret of 32 random bytes in base64, unless it exists; whole or not at all, and never
 * twice, whoever else does the same at once. @throws AppError when the folder will not have it
 */
export async function ensureSecretFile(path: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    if (await exists(path)) return;
    await writeSecret(temporary);
    await link(temporary, path).catch((error: unknown) => {
      if (!isFileErrorCode(error, "EEXIST")) throw error;
    });
  } catch (error) {
    throw fileError(error, path, "write");
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function writeSecret(path: string): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.writeFile(`${randomBytes(32).toString("base64")}\n`);
  await file.sync();
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (isFileErrorCode(error, "ENOENT")) return false;
    throw error;
  }
}
