import { setImmediate } from "node:timers/promises";
import { AppError } from "../../lib/errors.ts";
import type { Ports } from "../ports.ts";

/**
 * Does long work that never waits, showing how far it is and leaving room for Ctrl-C between its steps.
 * @throws AppError interrupted
 */
export async function inSlices<T>(
  work: Generator<number, T>,
  ports: Pick<Ports, "progress" | "signal">,
  tell: (done: number) => string,
): Promise<T> {
  try {
    for (let step = work.next(); ; step = work.next()) {
      if (step.done === true) return step.value;
      ports.progress(tell(step.value));
      await setImmediate();
      if (ports.signal.aborted) throw new AppError("interrupted", "interrupted", "interrupted; nothing was changed");
    }
  } finally {
    ports.progress(null);
  }
}
