import { Chalk, type ChalkInstance } from "chalk";
import { Command, CommanderError } from "commander";
import type { Cli } from "./commands/cli.ts";
import { COMPLETE, withExamples } from "./commands/cli.ts";
import type { Ports } from "./commands/ports.ts";
import { completionIo } from "./completion-io.ts";
import type { Io, Output } from "./io.ts";
import { AppError, EXIT_BUG, EXIT_BY_KIND, type ExitCode } from "./lib/errors.ts";
import { redactText } from "./lib/audit/redact.ts";
import { fileError } from "./lib/files/file-error.ts";
import { printable } from "./lib/output/printable.ts";
import { render } from "./lib/output/render.ts";
import { createPorts, type GlobalOptions } from "./ports.ts";
import { VERSION } from "./version.ts";

/** What commander calls a noun without a verb: it shows its help, and that is no error. */
const BARE_NOUN = "commander.help";

/**
 * Runs one command line (without node and script) and tells its exit code; prints through `io` alone and never throws.
 * `overrides` replaces ports in tests.
 */
export async function run(argv: readonly string[], outer: Io, overrides: Partial<Ports> = {}): Promise<ExitCode> {
  // A token that was typed where a name belongs must not come back in an error, which ends up in logs.
  const redacted: Io = { ...outer, stderr: { ...outer.stderr, write: (text) => outer.stderr.write(redactText(text)) } };
  const io = argv[0] === COMPLETE ? completionIo(redacted) : redacted;
  let exit: ExitCode = 0;
  const program = new Command("mcpctl");
  const ports: Ports = {
    ...createPorts(io, () => program.opts<GlobalOptions>(), paintFor(io.stdout, io, argv)),
    ...overrides,
  };
  const cli: Cli = {
    ports,
    show: async (result, format) => {
      exit = result.exit ?? 0;
      try {
        if (result.view === undefined) return;
        const options = { format, isTerminal: io.stdout.isTerminal, paint: ports.paint };
        // Tokens go to their sink; one that stands in a role file or a name stays out of what is shown.
        await write(io.stdout, redactText(await render(result.view, options)));
      } finally {
        // What was done must be told, above all when its result could not be shown.
        for (const note of result.notes ?? []) await io.stderr.write(`${printable(note)}\n`).catch(() => undefined);
      }
    },
  };
  const output = declare(program);
  try {
    for (const register of await loadCommands(argv)) register(program, cli);
    await program.parseAsync(argv, { from: "user" });
    await write(io.stdout, output.out());
    return exit;
  } catch (error) {
    if (error instanceof CommanderError && (error.exitCode === 0 || error.code === BARE_NOUN)) {
      return showHelp(output.out() + output.err(), argv, io);
    }
    return reportError(asAppError(error, output.err()), error, argv, io);
  }
}

async function showHelp(text: string, argv: readonly string[], io: Io): Promise<ExitCode> {
  try {
    await write(io.stdout, text);
    return 0;
  } catch (error) {
    return reportError(asAppError(error, ""), error, argv, io);
  }
}

type Register = (program: Command, cli: Cli) => void;

/** Every command, in the order of the help. */
const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  keys: async () => (await import("./commands/keys/index.ts")).registerKeys,
  roles: async () => (await import("./commands/roles/index.ts")).registerRoles,
  can: async () => (await import("./commands/can/index.ts")).registerCan,
  verify: async () => (await import("./commands/verify/index.ts")).registerVerify,
  snapshot: async () => (await import("./commands/snapshot/index.ts")).registerSnapshot,
  backends: async () => (await import("./commands/backends/index.ts")).registerBackends,
  context: async () => (await import("./commands/context/index.ts")).registerContext,
  lock: async () => (await import("./commands/lock/index.ts")).registerLock,
  status: async () => (await import("./commands/cluster/status.ts")).registerStatus,
  sync: async () => (await import("./commands/cluster/sync.ts")).registerSync,
  init: async () => (await import("./commands/init/index.ts")).registerInit,
  "iam-policy": async () => (await import("./commands/iam-policy.ts")).registerIamPolicy,
  gateway: async () => (await import("./commands/gateway/index.ts")).registerGateway,
  demo: async () => (await import("./commands/demo.ts")).registerDemo,
  completion: async () => (await import("./commands/completion.ts")).registerCompletion,
  [COMPLETE]: async () => (await import("./commands/complete/complete.ts")).registerComplete,
};

/**
 * Only the code of the commands that the line names, for a fast start; all of it where it names none, or asks for help
 * or for what could stand next.
 */
async function loadCommands(argv: readonly string[]): Promise<readonly Register[]> {
  const named = Object.keys(COMMANDS).filter((name) => argv.includes(name));
  const wantsAll = named.length === 0 || argv.some((word) => ["help", "--help", "-h", COMPLETE].includes(word));
  const names = wantsAll ? Object.keys(COMMANDS) : named;
  return Promise.all(names.map((name) => (COMMANDS[name] as () => Promise<Register>)()));
}

/** The program itself; help and usage errors are kept, so that only `run` writes. */
function declare(program: Command): { readonly out: () => string; readonly err: () => string } {
  let out = "";
  let err = "";
  program
    .description("Keys, roles and a gateway for teams that let AI agents near real infrastructure through MCP servers.")
    .version(VERSION, "--version", "print the version")
    .option("--config <file>", "the configuration instead of the project's mcpctl.yaml (MCPCTL_CONFIG)")
    .option("--context <context>", "the context to act in (MCPCTL_CONTEXT)")
    .option("--debug", "show the cause of an error")
    .option("--no-color", "no colour (NO_COLOR)")
    .helpCommand("help [command]", "show help for a command")
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ writeOut: (text) => (out += text), writeErr: (text) => (err += text) });
  withExamples(
    program,
    "mcpctl keys create --role dev-readonly --user incident-agent-01",
    "mcpctl can dev-readonly eks-ro",
  );
  return { out: () => out, err: () => err };
}

function asAppError(error: unknown, printed: string): AppError | null {
  if (error instanceof AppError) return error;
  if (!(error instanceof CommanderError)) return null;
  // Commander prints "error: unknown option '--rol'" and then, in brackets, what was perhaps meant.
  const [first = "", ...rest] = (printed === "" ? error.message : printed)
    .replace(/^error: /, "")
    .trim()
    .split("\n");
  const hint = rest
    .join(" ")
    .trim()
    .replace(/^\(|\)$/g, "");
  return new AppError("usage", "usage", first, { hint: hint === "" ? "See --help." : hint });
}

async function reportError(known: AppError | null, error: unknown, argv: readonly string[], io: Io): Promise<ExitCode> {
  const paint = paintFor(io.stderr, io, argv);
  await io.stderr.write(errorText(known, error, argv, paint)).catch(() => undefined);
  return known === null ? EXIT_BUG : EXIT_BY_KIND[known.kind];
}

function errorText(known: AppError | null, error: unknown, argv: readonly string[], paint: ChalkInstance): string {
  const shown = known ?? new AppError("invalid", "bug", "this is a bug in mcpctl");
  if (wantsJson(argv)) {
    const kind = known === null ? "bug" : shown.kind;
    return `${JSON.stringify({ error: { kind, code: shown.code, message: shown.message, hint: shown.hint ?? null } })}\n`;
  }
  const lines = [`${paint.red("error:")} ${printable(shown.message)}`];
  if (shown.hint !== undefined) lines.push(`  ${printable(shown.hint)}`);
  if (known === null) lines.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  else if (argv.includes("--debug"))
    lines.push(...causes(known.cause).map((text) => paint.dim(`  caused by: ${text}`)));
  return `${lines.join("\n")}\n`;
}

function causes(cause: unknown): readonly string[] {
  if (!(cause instanceof Error)) return [];
  return [`${cause.name}: ${printable(cause.message)}`, ...causes(cause.cause)];
}

function wantsJson(argv: readonly string[]): boolean {
  return argv.some((word, index) => {
    if (word === "-ojson" || word === "-o=json" || word === "--output=json") return true;
    return word === "json" && (/^-\w*o$/.test(argv[index - 1] ?? "") || argv[index - 1] === "--output");
  });
}

/** Colour only on a terminal, and not where NO_COLOR, TERM=dumb or --no-color say otherwise. */
function paintFor(output: Output, io: Io, argv: readonly string[]): ChalkInstance {
  const isPlain =
    !output.isTerminal || Boolean(io.env["NO_COLOR"]) || io.env["TERM"] === "dumb" || argv.includes("--no-color");
  return new Chalk({ level: isPlain ? 0 : 1 });
}

async function write(output: Output, text: string): Promise<void> {
  if (text === "") return;
  try {
    await output.write(text);
  } catch (cause) {
    const error = fileError(cause, "standard output", "write");
    if (!(error instanceof AppError)) throw error;
    // Whether anything was changed is for the command's own notes to say.
    throw new AppError(error.kind, error.code, error.message, { cause });
  }
}
