import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OpenJournal, UndeliveredKey } from "../../../src/lib/keys/undelivered.ts";
import { openJournals } from "../../../src/lib/stores/delivery-journal.ts";

const key = (digit: string): UndeliveredKey => ({ hash: digit.repeat(64), role: "dev", replaces: null, sink: null });
const SUCCESSOR: UndeliveredKey = {
  ...key("2"),
  replaces: "1".repeat(64),
  insteadOf: "k_333333333333",
  sink: "/tokens/über alice.jsonl",
};

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "mcpctl-journal-")), "undelivered");
});
afterEach(() => rm(join(folder, ".."), { recursive: true }));

const journals = () => openJournals(folder);
const left = async (): Promise<readonly UndeliveredKey[]> => {
  const found = await journals().abandoned();
  const undelivered = found.flatMap((journal) => journal.undelivered);
  for (const journal of found) await journal.close();
  return undelivered;
};
const files = async (): Promise<readonly string[]> => readdir(folder).catch(() => []);

/** A process that writes these keys down and is killed. */
async function dieWith(...keys: readonly UndeliveredKey[]): Promise<void> {
  const child = spawn(process.execPath, ["test/support/journal-writer.ts", folder, JSON.stringify(keys)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  expect(await left()).toEqual([]);
  child.kill("SIGKILL");
  await once(child, "close");
}

describe("a journal", () => {
  it("that settles everything leaves nothing behind", async () => {
    const journal = journals().own();
    await journal.begin(key("1"));
    await journal.settle(key("1").hash);
    await journal.close();
    expect(await files()).toEqual([]);
  });

  it("in which nothing was begun touches no disk", async () => {
    await journals().own().close();
    expect(await files()).toEqual([]);
    expect(await left()).toEqual([]);
  });

  it("is nobody else's while its process lives", async () => {
    const journal = journals().own();
    await journal.begin(key("1"));
    expect(await left()).toEqual([]);
    await journal.close();
    expect(await left()).toEqual([key("1")]);
  });

  it("of a process that was killed tells what was not settled, until somebody settles it", async () => {
    await dieWith(key("1"), SUCCESSOR);
    expect(await left()).toEqual([key("1"), SUCCESSOR]);
    const [journal] = (await journals().abandoned()) as [OpenJournal];
    expect(await left()).toEqual([]);
    await journal.settle(key("1").hash);
    await journal.close();
    expect(await left()).toEqual([SUCCESSOR]);
    const [again] = (await journals().abandoned()) as [OpenJournal];
    await again.settle(SUCCESSOR.hash);
    await again.close();
    expect(await files()).toEqual([]);
  });

  it("takes a line that was cut short for nothing, and loses no line after it", async () => {
    await dieWith(key("1"));
    const [name] = (await files()).filter((file) => file.endsWith(".jsonl"));
    await appendFile(join(folder, name ?? ""), '{"begin":{"hash":"33');
    const [journal] = (await journals().abandoned()) as [OpenJournal];
    await journal.begin(key("4"));
    await journal.close();
    expect(await left()).toEqual([key("1"), key("4")]);
  });

  it.each([
    ["a hash that is none", { ...key("1"), hash: "../../etc" }],
    ["a role that is none", { ...key("1"), role: "../dev" }],
    ["a predecessor that is none", { ...key("1"), replaces: "x" }],
    ["an earlier successor that is none", { ...key("1"), insteadOf: "x" }],
    ["a sink that is none", { ...key("1"), sink: 7 }],
  ])("does not believe a line with %s", async (_what, line) => {
    await dieWith(key("5"));
    await writeFile(join(folder, "other.jsonl"), `${JSON.stringify({ begin: line })}\n`);
    expect(await left()).toEqual([key("5")]);
  });

  it("that cannot be written keeps a key from being made", async () => {
    await rm(join(folder, ".."), { recursive: true });
    await writeFile(join(folder, ".."), "in the way");
    await expect(journals().own().begin(key("1"))).rejects.toMatchObject({ name: "AppError", kind: "invalid" });
  });
});
