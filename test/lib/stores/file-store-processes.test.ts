import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openFileStore } from "../../../src/lib/stores/file-store.ts";
import { createEntry } from "../../../src/lib/keys/key-store.ts";
import { seededNumbers } from "../../support/seeded.ts";

const WRITER = fileURLToPath(new URL("../../support/store-writer.ts", import.meta.url));
const NOTE = { action: "create", at: "2026-11-20T10:00:00Z" } as const;

let folder: string;
let path: string;
const running = new Set<ChildProcess>();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-processes-"));
  path = join(folder, "keys.json");
});
afterEach(async () => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
  await rm(folder, { recursive: true });
});

interface Writer {
  readonly child: ChildProcess;
  readonly done: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
}

/** Starts a process that creates `count` entries, each told by one line. */
function startWriter(digit: string, count: number): Writer {
  const child = spawn(process.execPath, [WRITER, path, digit, String(count)], { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  const text = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (text.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text.err += chunk.toString()));
  const done = once(child, "close").then(([code]) => {
    running.delete(child);
    return { code: code as number | null, ...text };
  });
  return { child, done };
}

/** Resolves when the process has told `count` bytes of lines, or has ended. */
async function told(writer: Writer, lines: number): Promise<void> {
  let seen = 0;
  await new Promise<void>((resume) => {
    writer.child.stdout?.on("data", (chunk: Buffer) => {
      seen += chunk.toString().split("\n").length - 1;
      if (seen >= lines) resume();
    });
    void writer.done.then(() => resume());
  });
}

const openStore = () =>
  openFileStore({ path, denylist: join(folder, "denylist.json"), label: "keys.json", now: Date.now });

describe("processes that share a file store", () => {
  it("create 20 keys each at once and end with 40", async () => {
    const results = await Promise.all(["a", "b"].map((digit) => startWriter(digit, 20).done));
    for (const { code, out, err } of results) {
      expect({
        code,
        err,
        statuses: new Set(
          out
            .trimEnd()
            .split("\n")
            .map((line) => line.split(" ")[0]),
        ),
      }).toEqual({
        code: 0,
        err: "",
        statuses: new Set(["created"]),
      });
    }
    expect(await openStore().list()).toHaveLength(40);
    const log = (await readFile(join(folder, "admin.jsonl"), "utf8")).trimEnd().split("\n");
    expect(log).toHaveLength(80);
  });

  it("create the same 10 keys at once, each exactly once", async () => {
    const results = await Promise.all(["c", "c", "c"].map((digit) => startWriter(digit, 10).done));
    const lines = results.flatMap(({ out }) => out.trimEnd().split("\n"));
    expect(lines.filter((line) => line.startsWith("created ")).toSorted()).toEqual(
      Array.from({ length: 10 }, (_, index) => `created c${index.toString(16).padStart(63, "0")}`),
    );
    expect(await openStore().list()).toHaveLength(10);
  });

  it("may be killed at any moment: the store stays readable, loses nothing that was told, and is locked by nobody", async () => {
    const pick = seededNumbers(42);
    const promised: string[] = [];
    for (const digit of ["0", "1", "2", "3", "4", "5"]) {
      const writer = startWriter(digit, 1000);
      await told(writer, 1);
      const moment = setTimeout(() => writer.child.kill("SIGKILL"), pick(25));
      const { out } = await writer.done;
      clearTimeout(moment);
      promised.push(...out.split("\n").flatMap((line) => (/^created [0-9a-f]{64}$/.test(line) ? [line.slice(8)] : [])));

      const store = openStore();
      const hashes = (await store.list()).map(({ name }) => name?.hash);
      expect(promised.filter((hash) => !hashes.includes(hash))).toEqual([]);
      const next = { role: "dev", hash: `f${digit}`.padEnd(64, "0"), part: "record" } as const;
      expect(await createEntry(store, next, "dev/after", NOTE)).toEqual({ status: "created" });
      promised.push(next.hash);
    }
    expect((await readdir(folder)).toSorted()).toEqual(["admin.jsonl", "denylist.json", "keys.json", "keys.json.lock"]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });
});
