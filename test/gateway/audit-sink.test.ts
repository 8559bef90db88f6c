import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { AuditSink } from "../../src/gateway/audit-sink.ts";

it("the audit sink counts what waits in bytes, and gives all of it back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-sink-"));
  const path = join(folder, "audit.jsonl");
  const sink = new AuditSink({ path, maxBufferedBytes: 100, log: () => undefined });
  const line = `${"\u20ac".repeat(30)}\n`;
  sink.append(line);
  expect([sink.reserve(10), sink.reserve(9)]).toEqual([false, true]);
  sink.release(9);
  expect(await sink.flush(5_000)).toBe(true);
  expect(sink.reserve(100)).toBe(true);
  expect(await readFile(path, "utf8")).toBe(line);
  await sink.close(1_000);
  await rm(folder, { recursive: true });
});
