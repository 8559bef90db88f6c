import { THROTTLED } from "./error-table.ts";
import { type AwsCall, toAppError } from "./to-app-error.ts";

/** Waits after a call whose every attempt was throttled, in milliseconds: 95 s in all, each attempt's own backoff besides. */
const WAITS_MS = [2000, 3000, 5000, 10_000, 15_000, 15_000, 15_000, 15_000, 15_000] as const;

export interface Patience {
  readonly call: AwsCall;
  readonly pause: (ms: number) => Promise<void>;
  readonly tell: (line: string) => void;
}

/**
 * Repeats work that AWS throttles, for a minute and a half, and says so: other callers share the account's quota, and a
 * change that is given up half way is worse than a slow one. Whatever else fails is thrown at once.
 */
export async function withPatience<T>(work: () => Promise<T>, { call, pause, tell }: Patience): Promise<T> {
  for (const waitMs of WAITS_MS) {
    try {
      return await work();
    } catch (error) {
      if (toAppError(error, call).code !== THROTTLED.code) throw error;
      tell(`AWS throttles ${call.action}; trying again in ${waitMs / 1000} s (Ctrl-C gives up).`);
      await pause(waitMs);
    }
  }
  return work();
}
