import { statSync } from "node:fs";
import { CallLog, type CallLogOptions, type LogCounts } from "../audit/call-log.ts";
import { AppError } from "../errors.ts";
import { fileError } from "./file-error.ts";
import { fileParts } from "./file-parts.ts";
import { gunzipped, isGzip } from "./gunzip.ts";
import { LineBatches, type LineBatch } from "./line-batches.ts";

/** One file of an audit log, or standard input. */
export interface AuditFile {
  readonly label: string;
  /** Its bytes as they lie, each part good until the next one is asked for. */
  readonly parts: AsyncIterable<Uint8Array>;
}

/**
 * The log file of this path, of which nothing is read yet, and its size.
 * @throws AppError when there is none, or it is no regular file
 */
export function auditFile(path: string, label: string): AuditFile & { readonly bytes: number } {
  try {
    const stat = statSync(path);
    if (!stat.isFile())
      throw new AppError("invalid", "path_not_file", `the audit log ${label} is not a regular file`, {
        hint: "Name the files themselves, or pipe into standard input and name -.",
      });
    return { label, parts: fileParts(path, true), bytes: stat.size };
  } catch (error) {
    throw fileError(error, `the audit log ${label}`, "read");
  }
}

export interface ReadAuditOptions extends CallLogOptions {
  readonly signal: AbortSignal;
  /** Told now and then how many bytes of all files, as they lie, and how many records were read. */
  readonly onProgress: (bytes: number, records: number) => void;
}

/**
 * Reads the calls of these files, in their order, each call once: rotated, compressed with gzip or not, as the gateway wrote
 * them or as Kubernetes, Docker and `logcli -o jsonl` wrap them.
 * @throws AppError interrupted when the signal is aborted, invalid for a broken gzip, and whatever reading a file throws.
 */
export async function readAuditFiles(files: readonly AuditFile[], options: ReadAuditOptions): Promise<LogCounts> {
  const log = new CallLog(options);
  let bytes = 0;
  const onBytes = (count: number): void => {
    bytes += count;
    options.onProgress(bytes, log.records);
  };
  for (const { label, parts } of files) {
    const lines = new LineBatches();
    for await (const part of plainParts(watched(parts, options.signal, onBytes), label)) add(log, lines.push(part));
    add(log, lines.end());
  }
  return log.end();
}

function add(log: CallLog, { text, unreadable }: LineBatch): void {
  log.addLines(text);
  log.addUnreadable(unreadable);
}

async function* watched(
  parts: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  onBytes: (count: number) => void,
): AsyncIterable<Uint8Array> {
  for await (const part of parts) {
    if (signal.aborted) throw new AppError("interrupted", "interrupted", "interrupted; nothing was changed");
    onBytes(part.length);
    yield part;
  }
}

/** The same, unzipped where they are gzip: told by how they begin, whatever the file is called. */
async function* plainParts(parts: AsyncIterable<Uint8Array>, label: string): AsyncIterable<Uint8Array> {
  const iterator = parts[Symbol.asyncIterator]();
  try {
    const first = await iterator.next();
    if (first.done === true) return;
    const all = prepended(first.value, iterator);
    yield* isGzip(first.value) ? gunzipped(all, label) : all;
  } finally {
    await iterator.return?.();
  }
}

async function* prepended(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncIterable<Uint8Array> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
