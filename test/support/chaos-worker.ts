import { writeSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { run } from "../../src/cli.ts";
import type { Ports, TokenSink } from "../../src/commands/ports.ts";
import { fileSink, folderSink } from "../../src/file-sinks.ts";
import type { Io } from "../../src/io.ts";
import { openSsmStore } from "../../src/lib/stores/ssm-store.ts";
import { stdoutSink } from "../../src/stdout-sink.ts";
import type { ChaosKey, ChaosLine, ChaosTask } from "./chaos.ts";

/**
 * A process of its own: carries out command lines one after another as a person would, and tells each before it begins,
 * what it printed, and how it ended. What it has written was received, whatever becomes of it then.
 */
const tell = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);
const task = JSON.parse(await text(process.stdin)) as ChaosTask;
const known: ChaosKey[] = [...(task.known ?? [])];

const store = openSsmStore(
  { path: task.path, region: "eu-central-1", account: task.account },
  {
    env: {},
    client: {
      endpoint: task.endpoint,
      credentials: { accessKeyId: task.name, secretAccessKey: "test-only" },
      maxAttempts: 2,
    },
    pause: async () => undefined,
  },
);

for (const line of task.lines) await carryOut(line);

async function carryOut({ argv, stdin, which = 0, aheadMs = 0, diesDelivered = false }: ChaosLine): Promise<void> {
  const key = known[which % Math.max(1, known.length)] ?? { id: "k_000000000000", token: "none" };
  const isNamed = argv.includes("@id") || stdin === "@token";
  const named = argv.map((word) => (word === "@id" ? key.id : word));
  tell({ start: named, ...(isNamed && { about: key.id }), at: Date.now() });
  const io: Io = {
    stdout: output((text) => {
      tell({ out: text });
      remember(text);
    }),
    stderr: output((text) => tell({ err: text })),
    ask: null,
    askHidden: null,
    stdin: async function* () {
      yield Buffer.from(stdin === "@token" ? key.token : (stdin ?? ""));
    },
    columns: 80,
    env: { XDG_STATE_HOME: task.state, XDG_CONFIG_HOME: task.state },
    cwd: task.cwd,
    home: task.cwd,
    signal: new AbortController().signal,
  };
  const now = (): number => Date.now() + aheadMs;
  const code = await run(named, io, { store: async () => store, now, ...(diesDelivered && deadlySinks(io)) });
  tell({ end: code, at: Date.now() });
}

function output(write: (text: string) => void) {
  return { isTerminal: false, isDiscarded: false, write: async (text: string) => write(text) };
}

function remember(text: string): void {
  for (const line of text.split("\n")) if (line.includes('"token"')) known.push(JSON.parse(line) as ChaosKey);
}

/** The real sinks, but the process dies when a token is where it was asked for, before it can be crossed out. */
function deadlySinks(io: Io): Pick<Ports, "sink" | "folderSink"> {
  const deadly = (sink: TokenSink): TokenSink => ({
    ...sink,
    deliver: async (text) => {
      await sink.deliver(text);
      process.kill(process.pid, "SIGKILL");
    },
  });
  return {
    sink: async (out) => deadly(out === null ? stdoutSink(io) : await fileSink(join(task.cwd, out), out)),
    folderSink: async (out) => {
      const folder = await folderSink(join(task.cwd, out), out);
      return { ...folder, of: async (...user) => deadly(await folder.of(...user)) };
    },
  };
}
