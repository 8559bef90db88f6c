import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withFileLock } from "../../../src/lib/files/file-lock.ts";
import { EMPTY_DENYLIST, withLock } from "../../../src/lib/policy/edit-denylist.ts";
import { parseDenylist } from "../../../src/lib/policy/locks.ts";
import { denylistFile } from "../../../src/lib/stores/denylist-file.ts";
import { describeDenylistStore } from "../../support/denylist-store-contract.ts";
import { seededNumbers } from "../../support/seeded.ts";

const WRITER = fileURLToPath(new URL("../../support/denylist-writer.ts", import.meta.url));

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-denylist-"));
  path = join(folder, "denylist.json");
});
afterEach(() => rm(folder, { recursive: true }));

const open = (at = path) => denylistFile(at, "denylist.json");
const same = (text: string): string => text;
const isRoot = process.getuid?.() === 0;

describeDenylistStore("a file", async () => {
  const own = await mkdtemp(join(tmpdir(), "mcpctl-denylist-"));
  const file = join(own, "denylist.json");
  return {
    store: open(file),
    another: () => open(file),
    put: (text) => (text === null ? rm(file) : writeFile(file, text)),
    cleanup: () => rm(own, { recursive: true }),
  };
});

/** Starts a process that adds locks; what it told is at the end whole. */
function startWriter(user: string, count: number) {
  const child = spawn(process.execPath, [WRITER, path, user, String(count)], { stdio: ["ignore", "pipe", "pipe"] });
  const text = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (text.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text.err += chunk.toString()));
  const done = once(child, "close").then(([code]) => ({ code: code as number | null, ...text }));
  return { child, done };
}

const linesOf = (text: string): readonly string[] => text.split("\n").filter((line) => line.startsWith("lock_"));

describe("processes that share a denylist", () => {
  it("lose no lock of each other", async () => {
    await open().create();
    const results = await Promise.all(Array.from({ length: 5 }, (_, index) => startWriter(`agent-${index}`, 8).done));
    expect(results.map(({ code, err, out }) => [code, err, linesOf(out).length])).toEqual(
      results.map(() => [0, "", 8]),
    );
    const { locks } = parseDenylist(await readFile(path, "utf8"), path);
    expect(new Set(locks.map(({ id }) => id))).toEqual(new Set(results.flatMap(({ out }) => linesOf(out))));
    expect(locks).toHaveLength(40);
  });

  it("may be killed at any moment: the denylist is whole, holds what was told, and is locked by nobody", async () => {
    await open().create();
    const pick = seededNumbers(11);
    const promised: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const { child, done } = startWriter("agent", 1000);
      await once(child.stdout, "data");
      const moment = setTimeout(() => child.kill("SIGKILL"), pick(25));
      promised.push(...linesOf((await done).out).filter((line) => line.length === "lock_".length + 21));
      clearTimeout(moment);
      await open().change(same);
      const ids = parseDenylist(await readFile(path, "utf8"), path).locks.map(({ id }) => id);
      expect(promised.filter((id) => !ids.includes(id))).toEqual([]);
    }
    expect((await readdir(folder)).toSorted()).toEqual(["denylist.json", "denylist.json.lock"]);
  });
});

describe("the file of a denylist", () => {
  it("is made with its folder, for its owner alone, and keeps the mode that it is given", async () => {
    const deep = join(folder, "new", "denylist.json");
    expect([await open(deep).read(), await open(deep).create()]).toEqual([null, true]);
    const modes = await Promise.all([join(folder, "new"), deep].map(async (one) => (await stat(one)).mode & 0o777));
    expect(modes).toEqual([0o700, 0o600]);
    await chmod(deep, 0o640);
    await open(deep).change(same);
    expect((await stat(deep)).mode & 0o777).toBe(0o640);
  });

  it("is read through a symbolic link as through any other path", async () => {
    await writeFile(join(folder, "real.json"), EMPTY_DENYLIST);
    await symlink("real.json", path);
    expect(await open().read()).toBe(EMPTY_DENYLIST);
    expect(await open().create()).toBe(false);
  });

  it("is written where its link leads, so that a gateway that follows the other path sees the lock as well", async () => {
    const real = join(folder, "real.json");
    await writeFile(real, EMPTY_DENYLIST);
    await symlink("real.json", path);
    await open().change(same);
    expect([(await lstat(path)).isSymbolicLink(), await readFile(real, "utf8")]).toEqual([true, EMPTY_DENYLIST]);
  });

  it("is not read through the rest of a write that was cut: that is written over", async () => {
    await open().create();
    await writeFile(`${path}.tmp`, '{"locks":[');
    expect(await open().read()).toBe(EMPTY_DENYLIST);
    await open().change(same);
    expect(await readdir(folder)).toEqual(["denylist.json", "denylist.json.lock"]);
  });

  it.each([
    ["that is a folder", () => mkdir(path), { kind: "invalid", code: "path_is_folder" }],
    ["that is not UTF-8", () => writeFile(path, Uint8Array.of(0xff)), { kind: "invalid", code: "not_utf8" }],
    ["whose link leads to itself", () => symlink("denylist.json", path), { kind: "invalid", code: "path_loops" }],
  ])("%s is an error, for reading as for writing", async (_what, make, error) => {
    await make();
    const refused = { name: "AppError", ...error };
    await expect(open().read()).rejects.toMatchObject(refused);
    await expect(open().create()).rejects.toMatchObject(refused);
    await expect(open().change(same)).rejects.toMatchObject(refused);
  });

  it.skipIf(isRoot)("that may not be read is an error, and is no missing denylist", async () => {
    await open().create();
    await chmod(path, 0o000);
    const refused = { name: "AppError", kind: "unavailable", code: "file_not_permitted" };
    await expect(open().read()).rejects.toMatchObject(refused);
    await expect(open().create()).rejects.toMatchObject(refused);
    await chmod(path, 0o600);
    expect(await open().read()).toBe(EMPTY_DENYLIST);
  });

  it.skipIf(isRoot)("in a folder that may not be written to is an error", async () => {
    await open().create();
    await rm(`${path}.lock`);
    await chmod(folder, 0o500);
    const refused = { name: "AppError", kind: "unavailable" };
    await expect(open().change(same)).rejects.toMatchObject(refused);
    await expect(open(join(folder, "new", "denylist.json")).create()).rejects.toMatchObject(refused);
    await chmod(folder, 0o700);
    expect(await open().read()).toBe(EMPTY_DENYLIST);
  });

  it("below something that is no folder is an error", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(open(join(folder, "file", "denylist.json")).create()).rejects.toMatchObject({
      name: "AppError",
      kind: "invalid",
      code: "path_not_folder",
    });
  });

  it("is not waited for after Ctrl-C", async () => {
    await open().create();
    const stop = new AbortController();
    await withFileLock(`${path}.lock`, async () => {
      const waiting = denylistFile(path, "denylist.json", stop.signal).change((text) =>
        withLock(text, JSON.parse("null") as never, "d", 0),
      );
      stop.abort();
      await expect(waiting).rejects.toMatchObject({ name: "AppError", kind: "interrupted" });
    });
  });
});
