import { createReadStream } from "node:fs";
import type { StartedGateway } from "./servers.ts";

export interface Audited {
  /** Final records; a start record is no second request. */
  readonly records: number;
  /** Refusals that were only counted. */
  readonly unsampled: number;
}

/** How many requests did this gateway account for? It is ended first, so that everything is written. */
export async function auditedRequests(gateway: StartedGateway): Promise<Audited> {
  const unsampled = await metric(gateway, "mcpctl_refusals_unsampled_total");
  await gateway.stop();
  return { records: await countRecords(gateway.auditFile), unsampled: unsampled ?? 0 };
}

/** The sum of a metric over its labels; null when the gateway has no such metric. */
export async function metric(gateway: StartedGateway, name: string): Promise<number | null> {
  const text = await (await fetch(`${gateway.admin}/metrics`)).text();
  const values = text
    .split("\n")
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .map((line) => Number(line.slice(line.lastIndexOf(" ") + 1)));
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
}

async function countRecords(path: string): Promise<number> {
  let count = 0;
  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "utf8", highWaterMark: 1024 * 1024 })) {
    const lines = (rest + (chunk as string)).split("\n");
    rest = lines.pop() as string;
    count += lines.filter((line) => line.includes('"phase":"final"')).length;
  }
  return count;
}
