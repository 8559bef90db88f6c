import { fileError, isFileErrorCode } from "../files/file-error.ts";
import { withFileLock } from "../files/file-lock.ts";
import { decodeUtf8, readFileBytesIfAnySync } from "../files/read-file.ts";
import { makeFolder, replaceFile } from "../files/write-file.ts";
import { noDenylist, type DenylistStore } from "../policy/denylist-store.ts";
import { EMPTY_DENYLIST } from "../policy/edit-denylist.ts";
import { MAX_POLICY_BYTES } from "../policy/source.ts";
import { realpath } from "node:fs/promises";
import { dirname } from "node:path";

/** The denylist beside the embedded store: read and replaced whole, under a lock of its own. */
export function denylistFile(path: string, label: string, signal?: AbortSignal): DenylistStore {
  const read = (): string | null => {
    const bytes = readFileBytesIfAnySync(path, "the denylist", MAX_POLICY_BYTES);
    return bytes === null ? null : decodeUtf8(bytes, label);
  };
  const locked = async <T>(work: (real: string) => Promise<T>): Promise<T> => {
    await makeFolder(dirname(path));
    // Replacing a link would leave the file behind it, which a gateway may follow, without the lock.
    const real = await realPath(path);
    return withFileLock(`${real}.lock`, () => work(real), signal);
  };
  return {
    label: `file ${label}`,
    read: async () => read(),
    create: () =>
      locked(async (real) => {
        if (read() !== null) return false;
        await replaceFile(real, EMPTY_DENYLIST);
        return true;
      }),
    change: (edit) =>
      locked(async (real) => {
        const text = read();
        if (text === null) throw noDenylist(`file ${label}`);
        await replaceFile(real, edit(text));
      }),
  };
}

/** Where this path leads, through links; itself where nothing is there yet. @throws AppError */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isFileErrorCode(error, "ENOENT")) return path;
    throw fileError(error, `the denylist ${path}`, "read");
  }
}
