import type { Command, Option } from "commander";

/** A line as far as it was typed. */
export interface Line {
  /** The innermost command that it names, and those around it, the innermost first. */
  readonly commands: readonly [Command, ...Command[]];
  /** The command's arguments before the last word. */
  readonly operands: readonly string[];
  /** The values given to options, by their long names in camel case. */
  readonly options: ReadonlyMap<string, string>;
  /** The word that is to be completed. */
  readonly current: string;
  /** The option whose value that word is, when the option is the word before it. */
  readonly pending: Option | null;
  /** Whether a `--` stands before it: then no word is an option. */
  readonly isLiteral: boolean;
}

/** What do these words say, read as commander reads them? The last one is unfinished. */
export function readLine(program: Command, words: readonly string[]): Line {
  let commands: readonly [Command, ...Command[]] = [program];
  let operands: readonly string[] = [];
  let pending: Option | null = null;
  let isLiteral = false;
  const options = new Map<string, string>();
  for (const word of words.slice(0, -1)) {
    if (pending !== null) {
      options.set(pending.attributeName(), word);
      pending = null;
    } else if (!isLiteral && word === "--") {
      isLiteral = true;
    } else if (!isLiteral && word.startsWith("-") && word.length > 1) {
      const { option, value } = readOption(commands, word);
      if (option !== null && value !== null) options.set(option.attributeName(), value);
      else if (option !== null && takesValue(option)) pending = option;
    } else {
      const inner: Command | undefined =
        operands.length > 0 ? undefined : subcommands(commands[0]).find((one) => one.name() === word);
      if (inner === undefined) operands = [...operands, word];
      else commands = [inner, ...commands];
    }
  }
  return { commands, operands, options, current: words.at(-1) ?? "", pending, isLiteral };
}

/** The commands below this one that its help shows, `help` itself included. */
export function subcommands(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

/** Every option that may stand on the line: the command's own, and those of the commands around it. */
export function optionsOf(commands: readonly Command[]): readonly Option[] {
  return commands.flatMap((command) => command.createHelp().visibleOptions(command));
}

export function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

export function findOption(commands: readonly Command[], flag: string): Option | null {
  return optionsOf(commands).find(({ long, short }) => long === flag || short === flag) ?? null;
}

/** `--role`, `--role=dev`, `-o`, `-ojson`, `-yo`: the last option of the word, and its value where it has it. */
function readOption(commands: readonly Command[], word: string): { option: Option | null; value: string | null } {
  if (word.startsWith("--")) {
    const equals = word.indexOf("=");
    if (equals < 0) return { option: findOption(commands, word), value: null };
    return { option: findOption(commands, word.slice(0, equals)), value: word.slice(equals + 1) };
  }
  const option = findOption(commands, word.slice(0, 2));
  if (option === null || word.length === 2) return { option, value: null };
  if (takesValue(option)) return { option, value: word.slice(2) };
  return readOption(commands, `-${word.slice(2)}`);
}
