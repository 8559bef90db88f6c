import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { AuditRecord } from "../../src/lib/audit/record.ts";
import type { FuzzedGateway } from "./fuzzed-gateway.ts";

/** What the gateway says of all that it was asked: in its audit file, and in its metrics. */
export interface Books {
  readonly finals: number;
  /** The request ids in the finals of calls that were let through. */
  readonly forwarded: readonly string[];
  /** Refusals that were counted and not recorded. */
  readonly unsampled: number;
  readonly counted: number;
  readonly inFlight: number;
  /** The first place where the numbers of the records have a gap; null for none. */
  readonly gap: string | null;
}

export async function readBooks({ auditFile, adminUrl }: FuzzedGateway): Promise<Books> {
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  let finals = 0;
  const forwarded: string[] = [];
  let seq = 0;
  let gap: string | null = null;
  for await (const line of createInterface(createReadStream(auditFile))) {
    const record = readRecord(line);
    if (record === null) continue;
    seq += 1;
    if (record.seq !== seq) gap ??= `${record.seq} where ${seq} was due`;
    if (record.phase !== "final") continue;
    finals += 1;
    if (record.type === "mcp_tool_call") forwarded.push(record.request_id);
  }
  return {
    finals,
    forwarded,
    gap,
    unsampled: sum(metrics, "mcpctl_refusals_unsampled_total"),
    counted: sum(metrics, "mcpctl_requests_total"),
    inFlight: sum(metrics, "mcpctl_calls_in_flight"),
  };
}

/** Null for a line that is still being written; the last one may be. */
function readRecord(line: string): AuditRecord | null {
  try {
    return JSON.parse(line) as AuditRecord;
  } catch {
    return null;
  }
}

/** Over all label sets; 0 where there is no such metric. */
function sum(metrics: string, name: string): number {
  const lines = metrics.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
