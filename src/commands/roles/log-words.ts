import { plural } from "../../lib/plural.ts";
import type { LogCounts } from "../../lib/audit/call-log.ts";

/** What was read of audit logs, for `-o json`. */
export function logData(counts: LogCounts): object {
  const { records, older, repeated, unchecked, foreign, unfinished, unsampled, missing, instances, first, last } =
    counts;
  return {
    records,
    older,
    repeated,
    unchecked,
    foreign,
    unfinished,
    unsampled,
    missing,
    instances,
    first: first === null ? null : timeOf(first),
    last: last === null ? null : timeOf(last),
  };
}

/** An instant with the milliseconds that records have. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** What of the logs makes every count less sure, a sentence each. */
export function logWarnings({ missing, unsampled, unchecked, unfinished }: LogCounts): readonly string[] {
  const told: readonly (readonly [number, string])[] = [
    [missing, `${plural(missing, "record")} of the gateways not in these files: every count is a lower bound.`],
    [unsampled, `${plural(unsampled, "refusal")} counted by the gateways and not written: counts are lower bounds.`],
    [
      unchecked,
      `${plural(unchecked, "record")} not looked for among the others: in a file named twice they count twice.`,
    ],
    [unfinished, `${plural(unfinished, "call")} with a start record alone, and counted by it.`],
  ];
  return told.filter(([count]) => count > 0).map(([, sentence]) => sentence);
}
