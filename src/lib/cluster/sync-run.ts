import type { Context } from "../config/config.ts";
import type { ExternalSecret, SecretStore } from "./external-secret.ts";
import { forceSync } from "./force-sync.ts";
import type { Objection } from "./preflight.ts";
import { objectionsTo, storeObjections } from "./preflight.ts";
import { proveEverywhere, type ReplicaProof } from "./prove.ts";
import { readKeySecret, type KeySecret } from "./secret-contents.ts";
import type { ReplicaQuery, ReplicaState } from "./replica-state.ts";
import { AppError, clause } from "../errors.ts";
import type { StoredEntry } from "../keys/key-store.ts";
import { setTimeout as delay } from "node:timers/promises";
import { requireSsm, type ClusterAccess, type Enforcement, type SecretPair } from "./enforcement.ts";

/** What is to be proven: that the Secrets carry it, and every replica enforces it. */
export interface Change {
  /** What the Secrets, taken together, still lack or have too much; null when nothing. */
  readonly lacking: (entries: readonly StoredEntry[]) => Promise<string | null>;
  /** Asked of every replica beside what it has read. */
  readonly query?: ReplicaQuery;
  readonly judge?: (state: ReplicaState) => string | null;
}

export interface SyncedSecret extends SecretPair {
  /** The Secret as it stands after the sync; null when it could not be read. */
  readonly contents: KeySecret | null;
  readonly problem: string | null;
  readonly hint: string | null;
}

export interface SyncReport {
  /** Why nothing was forced; empty when all was. */
  readonly objections: readonly (SecretPair & Objection)[];
  readonly secrets: readonly SyncedSecret[];
  /** What the Secrets together still lack; null when nothing. */
  readonly lacking: string | null;
  /** Null where the context does not say where its gateways are, or they could not be found. */
  readonly replicas: readonly ReplicaProof[] | null;
  /** Everything that is not proven, and why, for people; empty when all is. */
  readonly problems: readonly string[];
  /** Worth telling, and no failure. */
  readonly notes: readonly string[];
}

export interface SyncPorts {
  readonly signal: AbortSignal;
  /** One line for people that the next one replaces; null takes it away. */
  readonly progress: (line: string | null) => void;
}

export interface SyncOptions {
  readonly context: Context;
  readonly enforcement: Enforcement;
  readonly change: Change;
  /** Milliseconds that all of it may take. */
  readonly timeoutMs: number;
  readonly ports: SyncPorts;
}

type Working = SyncOptions & {
  readonly cluster: ClusterAccess;
  readonly deadline: number;
  readonly note: (line: string) => void;
};

/** Pauses between attempts where the operator failed or read an older state. */
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 8_000;
const LEAST_PROOF_MS = 3_000;

/** Forces every ExternalSecret and proves the change in the Secrets and on every replica. Throws for what stops it at once. */
export async function runSync(options: SyncOptions): Promise<SyncReport> {
  const { enforcement, ports } = options;
  const { cluster } = enforcement;
  if (cluster === null) throw new Error("runSync needs a cluster");
  const notes = new Set<string>();
  const started = performance.now();
  const working: Working = {
    ...options,
    cluster,
    deadline: started + options.timeoutMs,
    note: (line) => notes.add(line),
  };
  await enforcement.verify();
  try {
    const objections = await preflight(working);
    if (objections.length > 0) return refused(objections, [...notes]);
    const { secrets, lacking } = await syncUntilCarried(working);
    const problems = [
      ...secrets.flatMap(({ externalSecret, problem, hint }) =>
        problem === null ? [] : [`ExternalSecret ${externalSecret}: ${clause(problem)}. ${hint ?? ""}`.trimEnd()],
      ),
      ...(lacking === null ? [] : [lacking]),
    ];
    const { replicas, problem } = await proveReplicas(working, secrets);
    const behind = replicas?.filter((proof) => proof.problem !== null) ?? [];
    return {
      objections,
      secrets,
      lacking,
      replicas,
      problems: [
        ...problems,
        ...(problem === null ? [] : [problem]),
        ...behind.map(({ name, problem: why }) => `Behind: ${name}: ${why ?? ""}.`),
      ],
      notes: [...notes],
    };
  } finally {
    ports.progress(null);
  }
}

function refused(objections: SyncReport["objections"], notes: readonly string[]): SyncReport {
  const problems = objections.map(
    ({ externalSecret, problem, mend }) => `ExternalSecret ${externalSecret}: ${problem}. ${mend}`,
  );
  return { objections, secrets: [], lacking: null, replicas: null, problems, notes };
}

async function preflight({ context, cluster, note }: Working): Promise<SyncReport["objections"]> {
  const { path, region } = requireSsm(context);
  const { namespace } = cluster.config;
  if (cluster.pairs.length === 0)
    throw new AppError("invalid", "external_secret_not_named", `context ${context.name} names no ExternalSecret`, {
      hint: "Set kubernetes.externalSecret and kubernetes.secret in mcpctl.yaml.",
    });
  const all: (SecretPair & Objection)[] = [];
  for (const pair of cluster.pairs) {
    const found = await cluster.api.send<ExternalSecret>({
      verb: "get",
      resource: "externalsecrets",
      namespace,
      name: pair.externalSecret,
    });
    const expected = { path, region, secret: pair.secret };
    const ref = found.spec?.secretStoreRef;
    const store = await getStore(cluster, ref?.kind ?? "SecretStore", ref?.name ?? "", note);
    const objections = [...objectionsTo(found, expected), ...(store === null ? [] : storeObjections(store, expected))];
    all.push(...objections.map((objection) => ({ ...pair, ...objection })));
  }
  return all;
}

/** The store of an ExternalSecret; null, and a note, where it may not be read. */
async function getStore(
  { api, config }: ClusterAccess,
  kind: string,
  name: string,
  note: Working["note"],
): Promise<SecretStore | null> {
  const isOfCluster = kind === "ClusterSecretStore";
  try {
    return await api.send<SecretStore>({
      verb: "get",
      resource: isOfCluster ? "clustersecretstores" : "secretstores",
      namespace: isOfCluster ? null : config.namespace,
      name,
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== "forbidden") throw error;
    note(`Not looked at: whether ${kind} ${name} is ready: ${error.message}`);
    return null;
  }
}

/** Forces, reads and compares, and does so again while the operator fails or has read an older state of the store. */
async function syncUntilCarried(working: Working): Promise<Pick<SyncReport, "secrets" | "lacking">> {
  const { cluster, change, deadline, ports } = working;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LAST_PAUSE_MS, pause * 2)) {
    ports.progress("Waiting for External Secrets");
    const secrets: SyncedSecret[] = [];
    for (const pair of cluster.pairs) secrets.push(await syncOne(working, pair));
    const isWhole = secrets.every(({ problem }) => problem === null);
    const lacking = secrets.every(({ contents }) => contents !== null)
      ? await change.lacking(secrets.flatMap(({ contents }) => contents?.entries ?? []))
      : null;
    if ((isWhole && lacking === null) || performance.now() + pause > deadline) return { secrets, lacking };
    ports.progress(
      `Waiting for External Secrets: ${lacking ?? secrets.find(({ problem }) => problem !== null)?.problem ?? ""}`,
    );
    await delay(pause, undefined, { signal: ports.signal }).catch(() => undefined);
    if (ports.signal.aborted)
      throw new AppError("interrupted", "interrupted", "interrupted while waiting for External Secrets");
  }
}

async function syncOne({ cluster, deadline, ports, note }: Working, pair: SecretPair): Promise<SyncedSecret> {
  const { namespace } = cluster.config;
  const outcome = await failureOf(async () => {
    const forced = await forceSync(
      cluster.api,
      { namespace, name: pair.externalSecret },
      {
        deadline,
        signal: ports.signal,
        onNoEvents: (error) => note(`The operator's own errors were not read: ${error.message}`),
      },
    );
    return forced.ok ? null : { problem: `the operator failed: ${forced.problem}`, hint: null };
  });
  try {
    const contents = await readKeySecret(cluster.api, namespace, pair.secret);
    return { ...pair, contents, problem: outcome?.problem ?? null, hint: outcome?.hint ?? null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return {
      ...pair,
      contents: null,
      problem: outcome?.problem ?? error.message,
      hint: outcome?.hint ?? error.hint ?? null,
    };
  }
}

interface Failed {
  readonly problem: string;
  readonly hint: string | null;
}

/** A failure that waiting may mend; what the API forbids or does not know is thrown on. */
async function failureOf(work: () => Promise<Failed | null>): Promise<Failed | null> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== "unavailable") throw error;
    return { problem: error.message, hint: error.hint ?? null };
  }
}

async function proveReplicas(
  { context, enforcement, cluster, change, deadline, ports }: Working,
  secrets: readonly SyncedSecret[],
): Promise<{ readonly replicas: readonly ReplicaProof[] | null; readonly problem: string | null }> {
  const { findReplicas } = enforcement;
  if (findReplicas === null)
    return {
      replicas: null,
      problem: `No gateway was asked: context ${context.name} names no Service (kubernetes.gateway.service).`,
    };
  // Another change may follow at once: whoever has read that one has this one, too.
  const digests = new Map(
    secrets.map(({ secret, contents }) => [secret, new Set(contents === null ? [] : [contents.sha256])]),
  );
  const refresh = async (): Promise<void> => {
    const { api, config } = cluster;
    const now = await Promise.all(secrets.map(({ secret }) => readKeySecret(api, config.namespace, secret)));
    if ((await change.lacking(now.flatMap(({ entries }) => entries))) !== null) return;
    for (const { name, sha256 } of now) digests.get(name)?.add(sha256);
  };
  let rounds = 0;
  try {
    const replicas = await proveEverywhere({
      find: async () => {
        if ((rounds += 1) > 1) await refresh();
        return findReplicas();
      },
      query: change.query ?? {},
      judge: (state) => unread(state, digests) ?? change.judge?.(state) ?? null,
      since: performance.now(),
      // However long the operator took, whoever reads the Secret gets a moment.
      deadline: Math.max(deadline, performance.now() + LEAST_PROOF_MS),
      signal: ports.signal,
      onProgress: (proven, all) => ports.progress(`${proven} of ${all} gateways have read it`),
    });
    return replicas.length > 0
      ? { replicas, problem: null }
      : { replicas, problem: `Service ${cluster.config.gateway?.service ?? ""} has no gateway behind it.` };
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === "interrupted") throw error;
    return { replicas: null, problem: `No gateway was asked: ${error.message} ${error.hint ?? ""}`.trimEnd() };
  }
}

/** Which Secret has this replica not read as it stands? Null when it has read all of them. */
function unread({ sources }: ReplicaState, digests: ReadonlyMap<string, ReadonlySet<string>>): string | null {
  const keys = sources.filter(({ what }) => what === "keys");
  for (const [secret, known] of digests) {
    const isRead = keys.some(({ sha256, usable }) => usable && sha256 !== null && known.has(sha256));
    if (isRead) continue;
    const problem = keys.find(({ problem }) => problem !== null)?.problem;
    return `has not read Secret ${secret} as it stands${problem === undefined || problem === null ? "" : ` (${problem})`}`;
  }
  return null;
}
