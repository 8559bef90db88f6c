import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Like the kubelet: a new folder, and one rename of the link to it. */
export async function mount(folder: string, name: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, name, file), text);
  await symlink(name, join(folder, "..data_tmp"));
  await rename(join(folder, "..data_tmp"), join(folder, "..data"));
  for (const file of ["keys.json", "synced"])
    await symlink(join("..data", file), join(folder, file)).catch(() => undefined);
}
