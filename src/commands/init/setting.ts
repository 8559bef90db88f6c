import { AppError } from "../../lib/errors.ts";
import { askText } from "../ask.ts";
import type { Ports } from "../ports.ts";

/** One thing that a project must know. */
export interface Setting {
  readonly flag: string;
  /** As it was given on the command line. */
  readonly given: string | undefined;
  readonly question: string;
  /** Null where only the user can know. */
  readonly fallback: string | null;
  /** What is wrong with a value, in words that go on after it; null for a good one. */
  readonly problemOf: (value: string) => string | null;
}

/**
 * The value of the flag, else what is answered on a terminal, else the fallback.
 * @throws AppError usage for a value that is wrong, or where there is neither a terminal nor a fallback
 */
export async function settle(setting: Setting, ask: Ports["ask"]): Promise<string> {
  const { flag, given, question, fallback, problemOf } = setting;
  if (given === undefined && ask !== null) {
    const shown = fallback === null || fallback === "" ? `${question}: ` : `${question} [${fallback}]: `;
    const answer = await askText(ask, shown, (text) => {
      const problem = problemOf(text === "" ? (fallback ?? "") : text);
      return problem === null ? null : `This ${problem}.`;
    });
    return answer === "" ? (fallback ?? "") : answer;
  }
  const value = given ?? fallback;
  if (value === null)
    throw new AppError("usage", "option_missing", `${flag} must be given`, { hint: `It says: ${question}.` });
  const problem = problemOf(value);
  if (problem === null) return value;
  throw new AppError("usage", "option_invalid", `${flag} "${value.slice(0, 80)}" ${problem}`, {
    hint: `It says: ${question}.`,
  });
}
