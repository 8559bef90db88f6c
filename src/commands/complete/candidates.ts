import type { Argument, Command, Option } from "commander";
import type { Ports } from "../ports.ts";
import { findOption, optionsOf, subcommands, takesValue, type Line } from "./read-line.ts";
import { VALUES, type Candidate, type Values } from "./values.ts";

export interface Candidates {
  /** What of the word stays as it is: `--role=`, or nothing. */
  readonly prefix: string;
  /** What was typed of the value. */
  readonly typed: string;
  readonly candidates: readonly Candidate[];
  /** Whether the name of a file may stand there. */
  readonly isFile: boolean;
}

/** What could stand in the place of the line's last word? Taken from commander's own tree of commands. */
export async function candidatesFor(program: Command, line: Line, ports: Ports): Promise<Candidates> {
  const { current, pending, isLiteral } = line;
  const [command] = line.commands;
  const values = async (of: Option | Argument | null, prefix = ""): Promise<Candidates> => {
    const found = of === null ? NOTHING : await valuesOf(of, program, line, ports);
    return { prefix, typed: current.slice(prefix.length), ...found };
  };
  if (pending !== null) return values(pending);
  if (!isLiteral && current.startsWith("-")) {
    const prefix = /^--[^=]+=/.exec(current)?.[0];
    if (prefix === undefined) return { prefix: "", typed: current, candidates: flags(line), isFile: false };
    const option = findOption(line.commands, prefix.slice(0, -1));
    return values(option !== null && takesValue(option) ? option : null, prefix);
  }
  const nouns = line.operands.length > 0 ? [] : subcommands(command);
  if (nouns.length > 0) return { prefix: "", typed: current, candidates: nouns.map(ofCommand), isFile: false };
  return values(argumentAt(command, line.operands.length));
}

const NOTHING: Values = { candidates: [], isFile: false };

function ofCommand(command: Command): Candidate {
  return { value: command.name(), description: command.summary() || command.description() };
}

function flags({ commands, options }: Line): readonly Candidate[] {
  return optionsOf(commands)
    .filter((option) => option.variadic || !options.has(option.attributeName()))
    .map(({ long, short, description }) => ({ value: long ?? short ?? "", description }));
}

function argumentAt(command: Command, index: number): Argument | null {
  const last = command.registeredArguments.at(-1);
  return command.registeredArguments[index] ?? (last?.variadic === true ? last : null);
}

async function valuesOf(of: Option | Argument, program: Command, line: Line, ports: Ports): Promise<Values> {
  if (of.argChoices !== undefined) {
    return { candidates: of.argChoices.map((value) => ({ value, description: "" })), isFile: false };
  }
  const placeholder = placeholderOf(of);
  if (placeholder === "command") return { candidates: subcommands(program).map(ofCommand), isFile: false };
  return (await VALUES[placeholder]?.(line, ports)) ?? NOTHING;
}

/** `role` of `--role <role>`: what a value stands for is told by the word in the brackets. */
export function placeholderOf(of: Option | Argument): string {
  const written = "flags" in of ? (/[<[]([^>\]]+)[>\]]/.exec(of.flags)?.[1] ?? "") : of.name();
  return written.replace(/\.\.\.$/, "");
}
