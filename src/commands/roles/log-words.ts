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
    [missing, "records that the gateways wrote are not in these files: every count is a lower bound."],
    [unsampled, "refusals were counted by the gateways and not written: counts of refusals are lower bounds."],
    [unchecked, "records were too many to look for repetitions of them: a file named twice counts twice."],
    [unfinished, "calls have a start record alone, and were counted by it."],
  ];
  return told.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
}
