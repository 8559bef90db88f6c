import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureSecretFile } from "../../../src/lib/files/secret-file.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-secret-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe("ensureSecretFile", () => {
  it("makes one that its owner alone can read, and leaves nothing beside it", async () => {
    await ensureSecretFile(join(folder, "secret"));
    expect(await readFile(join(folder, "secret"), "utf8")).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
    expect((await stat(join(folder, "secret"))).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["secret"]);
  });

  it("leaves one that exists as it is", async () => {
    await writeFile(join(folder, "secret"), "mine");
    await ensureSecretFile(join(folder, "secret"));
    expect(await readFile(join(folder, "secret"), "utf8")).toBe("mine");
  });

  it("makes one for ten at once, the same for all", async () => {
    const made = Array.from({ length: 10 }, async () => {
      await ensureSecretFile(join(folder, "secret"));
      return readFile(join(folder, "secret"), "utf8");
    });
    expect(new Set(await Promise.all(made)).size).toBe(1);
    expect(await readdir(folder)).toEqual(["secret"]);
  });

  it("says so where there is no such folder", async () => {
    await expect(ensureSecretFile(join(folder, "none", "secret"))).rejects.toMatchObject({ name: "AppError" });
  });
});
