import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AuditSink } from "../../src/gateway/audit-sink.ts";
import { until } from "../support/gateway.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-sink-"));
  path = join(folder, "audit.jsonl");
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const openSink = (maxBufferedBytes: number): AuditSink =>
  new AuditSink({ path, maxBufferedBytes, log: () => undefined });

describe("the audit sink", () => {
  it("counts what waits in bytes, and gives all of it back", async () => {
    const sink = openSink(100);
    const line = `${"\u20ac".repeat(30)}\n`;
    sink.append(line, false);
    expect([sink.reserve(10), sink.reserve(9)]).toEqual([false, true]);
    sink.release(9);
    expect(await sink.flush(5_000)).toBe(true);
    expect(sink.reserve(100)).toBe(true);
    expect(await readFile(path, "utf8")).toBe(line);
    expect(await sink.close(1_000)).toBe(true);
  });

  it("keeps the room that was reserved from lines that nobody reserved for", async () => {
    const sink = openSink(100);
    expect(sink.reserve(60)).toBe(true);
    const refusal = `${"r".repeat(69)}\n`;
    for (let made = 0; made < 5; made += 1) sink.append(refusal, false);
    expect(sink.failures.dropped).toBe(3);
    const kept = `${"k".repeat(59)}\n`;
    sink.append(kept, true);
    expect(sink.failures.dropped).toBe(3);
    sink.release(60);
    await sink.close(5_000);
    expect(await readFile(path, "utf8")).toBe(refusal + refusal + kept);
  });

  it("is full when nothing more could be reserved, and not before", async () => {
    const sink = openSink(4096);
    expect(sink.isFull).toBe(false);
    expect(sink.reserve(3100)).toBe(true);
    expect(sink.isFull).toBe(true);
    await sink.close(1_000);
  });

  it("ends the line that a crash cut short before it begins its own", async () => {
    await writeFile(path, '{"seq":1}\n{"seq":2,"half');
    const sink = openSink(4096);
    sink.append('{"seq":1}\n', false);
    await sink.close(5_000);
    expect(await readFile(path, "utf8")).toBe('{"seq":1}\n{"seq":2,"half\n{"seq":1}\n');
  });

  it("adds nothing to a file that ends with a whole line", async () => {
    await writeFile(path, '{"seq":1}\n');
    const sink = openSink(4096);
    sink.append('{"seq":1}\n', false);
    await sink.close(5_000);
    expect(await readFile(path, "utf8")).toBe('{"seq":1}\n{"seq":1}\n');
  });

  it.each([
    ["rotated away", (): Promise<void> => rename(path, `${path}.1`)],
    ["removed", (): Promise<void> => rm(path)],
  ])("writes to the name it was given when the file was %s", async (_what, move) => {
    const sink = openSink(4096);
    sink.append("before\n", false);
    await sink.flush(5_000);
    await move();
    const written = async (): Promise<string> => {
      sink.append("after\n", false);
      await sink.flush(5_000);
      return readFile(path, "utf8").catch(() => "");
    };
    expect(await until(written, (text) => text.endsWith("after\n"))).toMatch(/^(after\n)+$/);
    await sink.close(1_000);
  });
});
