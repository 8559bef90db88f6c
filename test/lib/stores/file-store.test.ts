import { chmod, chown, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withFileLock } from "../../../src/lib/files/file-lock.ts";
import { mintKey } from "../../../src/lib/keys/key.ts";
import { buildKeyring } from "../../../src/lib/keys/followed-keyring.ts";
import { acceptKey } from "../../../src/lib/keys/keyring.ts";
import { revokeKeys } from "../../../src/lib/keys/revoke-keys.ts";
import { EMPTY_DENYLIST } from "../../../src/lib/policy/edit-denylist.ts";
import { openFileStore } from "../../../src/lib/stores/file-store.ts";
import { createEntry } from "../../../src/lib/keys/key-store.ts";
import { describeKeyStore } from "../../support/key-store-contract.ts";
import { seededBytes } from "../../support/seeded.ts";

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
    await createEntry(open("new/keys.json"), ENTRY, "dev/a", NOTE);
    expect(await text("new/keys.json")).toBe(`{\n  "dev.${ENTRY.hash}": "dev/a"\n}\n`);
    expect(await text("denylist.json")).toBe(EMPTY_DENYLIST);
    const modes = await Promise.all(
      ["new", "new/keys.json", "new/admin.jsonl", "denylist.json"].map((path) => stat(join(folder, path))),
    );
    expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(["700", "600", "600", "600"]);
  });

  it("leave a denylist alone that is there, and do not bring one back that was removed later", async () => {
    await writeFile(join(folder, "denylist.json"), "mine");
    await createEntry(open(), ENTRY, "dev/a", NOTE);
    expect(await text("denylist.json")).toBe("mine");
    await rm(join(folder, "denylist.json"));
    await createEntry(open(), { ...ENTRY, part: "revoked" }, "at=2026-11-20T10:00:00Z", NOTE);
    await expect(text("denylist.json")).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("keep their mode, and what else stands in them", async () => {
    await writeFile(join(folder, "keys.json"), '{"stray": "ü\\u0000", "__proto__": "x"}');
    // Not what any usual umask would make of 0666.
    await chmod(join(folder, "keys.json"), 0o664);
    await createEntry(open(), ENTRY, "dev/a", NOTE);
    expect(Object.entries(JSON.parse(await text("keys.json")) as object)).toEqual([
      ["stray", "ü\u0000"],
      ["__proto__", "x"],
      [`dev.${ENTRY.hash}`, "dev/a"],
    ]);
    expect((await stat(join(folder, "keys.json"))).mode & 0o777).toBe(0o664);
  });

  it.skipIf(process.getuid?.() !== 0)("keep their owner and group", async () => {
    await writeFile(join(folder, "keys.json"), "{}");
    await chmod(join(folder, "keys.json"), 0o640);
    await chown(join(folder, "keys.json"), 1234, 2345);
    await createEntry(open(), ENTRY, "dev/a", NOTE);
    const { uid, gid, mode } = await stat(join(folder, "keys.json"));
    expect([uid, gid, mode & 0o777]).toEqual([1234, 2345, 0o640]);
  });

  it("are locked by their owner alone: who may read the lock may hold it", async () => {
    await createEntry(open(), ENTRY, "dev/a", NOTE);
    expect((await stat(join(folder, "keys.json.lock"))).mode & 0o777).toBe(0o600);
  });

  it.each([
    ["a file", "elsewhere"],
    ["nothing", "missing"],
  ])("do not let the admin log be a link to %s: nothing is changed", async (_what, target) => {
    await writeFile(join(folder, "elsewhere"), "mine");
    await writeFile(join(folder, "keys.json"), "{}");
    await symlink(target, join(folder, "admin.jsonl"));
    await expect(createEntry(open(), ENTRY, "dev/a", NOTE)).rejects.toMatchObject({
      name: "AppError",
      kind: "unavailable",
      code: "admin_log_link",
      message: `the admin log ${join(folder, "admin.jsonl")} is a symbolic link`,
    });
    expect([await text("elsewhere"), await text("keys.json")]).toEqual(["mine", "{}"]);
    expect((await readdir(folder)).toSorted()).toEqual(["admin.jsonl", "elsewhere", "keys.json", "keys.json.lock"]);
  });

  it("hold the id of a token that stood in a reason, not the token", async () => {
    const leaked = mintKey(seededBytes());
    await createEntry(open(), ENTRY, "dev/a", { ...NOTE, reason: `saw ${leaked.token.reveal()}` });
    const [entry] = await open().history([ENTRY]);
    expect(entry?.note?.reason).toBe(`saw [${leaked.id}]`);
    expect(await text("admin.jsonl")).not.toContain(leaked.token.reveal().slice(0, 16));
  });

  it("are replaced behind a symbolic link, which stays one", async () => {
    await mkdir(join(folder, "real"));
    await writeFile(join(folder, "real/keys.json"), "{}");
    await symlink("real/keys.json", join(folder, "keys.json"));
    await createEntry(open(), ENTRY, "dev/a", NOTE);
    expect((await lstat(join(folder, "keys.json"))).isSymbolicLink()).toBe(true);
    expect(await text("real/keys.json")).toContain(ENTRY.hash);
  });

  it("know a bare hash, and revoke it beside", async () => {
    await writeFile(join(folder, "keys.json"), JSON.stringify({ [ENTRY.hash]: "dev/a" }));
    expect((await open().list()).map(({ name }) => name)).toEqual([ENTRY]);
    const keyring = buildKeyring(await open().list());
    const at = Date.parse("2026-11-20T10:00:00Z");
    const done = await revokeKeys(open(), [...keyring.keys.values()], {
      at,
      note: { ...NOTE, action: "revoke" },
    });
    expect(done.map(({ status }) => status)).toEqual(["revoked"]);
    expect(JSON.parse(await text("keys.json"))).toEqual({
      [ENTRY.hash]: "dev/a",
      [`dev.${ENTRY.hash}.revoked`]: "at=2026-11-20T10:00:00Z",
    });
    const after = buildKeyring(await open().list());
    expect(acceptKey(keyring, ENTRY.hash, at)).toMatchObject({ accepted: true });
    expect(acceptKey(after, ENTRY.hash, at)).toEqual({
      accepted: false,
      reason: "key_revoked",
      keyId: "k_aaaaaaaaaaaa",
    });
  });

  it("are not waited for once interrupted, but by what takes back", async () => {
    await createEntry(open(), ENTRY, "dev/a", NOTE);
    const interrupted = open("keys.json", AbortSignal.abort());
    const revocation = { ...ENTRY, part: "revoked" } as const;
    let takingBack: Promise<unknown> = Promise.resolve();
    await withFileLock(join(folder, "keys.json.lock"), async () => {
      // Begun first, so that it has met the lock when the other has given up.
      takingBack = createEntry(interrupted.uninterrupted(), revocation, "at=2026-11-20T10:00:00Z", NOTE);
      await expect(createEntry(interrupted, revocation, "at=2026-11-20T10:00:00Z", NOTE)).rejects.toMatchObject({
        name: "AppError",
        kind: "interrupted",
      });
    });
    expect(await takingBack).toEqual({ status: "created" });
  });
});
