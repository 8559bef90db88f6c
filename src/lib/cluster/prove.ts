import { setTimeout as delay } from "node:timers/promises";
import { AppError, clause } from "../errors.ts";
import type { FindReplicas, Replica } from "./replicas.ts";
import type { ReplicaQuery, ReplicaState } from "./replica-state.ts";

/** What one gateway said, and since when what was to be proven is so there. */
export interface ReplicaProof {
  readonly name: string;
  readonly isTerminating: boolean;
  /** Null for one that did not answer. */
  readonly state: ReplicaState | null;
  /** Milliseconds from the beginning to the answer that proved it; null while it is not proven. */
  readonly provenAfterMs: number | null;
  /** Why it is not proven, for people; null when it is. */
  readonly problem: string | null;
}

export interface ProofOptions {
  readonly find: FindReplicas;
  readonly query: ReplicaQuery;
  /** What is still wrong in this answer; null when it proves what was to be proven. */
  readonly judge: (state: ReplicaState) => string | null;
  /** Monotonic milliseconds from which times are counted. */
  readonly since: number;
  /** Monotonic milliseconds until which to ask again. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly onProgress: (proven: number, all: number) => void;
}

/** The pauses between rounds: close together at first, for a receipt counts milliseconds. */
const FIRST_PAUSE_MS = 15;
const LAST_PAUSE_MS = 500;
/** Replicas come and go while one waits. */
const FIND_EVERY_MS = 1_000;

/**
 * Asks every replica until all have proven it or time is over; one that is found at the end is asked like the others.
 * @throws AppError when the replicas cannot be found out
 */
export async function proveEverywhere(options: ProofOptions): Promise<readonly ReplicaProof[]> {
  const proofs = new Map<string, ReplicaProof>();
  let replicas = await options.find();
  let foundAt = performance.now();
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LAST_PAUSE_MS, pause * 1.5)) {
    await askRound(replicas, proofs, options);
    const behind = replicas.filter(({ name }) => proofs.get(name)?.problem !== null);
    options.onProgress(replicas.length - behind.length, replicas.length);
    const isOver = performance.now() > options.deadline;
    // Whoever came meanwhile counts as well.
    if (behind.length === 0 || isOver || performance.now() - foundAt > FIND_EVERY_MS) {
      const names = new Set(replicas.map(({ name }) => name));
      replicas = await options.find();
      foundAt = performance.now();
      const isSame = replicas.every(({ name }) => names.has(name));
      if (isOver || (behind.length === 0 && isSame))
        return replicas.map((replica) => proofs.get(replica.name) ?? unasked(replica));
      if (!isSame) continue;
    }
    await delay(pause, undefined, { signal: options.signal }).catch(() => undefined);
    if (options.signal.aborted)
      throw new AppError("interrupted", "interrupted", "interrupted while asking the gateways");
  }
}

/** One that has proven it is not asked again: revocations and locks are one-way. */
async function askRound(
  replicas: readonly Replica[],
  proofs: Map<string, ReplicaProof>,
  options: ProofOptions,
): Promise<void> {
  await Promise.all(
    replicas.map(async (replica) => {
      if (proofs.get(replica.name)?.problem === null) return;
      proofs.set(replica.name, await askOne(replica, options));
    }),
  );
}

async function askOne(replica: Replica, { query, judge, since }: ProofOptions): Promise<ReplicaProof> {
  const { name, isTerminating } = replica;
  try {
    const state = await replica.ask(query);
    const problem = judge(state);
    const provenAfterMs = problem === null ? performance.now() - since : null;
    return { name, isTerminating, state, provenAfterMs, problem };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { name, isTerminating, state: null, provenAfterMs: null, problem: clause(error.message) };
  }
}

function unasked({ name, isTerminating }: Replica): ReplicaProof {
  return { name, isTerminating, state: null, provenAfterMs: null, problem: "was found at the very end and not asked" };
}
