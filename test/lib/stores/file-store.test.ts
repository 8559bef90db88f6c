import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { openFileStore } from "../../../src/lib/stores/file-store.ts";
import { describeKeyStore } from "../../support/key-store-contract.ts";

describeKeyStore("the file store", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-store-"));
  const path = join(folder, "keys.json");
  const open = () => openFileStore({ path, denylist: join(folder, "denylist.json"), label: "keys.json", now: () => Date.parse("2026-11-20T10:00:00Z") });
  return {
    store: open(),
    another: open,
    historyBy: userInfo().username,
    plant: async (name: string, value: string) => {
      const entries = await readFile(path, "utf8").then((text) => JSON.parse(text) as Record<string, string>, () => ({}));
      await writeFile(path, JSON.stringify({ ...entries, [name]: value }));
      return name;
    },
    cleanup: () => rm(folder, { recursive: true }),
  };
});
