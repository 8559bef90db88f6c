import { AppError } from "../lib/errors.ts";
import { nearest } from "../lib/suggest.ts";
import type { Ports } from "./ports.ts";

/** Shows lines, asks, and gives what was typed. */
export type Ask = NonNullable<Ports["ask"]>;

/** Whoever has not found it by then wants something else. */
const MOST_QUESTIONS = 10;
/** More lines than anybody reads. */
const MOST_SHOWN = 20;

/** Asks until `problemOf` finds nothing wrong with the answer. @throws AppError usage when it goes on finding something */
export async function askText(
  ask: Ask,
  question: string,
  problemOf: (answer: string) => string | null,
): Promise<string> {
  let lines: readonly string[] = [];
  for (let asked = 0; asked < MOST_QUESTIONS; asked += 1) {
    const answer = (await ask(lines, question)).trim();
    const problem = problemOf(answer);
    if (problem === null) return answer;
    lines = [problem];
  }
  throw unanswered();
}

export interface Choice {
  /** What the person gets by it, and may type. */
  readonly value: string;
  /** How it is shown, and by which parts of it it is found. */
  readonly line: string;
}

export interface Choices {
  readonly title: string;
  readonly question: string;
  readonly choices: readonly Choice[];
}

/**
 * Which one? Shows at most 20 with their numbers. A number or a whole value chooses; anything else shows those that it is
 * part of, or the value that was perhaps meant, and asks again: nothing is chosen by being alone.
 * @throws AppError usage when nothing was chosen for long
 */
export async function choose(ask: Ask, { title, question, choices }: Choices): Promise<string> {
  // Where a value is a number itself, a number would be read two ways.
  const isNumbered = !choices.some(({ value }) => /^\d+$/.test(value));
  let shown = choices;
  let lines = [title, ...listing(shown, isNumbered)];
  for (let asked = 0; asked < MOST_QUESTIONS; asked += 1) {
    const answer = (await ask(lines, question)).trim();
    const numbered =
      isNumbered && /^\d{1,2}$/.test(answer) ? shown.slice(0, MOST_SHOWN)[Number(answer) - 1] : undefined;
    const chosen = numbered ?? choices.find(({ value }) => value === answer);
    if (chosen !== undefined) return chosen.value;
    const found = choices.filter(({ line }) => line.toLowerCase().includes(answer.toLowerCase()));
    if (found.length > 0) shown = found;
    lines = found.length > 0 ? listing(shown, isNumbered) : [notFound(answer, choices)];
  }
  throw unanswered();
}

function listing(choices: readonly Choice[], isNumbered: boolean): string[] {
  const lines = choices
    .slice(0, MOST_SHOWN)
    .map(({ line }, index) => (isNumbered ? `${String(index + 1).padStart(4)}  ${line}` : `  ${line}`));
  const more = choices.length - lines.length;
  return more === 0 ? lines : [...lines, `      and ${more} more; type a part of what you look for`];
}

function notFound(answer: string, choices: readonly Choice[]): string {
  const near = nearest(
    answer,
    choices.map(({ value }) => value),
  );
  return `"${answer.slice(0, 80)}" is none of them.${near === null ? "" : ` Did you mean ${near}?`}`;
}

function unanswered(): AppError {
  return new AppError("usage", "unanswered", "the question was not answered; nothing was changed");
}
