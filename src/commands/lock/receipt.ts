import type { Context } from "../../lib/config/config.ts";
import type { ReplicaProof } from "../../lib/cluster/prove.ts";
import { AppError } from "../../lib/errors.ts";
import type { Lock } from "../../lib/policy/locks.ts";
import type { Table } from "../../lib/output/view.ts";
import { formatTime } from "../../lib/time.ts";
import type { ExternalSecret } from "../../lib/cluster/external-secret.ts";
import type { ClusterAccess } from "../../lib/cluster/enforcement.ts";
import type { Ports } from "../ports.ts";
import { describeTarget } from "./lock-target.ts";
import type { PlacedLock } from "./place-lock.ts";
import { storeLabel } from "./where.ts";

/** What was done to stop somebody, and what it met: kept for the incident's record. */
export interface Receipt {
  readonly type: "lock" | "unlock" | "break_glass";
  /** A line that says `begun` stands before anything is changed; one without its `done` is of a process that died between. */
  readonly phase: "begun" | "done";
  readonly at: string;
  readonly by: string;
  readonly context: string;
  readonly store: string;
  /** UID of the cluster's kube-system namespace; null for a context without one. */
  readonly cluster: string | null;
  readonly target: string;
  readonly reason: string | null;
  readonly lock: {
    readonly id: string;
    readonly accepted_at: string | null;
    readonly until: string | null;
    readonly lifted: boolean;
  } | null;
  readonly revocations: readonly unknown[];
  /** Null where no replica could be asked. */
  readonly replicas: readonly ReplicaReceipt[] | null;
  /** What is not proven, and every path that is down; empty when all is done. */
  readonly problems: readonly string[];
}

export interface ReplicaReceipt {
  readonly name: string;
  /** From the lock's acceptance to the answer that proved the refusal, by the clock of whoever asked: not less than it took. Null for a lock that stood before. */
  readonly refused_after_ms: number | null;
  readonly cut_calls: number | null;
  readonly refused_calls: number | null;
  readonly evidence: string | null;
  readonly problem: string | null;
}

/** What one replica showed of a lock. */
export function replicaReceipt({ name, state, provenAfterMs, problem }: ReplicaProof): ReplicaReceipt {
  const lock = state?.lock ?? null;
  const denylist = state?.sources.find(({ what }) => what === "locks");
  const version = denylist?.resource_version ?? denylist?.sha256?.slice(0, 12) ?? "-";
  return {
    name,
    refused_after_ms: provenAfterMs === null ? null : Math.ceil(provenAfterMs),
    cut_calls: lock?.cut_calls ?? null,
    refused_calls: lock?.refused_calls ?? null,
    evidence: lock?.in_force === true ? `${lock.id} in force since ${lock.since ?? "-"} (denylist ${version})` : null,
    problem,
  };
}

/** The same of a lock that was not placed just now: a time that is counted from the question says nothing of it. */
export function withoutTime(replica: ReplicaReceipt): ReplicaReceipt {
  return { ...replica, refused_after_ms: null };
}

/** Which gateways refuse by the lock, and since when? A lock that stood before has no time of its own. */
export function replicaTable(replicas: readonly ReplicaReceipt[]): Table {
  return {
    columns: ["GATEWAY", "REFUSES AFTER", "CUT", "EVIDENCE"],
    rows: replicas.map(({ name, refused_after_ms: ms, cut_calls: cut, evidence, problem }) => [
      name,
      problem !== null ? "NOT PROVEN" : ms === null ? "already" : `${ms} ms`,
      String(cut ?? "-"),
      problem ?? evidence ?? "-",
    ]),
  };
}

/** Which gateways have ended the lock? */
export function endedTable(replicas: readonly ReplicaReceipt[]): Table {
  return {
    columns: ["GATEWAY", "LOCK", "DETAIL"],
    rows: replicas.map(({ name, problem }) => [name, problem === null ? "ended" : "NOT PROVEN", problem ?? "-"]),
  };
}

export function lockOf({ lock, acceptedAt, isOld }: PlacedLock, isLifted = false): Receipt["lock"] {
  return {
    id: lock.id,
    accepted_at: isOld ? null : new Date(acceptedAt).toISOString(),
    until: lock.until === null ? null : formatTime(lock.until),
    lifted: isLifted,
  };
}

/** `k_... (lock_..., by alice since ...)`, for people. */
export function describeLock({ id, by, at, until, reason, revokes, ...target }: Lock): string {
  const end = until === null ? "" : ` until ${formatTime(until)}`;
  return `${id} on ${describeTarget(target)} by ${by} at ${at}${end}${revokes ? ", break-glass" : ""}: ${reason}`;
}

/** What a receipt says before anything is known. */
export function begun(
  { context, ports }: { readonly context: Context; readonly ports: Pick<Ports, "author" | "now"> },
  about: Pick<Receipt, "type" | "target" | "reason">,
): Receipt {
  return {
    ...about,
    phase: "begun",
    at: formatTime(ports.now()),
    by: ports.author,
    context: context.name,
    store: storeLabel(context),
    cluster: context.kubernetes?.cluster ?? null,
    lock: null,
    revocations: [],
    replicas: null,
    problems: [],
  };
}

/** Notes that a change is about to be made; a log that cannot be written keeps nobody from stopping a thief. */
export async function keepBeginning(receipt: Receipt, ports: Pick<Ports, "recordReceipt" | "tell">): Promise<void> {
  try {
    await ports.recordReceipt(receipt);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    ports.tell(`The admin log could NOT be written: ${error.message}.`);
  }
}

/**
 * Keeps the receipt: in this user's admin log, and as an Event on the ExternalSecrets. Neither may keep anybody from
 * being told; what failed is said.
 */
export async function keepReceipt(
  receipt: Receipt,
  cluster: ClusterAccess | null,
  ports: Pick<Ports, "recordReceipt" | "now">,
): Promise<readonly string[]> {
  const notes: string[] = [];
  try {
    notes.push(`The receipt is in ${await ports.recordReceipt(receipt)}.`);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    notes.push(`The receipt could NOT be kept in the admin log: ${error.message}.`);
  }
  for (const { externalSecret } of cluster?.pairs ?? []) {
    const problem = await writeEvent(receipt, externalSecret, cluster as ClusterAccess, ports.now());
    if (problem !== null) notes.push(`No Event was written on ExternalSecret ${externalSecret}: ${problem}`);
  }
  return notes;
}

function stateOf({ problems, replicas }: Receipt): string {
  if (problems.length > 0) return `NOT proven: ${problems.join(" ")}`;
  return replicas === null ? "no gateway was asked" : "proven everywhere";
}

const EVENT_REASONS = { lock: "LockAdded", unlock: "LockRemoved", break_glass: "BreakGlass" } as const;
/** https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/#event-v1-core: an Event's message has 1 kB. */
const MAX_MESSAGE = 1000;

async function writeEvent(
  receipt: Receipt,
  name: string,
  { api, config }: ClusterAccess,
  now: number,
): Promise<string | null> {
  const { namespace } = config;
  try {
    const { metadata } = await api.send<ExternalSecret>({ verb: "get", resource: "externalsecrets", namespace, name });
    const { type, target, by, reason, lock } = receipt;
    const time = formatTime(now);
    await api.send({
      verb: "create",
      resource: "events",
      namespace,
      name: null,
      body: {
        apiVersion: "v1",
        kind: "Event",
        metadata: { generateName: `${name}.mcpctl-`, namespace },
        involvedObject: {
          apiVersion: "external-secrets.io/v1",
          kind: "ExternalSecret",
          namespace,
          name,
          uid: metadata?.uid,
        },
        type: "Warning",
        reason: EVENT_REASONS[type],
        message:
          `${target} by ${by}${lock === null ? "" : ` (${lock.id})`}: ${reason ?? "no reason given"}; ${stateOf(receipt)}`.slice(
            0,
            MAX_MESSAGE,
          ),
        source: { component: "mcpctl" },
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
      },
    });
    return null;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.message;
  }
}
