import { resolve } from "node:path";
import type { CallLogOptions, LogCounts } from "../../lib/audit/call-log.ts";
import { auditFile, readAuditFiles, type AuditFile } from "../../lib/files/audit-files.ts";
import type { Ports } from "../ports.ts";

type AuditPorts = Pick<Ports, "cwd" | "label" | "now" | "progress" | "signal" | "stdin">;

/**
 * Reads the calls of these audit logs, `-` being standard input, and shows how far it is.
 * @throws AppError when one cannot be read, invalid when they hold no record at all
 */
export async function readAudit(
  paths: readonly string[],
  options: CallLogOptions,
  ports: AuditPorts,
): Promise<LogCounts> {
  const named = paths.map((path) => fileOf(path, ports));
  // What comes in on standard input has no size.
  const total = named.reduce((sum, { bytes }) => sum + bytes, 0);
  const startedAt = ports.now();
  try {
    return await readAuditFiles(named, {
      ...options,
      signal: ports.signal,
      onProgress: (bytes, records) =>
        ports.progress(progressLine({ bytes, total, records, elapsedMs: ports.now() - startedAt })),
    });
  } finally {
    ports.progress(null);
  }
}

function fileOf(path: string, { cwd, label, stdin }: AuditPorts): AuditFile & { readonly bytes: number } {
  if (path === "-") return { label: "standard input", parts: stdin(), bytes: Infinity };
  const full = resolve(cwd, path);
  return auditFile(full, label(full));
}

interface Progress {
  readonly bytes: number;
  /** Infinity where it is not known. */
  readonly total: number;
  readonly records: number;
  readonly elapsedMs: number;
}

const BAR_WIDTH = 20;

/** `[#####---------------] 312 of 1,250 MB, 212,000 records/s, 4 s left` */
export function progressLine({ bytes, total, records, elapsedMs }: Progress): string {
  const rate = elapsedMs > 0 ? `, ${grouped(Math.round(records / elapsedMs) * 1000)} records/s` : "";
  if (total === Infinity) return `${megabytes(bytes)} MB${rate}`;
  const share = total === 0 ? 1 : Math.min(bytes / total, 1);
  const filled = Math.floor(share * BAR_WIDTH);
  const bar = `[${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}]`;
  const left = share > 0 ? `, ${grouped(Math.ceil((elapsedMs / share - elapsedMs) / 1000))} s left` : "";
  return `${bar} ${megabytes(bytes)} of ${megabytes(total)} MB${rate}${left}`;
}

function megabytes(bytes: number): string {
  return grouped(Math.round(bytes / 1e6));
}

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
