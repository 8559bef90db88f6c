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
  if (isState(value)) return { keys: null, lock: null, ...value };
  throw new AppError("unavailable", "replica_unreadable", `${name} does not answer as a gateway of mcpctl does`, {
    hint: "Check kubernetes.gateway.adminPort, or gateway.admin, in mcpctl.yaml.",
  });
}

type Said = Omit<ReplicaState, "keys" | "lock"> & Partial<Pick<ReplicaState, "keys" | "lock">>;

type Check = (value: unknown) => boolean;
type Fields = Readonly<Record<string, Check>>;

const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => typeof value === "number";
const isBoolean: Check = (value) => typeof value === "boolean";
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const isOfFields =
  (fields: Fields): Check =>
  (value) =>
    isObject(value) && Object.entries(fields).every(([name, check]) => check(value[name]));

const SOURCE: Fields = {
  what: isText,
  path: isText,
  usable: isBoolean,
  sha256: orNull(isText),
  resource_version: orNull(isText),
  age_seconds: orNull(isNumber),
  problem: orNull(isText),
};
const LOCK: Fields = {
  id: isText,
  in_force: isBoolean,
  since: orNull(isText),
  refused_calls: isNumber,
  first_refused_at: orNull(isText),
  cut_calls: isNumber,
};
const KEYS: Fields = { accepted: isNumber, refused: listOf(isOfFields({ key_id: isText, reason: isText })) };
const STATE: Fields = {
  version: isText,
  instance: isText,
  ready: listOf(isText),
  sources: listOf(isOfFields(SOURCE)),
  counts: (value) => isObject(value) && Object.values(value).every(orNull(isNumber)),
  keys: (value) => value === undefined || orNull(isOfFields(KEYS))(value),
  lock: (value) => value === undefined || orNull(isOfFields(LOCK))(value),
};

/** Whoever answers may be the thief: what is not wholly an answer proves nothing, and must not end the command. */
function isState(value: unknown): value is Said {
  return isOfFields(STATE)(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
