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
/** Whoever takes longer to answer keeps nobody from asking the others again. */
const ROUND_MS = 100;
/** Replicas come and go while one waits. */
const FIND_EVERY_MS = 1_000;

/**
 * Asks every replica until all have proven it or time is over; one that is found at the end is asked like the others.
 * @throws AppError when the replicas cannot be found out at all, interrupted
 */
export async function proveEverywhere(options: ProofOptions): Promise<readonly ReplicaProof[]> {
  const asking: Asking = { proofs: new Map(), underWay: new Map() };
  const { proofs } = asking;
  let replicas = await options.find();
  let foundAt = performance.now();
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LAST_PAUSE_MS, pause * 1.5)) {
    await askRound(replicas, asking, options);
    const behind = replicas.filter(({ name }) => proofs.get(name)?.problem !== null);
    options.onProgress(replicas.length - behind.length, replicas.length);
    const isOver = performance.now() > options.deadline;
    // Whoever came meanwhile counts as well.
    if (behind.length === 0 || isOver || performance.now() - foundAt > FIND_EVERY_MS) {
      const names = new Set(replicas.map(({ name }) => name));
      const found = await findAgain(options);
      foundAt = performance.now();
      if (found instanceof AppError) {
        if (isOver) return replicas.map((replica) => doubted(proofOf(replica, asking), found));
      } else {
        replicas = found;
        const isSame = replicas.every(({ name }) => names.has(name));
        if (isOver || (behind.length === 0 && isSame)) return replicas.map((replica) => proofOf(replica, asking));
        if (!isSame) continue;
      }
    }
    await waitFor(null, Math.min(pause, options.deadline - performance.now()), options);
  }
}

interface Asking {
  /** The latest answer of each replica, by its name. */
  readonly proofs: Map<string, ReplicaProof>;
  readonly underWay: Map<string, Promise<void>>;
}

/** One that has proven it is not asked again: revocations and locks are one-way. */
async function askRound(
  replicas: readonly Replica[],
  { proofs, underWay }: Asking,
  options: ProofOptions,
): Promise<void> {
  for (const replica of replicas) {
    const { name } = replica;
    if (underWay.has(name) || proofs.get(name)?.problem === null) continue;
    const asked = askOne(replica, options)
      .then((proof) => void proofs.set(name, proof))
      .finally(() => underWay.delete(name));
    // It may fail when nobody waits for it any more, which must not end the process.
    asked.catch(() => undefined);
    underWay.set(name, asked);
  }
  await waitFor(Promise.all(underWay.values()), ROUND_MS, options);
}

/** The replicas as they are now, or why that is not known. */
async function findAgain(options: ProofOptions): Promise<readonly Replica[] | AppError> {
  const finding = options.find().catch((error: unknown) => {
    if (error instanceof AppError && error.kind !== "interrupted") return error;
    throw error;
  });
  finding.catch(() => undefined);
  const atMostMs = Math.max(ROUND_MS, options.deadline - performance.now());
  return (
    (await waitFor(finding, atMostMs, options)) ?? new AppError("unavailable", "replicas_unlisted", "no answer in time")
  );
}

/** What the work comes to, or null after so many milliseconds. @throws AppError interrupted at once */
async function waitFor<T>(work: Promise<T> | null, ms: number, { signal }: ProofOptions): Promise<T | null> {
  const stop = new AbortController();
  const pause = delay(Math.max(0, ms), null, { signal: AbortSignal.any([signal, stop.signal]) }).catch(() => null);
  try {
    const result = await (work === null ? pause : Promise.race([work, pause]));
    if (signal.aborted) throw new AppError("interrupted", "interrupted", "interrupted while asking the gateways");
    return result;
  } finally {
    stop.abort();
  }
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

function proofOf({ name, isTerminating }: Replica, { proofs, underWay }: Asking): ReplicaProof {
  const problem = underWay.has(name) ? "has not answered in time" : "was found at the very end and not asked";
  return proofs.get(name) ?? { name, isTerminating, state: null, provenAfterMs: null, problem };
}

/** What is proven of those that were known proves nothing of those that came. */
function doubted(proof: ReplicaProof, { message }: AppError): ReplicaProof {
  return proof.problem === null
    ? { ...proof, problem: `has it; whether other gateways came is not known (${clause(message)})` }
    : proof;
}
