import { writeSync } from "node:fs";
import process from "node:process";
import { run } from "../../src/cli.ts";
import { openSsmStore } from "../../src/lib/stores/ssm-store.ts";
import type { ChaosTask } from "./chaos.ts";

/**
 * A process of its own: carries out command lines one after another as a person would, and tells each before it begins,
 * what it printed, and how it ended. What it has written was received, whatever becomes of it then.
 */
const tell = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);
const task = JSON.parse(process.argv[2] ?? "{}") as ChaosTask;

const output = (name: "out" | "err") => ({
  isTerminal: false,
  isDiscarded: false,
  write: async (text: string) => tell({ [name]: text }),
});

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

for (const { argv, stdin } of task.lines) {
  tell({ start: argv, at: Date.now() });
  const code = await run(
    argv,
    {
      stdout: output("out"),
      stderr: output("err"),
      ask: null,
      askHidden: null,
      stdin: async function* () {
        yield Buffer.from(stdin ?? "");
      },
      env: { XDG_STATE_HOME: task.state, XDG_CONFIG_HOME: task.state },
      cwd: task.cwd,
      home: task.cwd,
      signal: new AbortController().signal,
    },
    { store: async () => store },
  );
  tell({ end: code, at: Date.now() });
}
