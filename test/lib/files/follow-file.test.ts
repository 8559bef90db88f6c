import { mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { followFiles, type FileFollower, type FileReading } from "../../../src/lib/files/follow-file.ts";
import { until } from "../../support/gateway.ts";

let folder: string;
let follower: FileFollower | null = null;
let seen: string[] = [];
let faults: unknown[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-follow-"));
  seen = [];
  faults = [];
});

afterEach(async () => {
  follower?.close();
  await rm(folder, { recursive: true, force: true });
});

const textOf = (reading: FileReading | undefined): string =>
  reading?.ok === true ? Buffer.from(reading.bytes).toString() : (reading?.error.code ?? "");

/** Announced changes are seen long before the slow look; the slow look is tested by a link that announces nothing. */
async function follow(path: string, pollMs = 60_000): Promise<void> {
  follower = followFiles({
    paths: () => Promise.resolve([path]),
    what: "the file",
    maxBytes: 10,
    pollMs,
    onReadings: ([reading]) => {
      seen.push(textOf(reading));
      if (textOf(reading) === "bad") throw new Error("a fault");
    },
    onFault: (error) => faults.push(error),
  });
  await follower.ready;
}

const sees = (text: string): Promise<unknown> =>
  until(
    () => seen.at(-1),
    (last) => last === text,
  );

describe("followFiles", () => {
  it("sees a file written in place, renamed over, removed, and made again", async () => {
    const path = join(folder, "a");
    await writeFile(path, "1");
    await follow(path);
    expect(seen).toEqual(["1"]);
    await writeFile(path, "2");
    await sees("2");
    await writeFile(`${path}.new`, "3");
    await rename(`${path}.new`, path);
    await sees("3");
    await unlink(path);
    await sees("file_not_found");
    await writeFile(path, "4");
    await sees("4");
  });

  it("sees two changes of one length within one tick of the file system's clock", async () => {
    const path = join(folder, "a");
    await writeFile(path, "0");
    await follow(path);
    for (let round = 1; round <= 9; round += 1) await writeFile(path, String(round));
    await sees("9");
    expect(seen.at(-1)).toBe("9");
  });

  it("sees what a link leads to, where no change is announced", async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), "mcpctl-elsewhere-"));
    await writeFile(join(elsewhere, "a"), "1");
    await symlink(join(elsewhere, "a"), join(folder, "a"));
    await follow(join(folder, "a"), 20);
    await writeFile(join(elsewhere, "a"), "22");
    await sees("22");
    expect(seen.at(-1)).toBe("22");
    await rm(elsewhere, { recursive: true });
  });

  it("outlives a reader that throws", async () => {
    const path = join(folder, "a");
    await writeFile(path, "bad");
    await follow(path);
    expect(faults).toEqual([new Error("a fault")]);
    await writeFile(path, "good");
    await sees("good");
  });

  it("tells of a folder in the file's place, and of a file that is too large", async () => {
    await follow(folder);
    expect(seen).toEqual(["path_is_folder"]);
    follower?.close();
    await writeFile(join(folder, "a"), "x".repeat(11));
    await follow(join(folder, "a"));
    expect(seen.at(-1)).toBe("file_too_large");
  });
});
