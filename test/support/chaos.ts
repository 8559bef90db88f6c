import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Guard } from "./fault-proxy.ts";
import {
  cutAfterWrite,
  cutConnection,
  emptyPage,
  failAfterWrite,
  failBeforeWrite,
  olderList,
  staleRead,
  throttle,
} from "./faults.ts";

export interface ChaosLine {
  readonly argv: readonly string[];
  readonly stdin?: string;
}

export interface ChaosTask {
  /** The access key id that its calls are signed with. */
  readonly name: string;
  readonly path: string;
  readonly account: string;
  readonly endpoint: string;
  readonly cwd: string;
  /** Where it keeps what it must not forget. */
  readonly state: string;
  readonly lines: readonly ChaosLine[];
}

/** One command line as far as it was seen: `code` is null for one that was killed. */
export interface Seen {
  readonly argv: readonly string[];
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
  readonly startedAt: number;
  readonly endedAt: number;
}

type Numbers = (below: number) => number;

/** Runs a worker to its end, or until it is killed; gives what was seen of each command line. */
export async function runWorker(task: ChaosTask, onStart: (kill: () => void) => void): Promise<readonly Seen[]> {
  const child = spawn(process.execPath, ["test/support/chaos-worker.ts", JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onStart(() => void child.kill("SIGKILL"));
  const seen: { argv: string[]; out: string; err: string; code: number | null; startedAt: number; endedAt: number }[] =
    [];
  for await (const text of createInterface({ input: child.stdout })) {
    const line = parse(text);
    const last = seen.at(-1);
    if (line?.start !== undefined)
      seen.push({ argv: line.start, out: "", err: "", code: null, startedAt: line.at ?? 0, endedAt: Infinity });
    else if (last !== undefined && line !== null) {
      last.out += line.out ?? "";
      last.err += line.err ?? "";
      if (line.end !== undefined) Object.assign(last, { code: line.end, endedAt: line.at });
    }
  }
  return seen;
}

interface Told {
  readonly start?: string[];
  readonly at?: number;
  readonly out?: string;
  readonly err?: string;
  readonly end?: number;
}

/** Null for what a kill cut short. */
function parse(text: string): Told | null {
  try {
    return JSON.parse(text) as Told;
  } catch {
    return null;
  }
}

/**
 * One call in eight meets a fault, and one in eighty kills whoever made it, before or after it was carried out.
 * `killers` are asked by the access key of the call.
 */
export function storm(numbers: Numbers, killers: ReadonlyMap<string, () => void>): Guard {
  return async (call, forward) => {
    const dice = numbers(160);
    const kill = killers.get(call.accessKeyId);
    if (dice < 2 && kill !== undefined) {
      if (dice === 0) await forward();
      kill();
      return "cut";
    }
    if (dice > 20 || call.service === "sts") return null;
    const fault = FAULTS[numbers(FAULTS.length)];
    const isRead = call.action.startsWith("Get");
    if (numbers(3) === 0 && call.action === "GetParameters") return staleRead()(call, forward);
    if (numbers(3) === 0 && call.action === "GetParametersByPath") return emptyPage()(call, forward);
    if (numbers(3) === 0 && isRead && call.action === "GetParametersByPath") return forgetful(numbers)(call, forward);
    return fault === undefined ? null : fault(call, forward);
  };
}

const FAULTS = [throttle(), failBeforeWrite(), failAfterWrite(), cutConnection(), cutAfterWrite()];

/** A page that does not show what was written a moment ago: here, any one of its parameters. */
function forgetful(numbers: Numbers): Guard {
  return async (call, forward) => {
    const page = JSON.parse((await forward()).body) as { Parameters: { Name: string }[] };
    const unseen = page.Parameters[numbers(page.Parameters.length)]?.Name ?? "";
    return olderList(new Set([unseen]))(call, forward);
  };
}
