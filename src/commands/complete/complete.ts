import type { Command } from "commander";
import { COMPLETE, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import { candidatesFor, type Candidates } from "./candidates.ts";
import { readLine } from "./read-line.ts";

/** More than a person reads, and than a shell shows without asking. */
const MOST = 500;
const MOST_DESCRIBED = 100;
/** Letters that mean nothing to any shell: whoever may plant names in a store must not plant commands. */
const HARMLESS = /^-{0,2}[A-Za-z0-9][A-Za-z0-9._@:/-]*$/;
/** Tells the shell to complete the name of a file; no candidate looks like it. */
const FILES = ":files";

/**
 * Declares the hidden command that the scripts in shell/ call, with the words of a line after `--`: prints one candidate
 * a line for the last of them, which may be empty, and behind a tab what it is. It never fails and never tells an error.
 */
export function registerComplete(program: Command, cli: Cli): void {
  program
    .command(COMPLETE, { hidden: true })
    .argument("[words...]")
    .helpOption(false)
    .allowUnknownOption()
    .action(async (words: readonly string[]) => {
      const text = await complete(program, words, cli.ports);
      await cli.show({ view: { data: null, text: () => text } }, null);
    });
}

async function complete(program: Command, words: readonly string[], ports: Ports): Promise<string> {
  const line = readLine(program, words);
  // The files and the context of the line are those of the command that is being typed.
  for (const name of ["config", "context"]) {
    const given = line.options.get(name);
    if (given !== undefined) program.setOptionValue(name, given);
  }
  try {
    return format(await Promise.race([candidatesFor(program, line, ports), aborted(ports.signal)]));
  } catch {
    return "";
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_done, fail) => {
    const give = (): void => fail(signal.reason);
    if (signal.aborted) give();
    signal.addEventListener("abort", give, { once: true });
  });
}

function format({ prefix, typed, candidates, isFile }: Candidates): string {
  const fitting = new Map(
    candidates
      .filter(({ value }) => value.startsWith(typed) && HARMLESS.test(value))
      .map(({ value, description }) => [`${prefix}${value}`, description]),
  );
  const lines = [...fitting].slice(0, MOST).map(([value, description]) => `${value}\t${oneLine(description)}`);
  return [...lines, ...(isFile ? [FILES] : [])].join("\n");
}

function oneLine(description: string): string {
  return description.replace(/[^\x20-\x7e]+/g, " ").slice(0, MOST_DESCRIBED);
}
