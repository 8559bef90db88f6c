import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import type { Answer, Fault, Guard } from "./fault-proxy.ts";
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
import { seededNumbers } from "./seeded.ts";

export interface ChaosLine {
  /** With `@id` where the id of a key belongs that was printed before. */
  readonly argv: readonly string[];
  /** `@token` for the token of such a key. */
  readonly stdin?: string;
  /** Which of the keys that were printed before; counted round and round. */
  readonly which?: number;
  /** How far this process's clock is ahead. */
  readonly aheadMs?: number;
  /** Killed when its first token is where it was asked for, before it can cross it out. */
  readonly diesDelivered?: boolean;
}

/** A key whose token was printed. */
export interface ChaosKey {
  readonly id: string;
  readonly token: string;
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
  /** Keys that were printed before this process began. */
  readonly known?: readonly ChaosKey[];
}

/** One command line as far as it was seen: `code` is null for one that was killed. */
export interface Seen {
  readonly argv: readonly string[];
  /** The key that it was about, if one was named. */
  readonly about: string | null;
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
  readonly startedAt: number;
  readonly endedAt: number;
}

type Numbers = (below: number) => number;

/** Runs a worker to its end, or until it is killed; gives what was seen of each command line. */
export async function runWorker(task: ChaosTask, onStart: (kill: () => void) => void): Promise<readonly Seen[]> {
  const child = spawn(process.execPath, ["test/support/chaos-worker.ts"], { stdio: ["pipe", "pipe", "inherit"] });
  // Whoever may list processes reads their arguments; the task has tokens.
  child.stdin.on("error", () => undefined).end(JSON.stringify(task));
  onStart(() => void child.kill("SIGKILL"));
  const seen: Writable<Seen>[] = [];
  for await (const text of createInterface({ input: child.stdout })) {
    const line = parse(text);
    const last = seen.at(-1);
    if (line?.start !== undefined)
      seen.push({
        argv: line.start,
        about: line.about ?? null,
        out: "",
        err: "",
        code: null,
        startedAt: line.at ?? 0,
        endedAt: Infinity,
      });
    else if (last !== undefined && line !== null) {
      last.out += line.out ?? "";
      last.err += line.err ?? "";
      if (line.end !== undefined) last.code = line.end;
      if (line.end !== undefined) last.endedAt = line.at ?? Infinity;
    }
  }
  return seen;
}

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };

interface Told {
  readonly start?: string[];
  readonly about?: string;
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
export function storm(seed: number, killers: ReadonlyMap<string, () => void>): Guard {
  /** How many of the next reads of each caller are stale. */
  const stale = new Map<string, number>();
  /** Each caller has a weather of its own, whoever calls in between. */
  const weathers = new Map<string, Numbers>();
  return async (call, forward) => {
    const numbers = weathers.get(call.accessKeyId) ?? seededNumbers(seed * 1000 + weathers.size);
    weathers.set(call.accessKeyId, numbers);
    const left = stale.get(call.accessKeyId) ?? 0;
    if (call.action === "GetParameters" && left > 0) {
      stale.set(call.accessKeyId, left - 1);
      return staleRead()(call, forward);
    }
    const dice = numbers(160);
    const kill = killers.get(call.accessKeyId);
    if (dice < 2 && kill !== undefined) {
      if (dice === 0) await forward();
      kill();
      return "cut";
    }
    if (dice > 22 || call.service === "sts") return null;
    if (dice > 20) return slowly(numbers(200), forward);
    if (call.action === "GetParameters" && numbers(3) === 0) {
      stale.set(call.accessKeyId, numbers(5));
      return staleRead()(call, forward);
    }
    if (call.action === "GetParametersByPath" && numbers(3) === 0)
      return (numbers(2) === 0 ? emptyPage() : forgetful(numbers))(call, forward);
    return (FAULTS[numbers(FAULTS.length)] as Fault)(call, forward);
  };
}

async function slowly(ms: number, forward: () => Promise<Answer>): Promise<Answer> {
  const answer = await forward();
  await setTimeout(ms);
  return answer;
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
