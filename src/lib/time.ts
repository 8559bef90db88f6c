const TIME = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})Z$/;

/**
 * Which instant does a contract time name? Milliseconds since 1970, or null unless `text` is exactly
 * `YYYY-MM-DDTHH:MM:SSZ` and a real date (no 30th of February, no 24:00, no leap second).
 */
export function parseTime(text: string): number | null {
  if (!TIME.test(text)) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) || formatTime(ms) !== text ? null : ms;
}

/** The contract form of an instant, its milliseconds cut off. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** The longest duration anything accepts: 100 years, far below where dates overflow. */
export const MAX_DURATION_SECONDS = 100 * 365 * 86_400;

/** How many seconds is `90d`, `12h`, `5m`, `30s`? Null for anything else, zero included only as `0s`-like text. */
export function parseDurationSeconds(text: string): number | null {
  const match = /^(0|[1-9]\d{0,9})([smhd])$/.exec(text);
  if (!match) return null;
  const seconds = Number(match[1]) * (UNIT_SECONDS[match[2] as string] as number);
  return seconds <= MAX_DURATION_SECONDS ? seconds : null;
}

/** The shortest exact form of a duration: `90d`, `36h`, `5m`, `30s`. */
export function formatDuration(seconds: number): string {
  for (const [unit, size] of [
    ["d", 86_400],
    ["h", 3600],
    ["m", 60],
  ] as const) {
    if (seconds >= size && seconds % size === 0) return `${seconds / size}${unit}`;
  }
  return `${seconds}s`;
}
