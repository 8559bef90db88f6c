import { AppError } from "../errors.ts";

/** What is asked of a gateway's admin listener; all that is given must fit a key. */
export interface ReplicaQuery {
  readonly key?: string;
  readonly user?: string;
  readonly role?: string;
  /** The id of a lock. */
  readonly lock?: string;
}

export interface ReplicaSource {
  readonly what: string;
  readonly path: string;
  readonly usable: boolean;
  readonly sha256: string | null;
  readonly resource_version: string | null;
  readonly age_seconds: number | null;
  readonly problem: string | null;
}

export interface ReplicaLock {
  readonly id: string;
  readonly in_force: boolean;
  readonly since: string | null;
  readonly refused_calls: number;
  readonly first_refused_at: string | null;
  readonly cut_calls: number;
}

export interface ReplicaKeys {
  readonly accepted: number;
  readonly refused: readonly { readonly key_id: string; readonly reason: string }[];
}

/** What a gateway says of itself (GET /state, docs/gateway.md). */
export interface ReplicaState {
  readonly version: string;
  readonly instance: string;
  /** Why every call is refused; empty when none is. */
  readonly ready: readonly string[];
  readonly sources: readonly ReplicaSource[];
  readonly counts: Readonly<Record<string, number | null>>;
  /** Of the keys that were asked about; null where the keys are out of use, so that none is accepted. */
  readonly keys: ReplicaKeys | null;
  readonly lock: ReplicaLock | null;
}

/** The path and query that asks it. */
export function statePath(query: ReplicaQuery): string {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined)).toString();
  return text === "" ? "state" : `state?${text}`;
}

/** @throws AppError unavailable for anything that no gateway says */
export function readReplicaState(text: string, name: string): ReplicaState {
  const value = parse(text);
  const isState =
    typeof value === "object" &&
    value !== null &&
    typeof value["version"] === "string" &&
    typeof value["instance"] === "string" &&
    Array.isArray(value["ready"]) &&
    Array.isArray(value["sources"]) &&
    typeof value["counts"] === "object";
  if (isState) return { keys: null, lock: null, ...(value as unknown as Omit<ReplicaState, "keys" | "lock">) };
  throw new AppError("unavailable", "replica_unreadable", `${name} does not answer as a gateway of mcpctl does`, {
    hint: "Check kubernetes.gateway.adminPort, or gateway.admin, in mcpctl.yaml.",
  });
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>> | null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
