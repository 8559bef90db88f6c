import type { Io } from "./io.ts";

/** A person waits for every Tab. */
const PATIENCE_MS = 2000;

/** The outside of a completion: it asks nobody, says nothing but candidates, and is interrupted after two seconds. */
export function completionIo(io: Io): Io {
  return {
    ...io,
    stderr: { isTerminal: false, isDiscarded: true, write: async () => undefined },
    ask: null,
    askHidden: null,
    signal: AbortSignal.any([io.signal, AbortSignal.timeout(PATIENCE_MS)]),
  };
}
