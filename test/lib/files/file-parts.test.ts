import { execFileSync } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileParts } from "../../../src/lib/files/file-parts.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-parts-"));
  await writeFile(join(folder, "file"), Buffer.alloc(600 * 1024, "x"));
  await symlink(join(folder, "file"), join(folder, "link"));
});
afterEach(() => rm(folder, { recursive: true }));

async function sizes(name: string, isNamed: boolean): Promise<readonly number[]> {
  const lengths: number[] = [];
  for await (const part of fileParts(join(folder, name), isNamed)) lengths.push(part.length);
  return lengths;
}

describe("fileParts", () => {
  it("gives a file in parts of 256 KiB", async () => {
    expect(await sizes("file", false)).toEqual([262_144, 262_144, 90_112]);
  });

  it("gives all bytes in their order, each part untouched while it is used", async () => {
    const bytes = Buffer.from(Uint32Array.from({ length: 300_000 }, (_, index) => index).buffer);
    await writeFile(join(folder, "numbers"), bytes);
    const copies: Buffer[] = [];
    for await (const part of fileParts(join(folder, "numbers"), true)) {
      await delay(2);
      copies.push(Buffer.from(part));
    }
    expect(Buffer.concat(copies).equals(bytes)).toBe(true);
  });

  it("follows a link that was named, and none that a file was replaced with", async () => {
    expect(await sizes("link", true)).toHaveLength(3);
    await expect(sizes("link", false)).rejects.toMatchObject({ code: "path_loops" });
  });

  it("neither waits for a pipe nor reads a device or folder", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    await symlink("/dev/zero", join(folder, "zero"));
    for (const [name, isNamed] of [
      ["pipe", false],
      ["zero", true],
      [".", true],
    ] as const)
      await expect(sizes(name, isNamed)).rejects.toMatchObject({ code: "path_not_file" });
  });

  it("says what vanished", async () => {
    await expect(sizes("gone", false)).rejects.toMatchObject({ kind: "not-found", code: "file_not_found" });
  });
});
