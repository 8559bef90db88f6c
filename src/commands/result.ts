import type { ExitCode } from "../lib/errors.ts";
import type { View } from "../lib/output/view.ts";

/** What a command answers: data to show, prose for stderr, and the exit code when the answer is not a plain yes. */
export interface Result {
  readonly view?: View;
  readonly notes?: readonly string[];
  readonly exit?: ExitCode;
}
