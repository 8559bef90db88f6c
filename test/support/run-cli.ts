import { copyFile, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/cli.ts";
import type { Ports } from "../../src/commands/ports.ts";
import { type MintedKey, mintKey } from "../../src/lib/keys/key.ts";
import type { KeyStore } from "../../src/lib/keys/key-store.ts";
import { openFileStore } from "../../src/lib/stores/file-store.ts";
import { memoryIo, type MemoryIoOptions } from "./memory-io.ts";
import { seededBytes } from "./seeded.ts";

/** The time of every test that does not say another. */
export const NOW = Date.parse("2026-11-20T10:00:00Z");

export interface RunOptions extends Partial<MemoryIoOptions> {
  /** A store to use instead of the context's. */
  readonly store?: KeyStore;
  readonly now?: () => number;
  readonly randomBytes?: Ports["randomBytes"];
  readonly ports?: Partial<Ports>;
}

export interface RunResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A folder with the examples' role file and registry, in which command lines run. */
export interface Project {
  readonly cwd: string;
  /** Runs one command line with a clock that stands still and bytes that repeat. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The embedded store that a run without configuration uses, with the tests' clock. */
  fileStore(now?: () => number): KeyStore;
  remove(): Promise<void>;
}

export async function makeProject(): Promise<Project> {
  const cwd = await realpath(await mkdtemp(join(tmpdir(), "mcpctl-run-")));
  for (const name of ["roles.yaml", "backends.yaml"]) await copyFile(join("examples", name), join(cwd, name));
  return {
    cwd,
    run: (argv, options = {}) => runIn(cwd, argv, options),
    fileStore: (now = () => NOW) =>
      openFileStore({
        path: join(cwd, ".mcpctl/keys.json"),
        denylist: join(cwd, ".mcpctl/denylist.json"),
        label: ".mcpctl/keys.json",
        now,
      }),
    remove: () => rm(cwd, { recursive: true }),
  };
}

/** The keys that runs mint one after another, with the bytes that they use unless told otherwise. */
export function mintedKeys(count: number, randomBytes = seededBytes()): readonly MintedKey[] {
  return Array.from({ length: count }, () => mintKey(randomBytes));
}

async function runIn(cwd: string, argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const { store, now = () => NOW, randomBytes = seededBytes(), ports, ...rest } = options;
  const memory = memoryIo({ cwd, ...rest });
  const stores: Partial<Ports> = store === undefined ? {} : { store: async () => store };
  const code = await run(argv, memory.io, { now, randomBytes, author: "tester", ...stores, ...ports });
  return { code, out: memory.out(), err: memory.err() };
}
