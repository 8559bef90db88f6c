import type { Io, Output } from "./io.ts";
import { printable } from "./lib/output/printable.ts";

/** Often enough to be seen to move; what takes less shows nothing. */
const EVERY_MS = 100;
const CLEAR = "\r\u001b[K";

/**
 * A line on a terminal that the next one replaces; null takes it away. Nothing is written elsewhere, nor to a terminal
 * that understands no control sequences or is to be spared them.
 */
export function progressLine(output: Output, env: Io["env"]): (line: string | null) => void {
  if (!output.isTerminal || env["TERM"] === "dumb" || Boolean(env["NO_COLOR"])) return () => undefined;
  let shownAt = performance.now();
  let isShown = false;
  const write = (text: string): void => void output.write(text).catch(() => undefined);
  return (line) => {
    if (line === null) {
      if (isShown) write(CLEAR);
      isShown = false;
      return;
    }
    const now = performance.now();
    if (now - shownAt < EVERY_MS) return;
    shownAt = now;
    isShown = true;
    write(`${CLEAR}${printable(line)}`);
  };
}
