import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A pipe that has a name (mkfifo), read only when the test says so; it holds what its writer's system lets it hold. */
export interface SlowPipe {
  readonly path: string;
  /** What is in it, at most so many bytes; empty when there is nothing. */
  read(most: number): string;
  /** Writes newlines until nothing more fits. */
  fill(): void;
  close(): Promise<void>;
}

export async function openPipe(): Promise<SlowPipe> {
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-pipe-"));
  const path = join(folder, "audit");
  execFileSync("mkfifo", [path]);
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const close = async (): Promise<void> => {
    closeSync(descriptor);
    await rm(folder, { recursive: true });
  };
  const read = (most: number): string => {
    const bytes = Buffer.alloc(most);
    return bytes.toString("latin1", 0, unlessBusy(() => readSync(descriptor, bytes)) ?? 0);
  };
  const fill = (): void => {
    const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    const block = Buffer.alloc(4_096, "\n");
    while (unlessBusy(() => writeSync(writer, block)) !== null);
    closeSync(writer);
  };
  return { path, read, fill, close };
}

/** Null where the pipe is empty or full. */
function unlessBusy(step: () => number): number | null {
  try {
    return step();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return null;
    throw error;
  }
}
