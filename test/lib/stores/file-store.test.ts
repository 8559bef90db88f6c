import { chmod, lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withFileLock } from "../../../src/lib/files/file-lock.ts";
import { openFileStore } from "../../../src/lib/stores/file-store.ts";
import { describeKeyStore } from "../../support/key-store-contract.ts";

describeKeyStore("the file store", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-store-"));
  const path = join(folder, "keys.json");
  const open = () =>
    openFileStore({
      path,
      denylist: join(folder, "denylist.json"),
      label: "keys.json",
      now: () => Date.parse("2026-11-20T10:00:00Z"),
    });
  return {
    store: open(),
    another: open,
    historyBy: userInfo().username,
    plant: async (name: string, value: string) => {
      const entries = await readFile(path, "utf8").then(
        (text) => JSON.parse(text) as Record<string, string>,
        () => ({}),
      );
      await writeFile(path, JSON.stringify({ ...entries, [name]: value }));
      return name;
    },
    cleanup: () => rm(folder, { recursive: true }),
  };
});

const ENTRY = { role: "dev", hash: "a".repeat(64), part: "record" } as const;
const NOTE = { action: "create", at: "2026-11-20T10:00:00Z" } as const;

describe("the files of the file store", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "mcpctl-files-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const open = (path = "keys.json", signal?: AbortSignal) =>
    openFileStore({
      path: join(folder, path),
      denylist: join(folder, "denylist.json"),
      label: path,
      now: () => Date.parse("2026-11-20T10:00:00Z"),
      ...(signal && { signal }),
    });
  const text = (path: string): Promise<string> => readFile(join(folder, path), "utf8");

  it("are made with the first entry, for their owner alone", async () => {
    await open("new/keys.json").create(ENTRY, "dev/a", NOTE);
    expect(await text("new/keys.json")).toBe(`{\n  "dev.${ENTRY.hash}": "dev/a"\n}\n`);
    expect(await text("denylist.json")).toBe('{\n  "locks": []\n}\n');
    const modes = await Promise.all(
      ["new", "new/keys.json", "new/admin.jsonl", "denylist.json"].map((path) => stat(join(folder, path))),
    );
    expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(["700", "600", "600", "600"]);
  });

  it("leave a denylist alone that is there, and do not bring one back that was removed later", async () => {
    await writeFile(join(folder, "denylist.json"), "mine");
    await open().create(ENTRY, "dev/a", NOTE);
    expect(await text("denylist.json")).toBe("mine");
    await rm(join(folder, "denylist.json"));
    await open().create({ ...ENTRY, part: "revoked" }, "at=2026-11-20T10:00:00Z", NOTE);
    await expect(text("denylist.json")).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("keep their mode, and what else stands in them", async () => {
    await writeFile(join(folder, "keys.json"), '{"stray": "ü\\u0000", "__proto__": "x"}');
    await chmod(join(folder, "keys.json"), 0o640);
    await open().create(ENTRY, "dev/a", NOTE);
    expect(Object.entries(JSON.parse(await text("keys.json")) as object)).toEqual([
      ["stray", "ü\u0000"],
      ["__proto__", "x"],
      [`dev.${ENTRY.hash}`, "dev/a"],
    ]);
    expect((await stat(join(folder, "keys.json"))).mode & 0o777).toBe(0o640);
  });

  it("are replaced behind a symbolic link, which stays one", async () => {
    await mkdir(join(folder, "real"));
    await writeFile(join(folder, "real/keys.json"), "{}");
    await symlink("real/keys.json", join(folder, "keys.json"));
    await open().create(ENTRY, "dev/a", NOTE);
    expect((await lstat(join(folder, "keys.json"))).isSymbolicLink()).toBe(true);
    expect(await text("real/keys.json")).toContain(ENTRY.hash);
  });

  it("know a bare hash, and revoke it beside", async () => {
    await writeFile(join(folder, "keys.json"), JSON.stringify({ [ENTRY.hash]: "dev/a" }));
    expect((await open().list()).map(({ name }) => name)).toEqual([ENTRY]);
  });

  it("are not waited for once interrupted, but by what takes back", async () => {
    await open().create(ENTRY, "dev/a", NOTE);
    const interrupted = open("keys.json", AbortSignal.abort());
    const revocation = { ...ENTRY, part: "revoked" } as const;
    let takingBack: Promise<unknown> = Promise.resolve();
    await withFileLock(join(folder, "keys.json.lock"), async () => {
      // Begun first, so that it has met the lock when the other has given up.
      takingBack = interrupted.uninterrupted().create(revocation, "at=2026-11-20T10:00:00Z", NOTE);
      await expect(interrupted.create(revocation, "at=2026-11-20T10:00:00Z", NOTE)).rejects.toMatchObject({
        name: "AppError",
        kind: "interrupted",
      });
    });
    expect(await takingBack).toEqual({ status: "created" });
  });
});
