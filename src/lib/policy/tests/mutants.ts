import { decide, type AccessRequest, type Policy } from "../decide.ts";
import { indexLocks } from "../locks.ts";
import { isProduction, type Backend } from "../registry.ts";
import type { Grant, Role } from "../role-file.ts";
import { matchesGlob, type ToolRule } from "../tools.ts";
import { knownTools } from "./known-tools.ts";

/** One dangerous change of the roles, made to see whether a test notices. */
export interface Mutant {
  readonly kind: "granted" | "widened" | "deny_dropped";
  readonly role: Role;
  readonly backend: Backend;
  /** The grant as it is after the change. */
  readonly grant: Grant;
  /** The pattern that was dropped, else null. */
  readonly pattern: string | null;
  /** A call that the change lets through: a test that it is denied would notice. */
  readonly opens: Pick<AccessRequest, "method" | "tool">;
}

/**
 * Every dangerous change, those of production first: a backend with write access granted to a role that lacks it, a narrowed
 * grant made whole, a denied pattern dropped. Changes that let nothing new through are none.
 */
export function* mutantsOf(policy: Policy): Iterable<Mutant> {
  yield* mutantsWhere(policy, isProduction);
  yield* mutantsWhere(policy, (backend) => !isProduction(backend));
}

/** At most how many there are, told without making them. */
export function mostMutants({ roles, registry }: Policy): number {
  const writable = [...registry.values()].filter(isWritable).length;
  let most = roles.size * writable;
  for (const { grants } of roles.values()) {
    for (const { tools } of grants.values()) most += tools === null ? 0 : 1 + tools.deny.length;
  }
  return most;
}

/** The policy as the mutant's role and backend see it; nothing else differs. */
export function mutatedPolicy({ role, backend, grant }: Mutant, { registry }: Policy): Policy {
  return { roles: new Map([[role.name, { ...role, grants: new Map([[backend.name, grant]]) }]]), registry };
}

function isWritable({ access }: Backend): boolean {
  return access === "rw";
}

function* mutantsWhere({ roles, registry }: Policy, isMeant: (backend: Backend) => boolean): Iterable<Mutant> {
  const backends = [...registry.values()].filter(isMeant);
  const writable = backends.filter(isWritable);
  for (const role of roles.values()) {
    for (const backend of writable) {
      if (role.grants.has(backend.name)) continue;
      const grant: Grant = { backend: backend.name, tools: null, place: role.place };
      yield { kind: "granted", role, backend, grant, pattern: null, opens: { method: null, tool: null } };
    }
    for (const grant of role.grants.values()) {
      const backend = registry.get(grant.backend);
      if (backend !== undefined && grant.tools !== null && isMeant(backend)) {
        yield* widenings(role, backend, grant, grant.tools);
      }
    }
  }
}

function* widenings(role: Role, backend: Backend, grant: Grant, tools: ToolRule): Iterable<Mutant> {
  const changes: Pick<Mutant, "kind" | "grant" | "pattern">[] = [
    { kind: "widened", grant: { ...grant, tools: null }, pattern: null },
    ...tools.deny.map((pattern, index) => ({
      kind: "deny_dropped" as const,
      grant: { ...grant, tools: { ...tools, deny: tools.deny.toSpliced(index, 1) } },
      pattern,
    })),
  ];
  const refused = callsWorthAsking(backend, tools).filter((call) => !isLetThrough(role, backend, grant, call));
  for (const change of changes) {
    const opens = refused.find(
      (call) => isTouched(change.pattern, call) && isLetThrough(role, backend, change.grant, call),
    );
    if (opens !== undefined) yield { ...change, role, backend, opens };
  }
}

/** Dropping a pattern matters only to what it matches. */
function isTouched(pattern: string | null, { tool }: Mutant["opens"]): boolean {
  return pattern === null || (tool !== null && matchesGlob(pattern, tool));
}

function callsWorthAsking(backend: Backend, tools: ToolRule): readonly Mutant["opens"][] {
  return [
    ...knownTools(backend, [tools]).map((tool) => ({ method: "tools/call", tool })),
    { method: "resources/read", tool: null },
  ];
}

const NO_LOCKS = indexLocks([]);

function isLetThrough(role: Role, backend: Backend, grant: Grant, call: Mutant["opens"]): boolean {
  const policy: Policy = {
    roles: new Map([[role.name, { ...role, grants: new Map([[backend.name, grant]]) }]]),
    registry: new Map([[backend.name, backend]]),
  };
  const request = { role: role.name, user: null, keyId: null, backend: backend.name, ...call };
  return decide(policy, NO_LOCKS, request, 0).outcome === "allow";
}
