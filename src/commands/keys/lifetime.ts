import type { KeysConfig } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import { formatDuration } from "../../lib/time.ts";
import { readDuration } from "../duration.ts";

/**
 * How long shall the key live, in seconds; null for ever. Nothing is silently shortened.
 * @throws AppError usage for a text that is no lifetime, invalid for one over the configured maximum.
 */
export function chooseTtl(text: string | null, keys: KeysConfig): number | null {
  const seconds = text === null ? keys.defaultTtlSeconds : readTtl(text);
  const most = keys.maxTtlSeconds;
  if (most !== null && (seconds === null || seconds > most)) {
    throw new AppError(
      "invalid",
      "ttl_too_long",
      `--ttl ${text ?? "never"} is longer than the maximum of ${formatDuration(most)}`,
      {
        hint: `Ask for at most ${formatDuration(most)}, or raise keys.maxTtl in mcpctl.yaml.`,
      },
    );
  }
  return seconds;
}

function readTtl(text: string): number | null {
  return text === "never" ? null : readDuration("--ttl", text, 1);
}

/** When a key made now ends, on a whole second; null for never. */
export function endOfLife(now: number, ttlSeconds: number | null): number | null {
  return ttlSeconds === null ? null : (Math.floor(now / 1000) + ttlSeconds) * 1000;
}
