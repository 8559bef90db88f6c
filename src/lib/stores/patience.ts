/** Waits between attempts, in milliseconds: 6.3 s in all, well past what Parameter Store's reads lag behind. */
const WAITS_MS = [100, 200, 400, 800, 1600, 3200] as const;

/** Repeats `attempt` until it gives something, seven times at most; null when it never does. */
export async function patiently<T>(
  attempt: () => Promise<T | null>,
  pause: (ms: number) => Promise<void>,
): Promise<T | null> {
  for (const waitMs of WAITS_MS) {
    const found = await attempt();
    if (found !== null) return found;
    await pause(waitMs);
  }
  return attempt();
}
