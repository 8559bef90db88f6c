import { isJsonObject } from "../json/members.ts";
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

/** The answer to this query. @throws AppError unavailable for anything that no gateway says, or that answers another one */
export function readReplicaState(text: string, name: string, query: ReplicaQuery): ReplicaState {
  const value = parse(text);
  if (isState(value) && answers(value, query)) return { ...value, keys: value.keys ?? null, lock: value.lock ?? null };
  throw new AppError("unavailable", "replica_unreadable", `${name} does not answer as a gateway of mcpctl does`, {
    hint: "Check kubernetes.gateway.adminPort, or gateway.admin, in mcpctl.yaml.",
  });
}

/** What was not asked about is not in an answer. */
type Answer = Omit<ReplicaState, "keys" | "lock"> & Partial<Pick<ReplicaState, "keys" | "lock">>;

function isState(value: unknown): value is Answer {
  return (
    isJsonObject(value) &&
    isText(value["version"]) &&
    isText(value["instance"]) &&
    isListOf(value["ready"], isText) &&
    isListOf(value["sources"], isSource) &&
    isJsonObject(value["counts"]) &&
    Object.values(value["counts"]).every(orNull(isNumber)) &&
    orNull(isKeys)(value["keys"] ?? null) &&
    orNull(isLock)(value["lock"] ?? null)
  );
}

/** An older gateway leaves out what it does not know, and that must not pass for "none". */
function answers({ keys, lock }: Answer, query: ReplicaQuery): boolean {
  const asksKeys = query.key !== undefined || query.user !== undefined || query.role !== undefined;
  return (!asksKeys || keys !== undefined) && (query.lock === undefined || lock?.id === query.lock);
}

function isSource(value: unknown): value is ReplicaSource {
  return (
    isJsonObject(value) &&
    isText(value["what"]) &&
    isText(value["path"]) &&
    typeof value["usable"] === "boolean" &&
    ["sha256", "resource_version", "problem"].every((name) => orNull(isText)(value[name])) &&
    orNull(isNumber)(value["age_seconds"])
  );
}

function isKeys(value: unknown): value is ReplicaKeys {
  const isRefused = (one: unknown): boolean => isJsonObject(one) && isText(one["key_id"]) && isText(one["reason"]);
  return isJsonObject(value) && isNumber(value["accepted"]) && isListOf(value["refused"], isRefused);
}

function isLock(value: unknown): value is ReplicaLock {
  return (
    isJsonObject(value) &&
    isText(value["id"]) &&
    typeof value["in_force"] === "boolean" &&
    ["since", "first_refused_at"].every((name) => orNull(isText)(value[name])) &&
    isNumber(value["refused_calls"]) &&
    isNumber(value["cut_calls"])
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}

function isListOf(value: unknown, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isOne);
}

function orNull(isOne: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => value === null || isOne(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
