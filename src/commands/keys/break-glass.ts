import { setTimeout as delay } from "node:timers/promises";
import { currentContext, type Context } from "../../lib/config/config.ts";
import { AppError, clause } from "../../lib/errors.ts";
import { keyId } from "../../lib/keys/key.ts";
import { isRevocable } from "../../lib/keys/keyring.ts";
import type { KeyStore } from "../../lib/keys/key-store.ts";
import { revokeKeys, type Revocation } from "../../lib/keys/revoke-keys.ts";
import { isSelected, requireKeyId } from "../../lib/keys/select-keys.ts";
import { formatTime } from "../../lib/time.ts";
import type { Enforcement } from "../../lib/cluster/enforcement.ts";
import { openEnforcement } from "../cluster/open-enforcement.ts";
import { revocationChange } from "../../lib/cluster/revocation-change.ts";
import { runSync } from "../../lib/cluster/sync-run.ts";
import { readDuration } from "../duration.ts";
import { proveOrTell, unprovenExit } from "../lock/prove-or-tell.ts";
import { mayGoAt, provenByGateways, selectorOf, unfinished } from "../lock/finish.ts";
import { describeTarget, readTarget, type Target } from "../lock/lock-target.ts";
import { liftLocks, placeLock, reasonText, type PlacedLock } from "../lock/place-lock.ts";
import { begun, keepBeginning, keepReceipt, lockOf, replicaTable, type Receipt } from "../lock/receipt.ts";
import { requireDenylist } from "../lock/require-denylist.ts";
import { storeLabel, where } from "../lock/where.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { entryNote } from "./entry-note.ts";
import { loadKeyring } from "./load-keyring.ts";
import { revocationData, type RevokeOptions } from "./revocation.ts";
import { clockNote, storeTime } from "./store-time.ts";

/** How long the cluster is tried for, and how long the store waits for it, milliseconds. */
const CLUSTER_PATIENCE_MS = 30_000;
const HEAD_START_MS = 3_000;
const LEAST_PROOF_MS = 5_000;
/** Keys that are made while one revokes are revoked as well; whoever makes them for ever has other means. */
const MOST_ROUNDS = 3;
/** At 3 a.m. nobody is kept from acting for want of words. */
const DEFAULT_REASON = "keys revoke --break-glass";
/** More names than anybody reads. */
const MOST_TOLD = 20;

/**
 * Lock, revoke, prove. Each path goes on whatever became of the others: with the store away the key is locked, with the
 * cluster away it is revoked in the store; every path that is down is named, and it ends with 6. Repeating the command
 * takes the lock away once it may go.
 */
export async function breakGlass(options: RevokeOptions, hash: string | null, ports: Ports): Promise<Result> {
  const target = targetOf(options, hash);
  const timeoutMs = readDuration("--timeout", options.timeout, 1) * 1000;
  const context = currentContext(await ports.config());
  if (options.yes !== true)
    await ports.confirm([where(context)], `Lock ${describeTarget(target)} at once, and revoke for good?`);
  const attempt: Attempt = {
    context,
    options,
    target,
    timeoutMs,
    ports,
    begunAt: performance.now(),
    problems: [],
    notes: [],
    revoked: [],
  };
  await keepBeginning(receiptOf(attempt), ports);
  const enforcement = await openCluster(attempt);
  try {
    const locking = lockAndProve(attempt, enforcement);
    // The lock comes first; one that is long in coming must not keep the revocation waiting.
    await Promise.race([locking.placed, delay(HEAD_START_MS, undefined, { ref: false })]);
    const [placed, replicas, revocations] = await Promise.all([locking.placed, locking.replicas, revokeAll(attempt)]);
    if (enforcement !== null && options.wait) await proveRevoked(attempt, enforcement, revocations);
    const isLifted = placed !== null && enforcement !== null && (await lift(attempt, enforcement, placed, revocations));
    return await answer(attempt, enforcement, { placed, revocations, replicas, isLifted });
  } catch (error) {
    if (attempt.revoked.length > 0)
      ports.tell(`Revoked in the store: ${attempt.revoked.slice(0, MOST_TOLD).join(", ")}.`);
    for (const line of [...attempt.notes, ...attempt.problems]) ports.tell(line);
    throw error;
  } finally {
    enforcement?.close();
  }
}

interface Attempt {
  readonly context: Context;
  readonly options: RevokeOptions;
  readonly target: Target;
  readonly timeoutMs: number;
  /** Monotonic milliseconds. */
  readonly begunAt: number;
  readonly ports: Ports;
  /** What is not proven, and every path that is down. */
  readonly problems: string[];
  readonly notes: string[];
  /** The ids of the keys that were revoked, for whoever gives up waiting. */
  readonly revoked: string[];
}

/** A lock is for one thing, and goes when all that it is for is revoked. */
function targetOf({ id, user, role, dryRun }: RevokeOptions, hash: string | null): Target {
  if (user !== undefined && role !== undefined)
    throw new AppError("usage", "lock_target", "--break-glass takes --user or --role, not both", {
      hint: "A lock is for one of them. Name the user, or revoke without --break-glass.",
    });
  if (dryRun === true)
    throw new AppError("usage", "dry_run_break_glass", "--break-glass has no dry run", {
      hint: "Leave --break-glass out to see what would be revoked.",
    });
  const key = hash === null ? id : keyId(hash);
  if (hash === null && id !== null) requireKeyId(id);
  if (key !== null) return readTarget({ key, ...(hash === null && user !== undefined ? { user } : {}) });
  if (user !== undefined) return readTarget({ user });
  if (role !== undefined) return readTarget({ role });
  throw new AppError("usage", "key_not_named", "no key was named", {
    hint: "Give a key id, --token -, --user or --role.",
  });
}

async function openCluster({ context, ports, problems }: Attempt): Promise<Enforcement | null> {
  return orProblem(problems, "NOT locked", async () => openEnforcement(context, ports, CLUSTER_PATIENCE_MS));
}

async function lock(
  { context, options, target, ports, problems }: Attempt,
  enforcement: Enforcement,
): Promise<PlacedLock | null> {
  return orProblem(problems, "NOT locked", async () => {
    const denylist = requireDenylist(context, enforcement);
    await enforcement.verify();
    const wanted = {
      target,
      reason: options.reason ?? DEFAULT_REASON,
      until: null,
      tell: false,
      revokes: true,
    };
    const placed = await placeLock(denylist, wanted, ports);
    // Told at once: whoever gives up waiting must know that it stands.
    ports.tell(`${placed.isOld ? "Locked already" : "Locked"}: ${describeTarget(target)} by ${placed.lock.id}.`);
    return placed;
  });
}

interface Locking {
  readonly placed: Promise<PlacedLock | null>;
  readonly replicas: Promise<Receipt["replicas"]>;
}

function lockAndProve(attempt: Attempt, enforcement: Enforcement | null): Locking {
  const placed = enforcement === null ? Promise.resolve(null) : lock(attempt, enforcement);
  const replicas = placed.then((lock) => proveLocked(attempt, enforcement, lock));
  // It may fail before anybody waits for it, which must not end the process.
  replicas.catch(() => undefined);
  return { placed, replicas };
}

/** Told at once: the store may take its time. */
async function proveLocked(
  { options, timeoutMs, ports, problems }: Attempt,
  enforcement: Enforcement | null,
  placed: PlacedLock | null,
): Promise<Receipt["replicas"]> {
  if (enforcement === null || placed === null || !options.wait) return null;
  const proof = await orProblem(problems, "Lock not proven", () =>
    proveOrTell(enforcement.findReplicas, placed, timeoutMs, ports),
  );
  if (proof === null) return null;
  const { replicas, problems: unproven } = proof;
  problems.push(...unproven.map((problem) => `Lock not proven: ${problem}`));
  if (unproven.length === 0 && replicas !== null && !placed.isOld) {
    const slowest = Math.max(...replicas.map(({ refused_after_ms: ms }) => ms ?? 0));
    const cut = replicas.reduce((sum, { cut_calls: calls }) => sum + (calls ?? 0), 0);
    const who =
      replicas.length === 1 ? "The one gateway refuses it" : `All ${replicas.length} gateways refuse it, the last`;
    ports.tell(`${who} after ${slowest} ms; ${cut} streams and calls were cut.`);
  }
  return replicas;
}

async function revokeAll(attempt: Attempt): Promise<readonly Revocation[]> {
  const { context, options, target, ports, problems, notes } = attempt;
  const done = new Map<string, Revocation>();
  await orProblem(problems, `NOT revoked in ${storeLabel(context)}`, async () => {
    const store = await ports.store();
    await store.verify();
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const keys = await selected(attempt, store);
      const left = keys.filter((key) => !done.has(key.hash) || isRevocable(key));
      if (left.length === 0) break;
      const at = storeTime(ports, store);
      const note = entryNote(ports, at, "revoke", options.reason);
      const onProgress = (count: number): void => ports.progress(`Revoked ${count} of ${left.length} keys`);
      for (const revocation of await revokeKeys(store, left, { at, note, onProgress })) {
        done.set(revocation.key.hash, revocation);
        if (revocation.status === "revoked") attempt.revoked.push(revocation.key.keyId);
      }
    }
    if (done.size === 0) {
      const what = target.target === "key" ? target.value : `key of ${describeTarget(target)}`;
      problems.push(`Nothing was revoked: ${storeLabel(context)} has no ${what}.`);
    }
    notes.push(...clockNote(store));
  });
  ports.progress(null);
  for (const { key, status, error } of done.values()) {
    if (status === "failed")
      problems.push(`FAILED: ${key.keyId} is NOT revoked: ${clause(error?.message ?? "unknown")}.`);
    if (status === "unproven") problems.push(`The store took the revocation of ${key.keyId} and does not show it.`);
  }
  return [...done.values()];
}

async function selected({ target, options, ports }: Attempt, store: KeyStore) {
  const keyring = await loadKeyring(store, ports, options.role);
  const selector = selectorOf(target);
  return [...keyring.keys.values()].filter((key) => isSelected(key, selector));
}

async function proveRevoked(
  attempt: Attempt,
  enforcement: Enforcement,
  revocations: readonly Revocation[],
): Promise<void> {
  const { context, target, ports, problems } = attempt;
  const selector = selectorOf(target);
  // What the lock's proof has used up is not waited for a second time.
  const timeoutMs = Math.max(LEAST_PROOF_MS, attempt.timeoutMs - (performance.now() - attempt.begunAt));
  const hashes = revocations.filter(({ status }) => status !== "failed").map(({ key }) => key.hash);
  await orProblem(problems, "Revocation not proven", async () => {
    const change = revocationChange(hashes, selector);
    const unproven =
      enforcement.cluster === null
        ? await provenByGateways(selector, { enforcement, timeoutMs, ports })
        : (await runSync({ context, enforcement, change, timeoutMs, ports })).problems;
    problems.push(...unproven.map((problem) => `Revocation not proven: ${problem}`));
  });
}

/** Takes away a lock that stood before and has served its time; true when it is gone. */
async function lift(
  { context, options, timeoutMs, ports, problems, notes }: Attempt,
  enforcement: Enforcement,
  { lock, isOld }: PlacedLock,
  revocations: readonly Revocation[],
): Promise<boolean> {
  if (problems.length > 0 || !isOld || !options.wait) {
    const goesAt = mayGoAt(
      lock,
      revocations.map(({ at }) => ({ revokedAt: at })),
    );
    notes.push(
      `The lock stays: repeat the command after ${formatTime(goesAt)}, or run \`mcpctl lock remove ${lock.id}\`, to end it once it is proven.`,
    );
    return false;
  }
  const isLifted = await orProblem(problems, "The lock stays", async () => {
    const left = await unfinished(lock, { context, enforcement, store: await ports.store(), timeoutMs, ports });
    notes.push(...left.map((problem) => `The lock stays: ${problem}`));
    if (left.length > 0) return false;
    await liftLocks(requireDenylist(context, enforcement), [lock.id], ports);
    notes.push(`The lock ${lock.id} is ended: the revocation is proven everywhere.`);
    return true;
  });
  return isLifted === true;
}

interface Outcome {
  readonly placed: PlacedLock | null;
  readonly revocations: readonly Revocation[];
  readonly replicas: Receipt["replicas"];
  readonly isLifted: boolean;
}

function receiptOf({ context, options, target, ports }: Attempt): Receipt {
  const reason = reasonText(options.reason ?? DEFAULT_REASON);
  return begun({ context, ports }, { type: "break_glass", target: describeTarget(target), reason });
}

async function answer(
  attempt: Attempt,
  enforcement: Enforcement | null,
  { placed, revocations, replicas, isLifted }: Outcome,
): Promise<Result> {
  const { context, ports, problems, notes } = attempt;
  const receipt: Receipt = {
    ...receiptOf(attempt),
    phase: "done",
    lock: placed === null ? null : lockOf(placed, isLifted),
    revocations: revocationData(revocations),
    replicas,
    problems,
  };
  const count = revocations.filter(({ status }) => status === "revoked" || status === "already_revoked").length;
  return {
    view: {
      data: receipt,
      table: replicaTable(replicas ?? []),
      names: revocations.map(({ key }) => key.keyId),
    },
    notes: [
      `Revoked in the store: ${count} of ${revocations.length} keys.`,
      ...notes,
      ...problems,
      where(context),
      ...(await keepReceipt(receipt, enforcement?.cluster ?? null, ports)),
      ...(problems.length === 0 ? [] : [nextStep(placed, revocations)]),
    ],
    ...(problems.length === 0 ? {} : { exit: unprovenExit(ports) }),
  };
}

/** Repeating finds no key where there is none. */
function nextStep(placed: PlacedLock | null, revocations: readonly Revocation[]): string {
  return placed !== null && revocations.length === 0
    ? `If the name was wrong, end the lock: mcpctl lock remove ${placed.lock.id} --unproven.`
    : "Repeat the command until it ends with 0.";
}

/** What fails on one path is told, and keeps nobody from going the others. Ctrl-C ends all of them, each for itself. */
async function orProblem<T>(problems: string[], what: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) problems.push(`${what}: ${clause(error.message)}. ${error.hint ?? ""}`.trimEnd());
    // A bug on one path must not keep anybody from going the others either.
    else problems.push(`${what}: a bug in mcpctl: ${error instanceof Error ? error.message : String(error)}.`);
    return null;
  }
}
