import { AppError } from "../lib/errors.ts";
import { parseDurationSeconds } from "../lib/time.ts";

/** A duration of an option, at least one second unless `least` is 0. @throws AppError usage */
export function readDuration(option: string, text: string, least: 0 | 1): number {
  const seconds = parseDurationSeconds(text);
  if (seconds !== null && seconds >= least) return seconds;
  throw new AppError("usage", "duration_invalid", `${option} "${text.slice(0, 40)}" is not a duration`, {
    hint: "Write an integer and s, m, h or d: 30m, 24h, 90d; at most 36500d.",
  });
}
