import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { readAuditFiles, type AuditFile } from "../../../src/lib/files/audit-files.ts";
import { MAX_LINE_BYTES } from "../../../src/lib/files/line-batches.ts";
import { auditLog } from "../../support/audit-lines.ts";

/** A file that comes in parts of so many bytes, each written over by the next one. */
function fileOf(bytes: Uint8Array | string, partBytes = 7): AuditFile {
  return { label: "audit.jsonl", parts: partsOf(Buffer.from(bytes), partBytes) };
}

async function* partsOf(bytes: Buffer, partBytes: number): AsyncIterable<Uint8Array> {
  const part = Buffer.alloc(partBytes);
  for (let at = 0; at < bytes.length; at += partBytes) {
    await Promise.resolve();
    yield part.subarray(0, bytes.copy(part, 0, at));
  }
}

interface Read {
  readonly calls: number;
  readonly tools: readonly (string | null)[];
  readonly unreadable: number;
  readonly bytes: number;
}

async function read(files: readonly AuditFile[], signal = new AbortController().signal): Promise<Read> {
  const tools: (string | null)[] = [];
  let bytes = 0;
  const counts = await readAuditFiles(files, {
    since: null,
    take: ({ tool }) => tools.push(tool),
    signal,
    onProgress: (count) => (bytes = count),
  });
  return { calls: tools.length, tools: [...new Set(tools)], unreadable: counts.unreadable, bytes };
}

const LOG = auditLog(Array.from({ length: 30 }, (_, index) => ({ tool_name: index % 2 === 0 ? "eks" : "中😀" })));
const WHOLE = { calls: 30, tools: ["eks", "中😀"], unreadable: 0 };
const bytes = (text: string): number => Buffer.byteLength(text);

describe("readAuditFiles", () => {
  it.each([1, 2, 3, 64, 1000, 1 << 20])("reads a file that comes %i bytes at a time", async (partBytes) => {
    expect(await read([fileOf(LOG, partBytes)])).toEqual({ ...WHOLE, bytes: bytes(LOG) });
  });

  it.each([
    ["a byte order mark", `\ufeff${LOG}`],
    ["CRLF", LOG.replaceAll("\n", "\r\n")],
    ["no last line end", LOG.trimEnd()],
    ["empty lines", LOG.replaceAll("\n", "\n\n")],
  ])("reads a file with %s", async (_what, text) => {
    expect(await read([fileOf(text)])).toEqual({ ...WHOLE, bytes: bytes(text) });
  });

  it("reads gzip whatever it is called, several members too, and counts the bytes that lie there", async () => {
    const half = LOG.indexOf("\n", LOG.length / 2) + 1;
    const zipped = Buffer.concat([gzipSync(LOG.slice(0, half)), gzipSync(LOG.slice(half))]);
    expect(await read([fileOf(zipped)])).toEqual({ ...WHOLE, bytes: zipped.length });
  });

  it.each([
    ["ends early", (zipped: Buffer) => zipped.subarray(0, zipped.length - 20)],
    ["is damaged", (zipped: Buffer) => zipped.fill(0x55, 60, 80)],
  ])("refuses gzip that %s", async (_what, damage) => {
    const reading = read([fileOf(damage(gzipSync(LOG)))]);
    await expect(reading).rejects.toMatchObject({ kind: "invalid", code: "gzip_broken" });
  });

  it("takes a line that is cut between two files for two halves", async () => {
    const cut = LOG.length - 100;
    expect(await read([fileOf(LOG.slice(0, cut)), fileOf(LOG.slice(cut))])).toMatchObject({ calls: 29, unreadable: 2 });
  });

  it("counts lines that are not UTF-8, and loses no other", async () => {
    const broken = Buffer.concat([Buffer.from(LOG), Buffer.from([0x7b, 0xff, 0x0a]), Buffer.from(LOG)]);
    expect(await read([fileOf(broken, 1 << 20)])).toMatchObject({ ...WHOLE, unreadable: 1 });
    expect(await read([fileOf(broken, 100)])).toMatchObject({ ...WHOLE, unreadable: 1 });
  });

  it("counts a line that is too long once, and loses no other", async () => {
    const long = Buffer.alloc(3 * MAX_LINE_BYTES, "x");
    const log = Buffer.concat([Buffer.from(LOG), long, Buffer.from(`\n${LOG}`)]);
    expect(await read([fileOf(log, 1 << 20)])).toMatchObject({ ...WHOLE, unreadable: 1 });
    expect(await read([fileOf(long, 1 << 20)])).toMatchObject({ calls: 0, unreadable: 1 });
  });

  it("stops when it is interrupted", async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(read([fileOf(LOG)], stop.signal)).rejects.toBeInstanceOf(AppError);
  });

  it("passes on why a file cannot be read", async () => {
    const failing: AuditFile = { label: "x", parts: failingParts() };
    await expect(read([failing])).rejects.toMatchObject({ code: "file_failed" });
  });
});

async function* failingParts(): AsyncIterable<Uint8Array> {
  await Promise.resolve();
  yield gzipSync(LOG).subarray(0, 50);
  throw new AppError("unavailable", "file_failed", "made up by a test");
}
