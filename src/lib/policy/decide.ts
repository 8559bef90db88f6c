import type { RefusalReason } from "../audit/reasons.ts";
import type { Lock, Locks } from "./locks.ts";
import { targetKey } from "./locks.ts";
import type { Backend, Registry } from "./registry.ts";
import type { Grant, Role, Roles } from "./role-file.ts";
import type { Place } from "./source.ts";
import { isToolAllowed } from "./tools.ts";

/** The role file and the registry, read together. */
export interface Policy {
  readonly roles: Roles;
  readonly registry: Registry;
}

/** What is asked: may this subject make this call of this backend? */
export interface AccessRequest {
  readonly role: string;
  /** Null where a role is asked about and no one in particular: locks on users and keys then say nothing. */
  readonly user: string | null;
  readonly keyId: string | null;
  readonly backend: string;
  /** The JSON-RPC method; null for what carries none (a GET stream, a DELETE, a response) or to ask for the backend alone. */
  readonly method: string | null;
  /** The tool of a `tools/call`, else null. */
  readonly tool: string | null;
}

/** What decided, and where it stands; `place` is null for a lock, which has an id instead. */
export interface Rule {
  readonly text: string;
  readonly place: Place | null;
}

export interface Allow {
  readonly outcome: "allow";
  readonly reason: "granted";
  readonly rule: Rule;
  readonly grant: Grant;
  readonly backend: Backend;
}

export interface Deny {
  readonly outcome: "deny";
  readonly reason: RefusalReason;
  readonly rule: Rule | null;
  readonly lock: Lock | null;
}

export interface Unknown {
  readonly outcome: "unknown";
  readonly reason: "locks_unavailable" | "policy_unavailable";
}

export type Decision = Allow | Deny | Unknown;

const LOCKS_UNAVAILABLE: Unknown = { outcome: "unknown", reason: "locks_unavailable" };
const POLICY_UNAVAILABLE: Unknown = { outcome: "unknown", reason: "policy_unavailable" };

/** Grants never change, so what they allow is made once and not for each call. */
const allowances = new WeakMap<Grant, Allow>();

/**
 * May this call go through, at `now` (milliseconds since 1970)? The one evaluator of gateway, `can` and every check:
 * unknown while locks or policy are, then locks, then the grant, then its tools. Nothing is allowed that no line allows.
 */
export function decide(policy: Policy | null, locks: Locks | null, request: AccessRequest, now: number): Decision {
  if (locks === null) return LOCKS_UNAVAILABLE;
  if (policy === null) return POLICY_UNAVAILABLE;
  const lock = locks.isEmpty ? null : findLock(locks, request, now);
  if (lock !== null) return denyByLock(lock);
  const backend = policy.registry.get(request.backend);
  if (backend === undefined) return deny("backend_unknown", null);
  const role = policy.roles.get(request.role);
  if (role === undefined) return deny("role_unknown", null);
  const grant = role.grants.get(request.backend);
  if (grant === undefined)
    return deny("backend_not_granted", {
      text: `role ${role.name} does not list ${request.backend}`,
      place: role.place,
    });
  return decideCall(role, grant, backend, request);
}

/** Methods that pass a grant narrowed to tools, beside `tools/list` and the allowed tools (design section 3, roles.yaml). */
const LIFECYCLE = new Set(["initialize", "ping", "server/discover", "tools/list"]);

function decideCall(role: Role, grant: Grant, backend: Backend, request: AccessRequest): Decision {
  const { method, tool } = request;
  if (grant.tools === null || method === null || LIFECYCLE.has(method) || method.startsWith("notifications/")) {
    return allow(role, grant, backend);
  }
  if (method !== "tools/call") return deny("method_not_granted", narrowed(role, grant, method));
  return tool !== null && isToolAllowed(grant.tools, tool)
    ? allow(role, grant, backend)
    : deny("tool_not_granted", narrowed(role, grant, tool ?? method));
}

function allow(role: Role, grant: Grant, backend: Backend): Allow {
  const known = allowances.get(grant);
  if (known !== undefined && known.backend === backend) return known;
  const rule = { text: `role ${role.name} lists ${grant.backend}`, place: grant.place };
  const made: Allow = { outcome: "allow", reason: "granted", rule, grant, backend };
  allowances.set(grant, made);
  return made;
}

function deny(reason: RefusalReason, rule: Rule | null): Deny {
  return { outcome: "deny", reason, rule, lock: null };
}

function narrowed(role: Role, grant: Grant, what: string): Rule {
  return { text: `role ${role.name} narrows ${grant.backend} to tools that leave out ${what}`, place: grant.place };
}

const LOCK_REASONS = {
  all: "all_locked",
  key: "key_locked",
  user: "user_locked",
  role: "role_locked",
  backend: "backend_locked",
} as const;

function denyByLock(lock: Lock): Deny {
  const what = lock.target === "all" ? "everything" : `${lock.target} ${lock.value}`;
  return {
    outcome: "deny",
    reason: LOCK_REASONS[lock.target],
    rule: { text: `lock ${lock.id} on ${what}`, place: null },
    lock,
  };
}

/**
 * The lock in force that refuses this call, or null. One on the caller comes first, for it is the caller's own affair (401);
 * the others concern everyone (403).
 */
export function findLock(locks: Locks, request: AccessRequest, now: number): Lock | null {
  return (
    (request.keyId === null ? null : inForce(locks, targetKey("key", request.keyId), now)) ??
    (request.user === null ? null : inForce(locks, targetKey("user", request.user), now)) ??
    inForce(locks, targetKey("all", ""), now) ??
    inForce(locks, targetKey("role", request.role), now) ??
    inForce(locks, targetKey("backend", request.backend), now)
  );
}

function inForce(locks: Locks, name: string, now: number): Lock | null {
  const lock = locks.byTarget.get(name);
  return lock !== undefined && (lock.until === null || now < lock.until) ? lock : null;
}
