import { decide, type AccessRequest, type Policy } from "./decide.ts";
import { indexLocks } from "./locks.ts";
import type { Grant, Role } from "./role-file.ts";
import type { Place } from "./source.ts";
import { isToolAllowed, matchesGlob } from "./tools.ts";

/** One edit of the role file. */
export type Change =
  | {
      readonly kind: "add_grant";
      /** Null for the whole backend, else the one tool of it. */
      readonly tool: string | null;
      /** The role's last grant, or the role where it has none. */
      readonly place: Place;
      /** Whether the role's grants stand on one line. */
      readonly isInline: boolean;
    }
  | { readonly kind: "allow_tool"; readonly tool: string; readonly place: Place }
  | { readonly kind: "drop_deny"; readonly pattern: string; readonly place: Place };

/** What would let a refused call through, and what else would come with it. */
export interface Remedy {
  /** All of them are needed, and no less would do. */
  readonly changes: readonly Change[];
  readonly opens: {
    /** Whether everything that the backend offers becomes open, named here or not. */
    readonly isWhole: boolean;
    /** The tools that the registry names and that become open, beside the one asked for. */
    readonly tools: readonly string[];
    /** Globs of which everything that no other pattern denies becomes open. */
    readonly patterns: readonly string[];
  };
}

/**
 * Which smallest change of the role would let this call through? Null where it is let through already, and where no change of
 * the role would do. The call asks for the backend alone or for a tool of it; locks are not looked at.
 */
export function findRemedy(policy: Policy, request: AccessRequest): Remedy | null {
  const role = policy.roles.get(request.role);
  if (role === undefined || !policy.registry.has(request.backend) || isAllowed(policy, request)) return null;
  const before = role.grants.get(request.backend);
  const changes = before === undefined ? [addGrant(role, request.tool)] : widen(before, request.tool);
  const after = applyChanges(request.backend, before, changes);
  const changed = withGrant(policy, role, after);
  if (!isAllowed(changed, request)) return null;
  const named = Object.keys(policy.registry.get(request.backend)?.tools ?? {});
  const opened = named.filter((tool) => {
    const call = { ...request, method: "tools/call", tool };
    return tool !== request.tool && !isAllowed(policy, call) && isAllowed(changed, call);
  });
  return { changes, opens: { isWhole: after.tools === null, tools: opened, patterns: changes.flatMap(openedGlobs) } };
}

/** The policy with this grant in the place of the role's grant to the same backend. */
export function withGrant(policy: Policy, role: Role, grant: Grant): Policy {
  const changed = { ...role, grants: new Map([...role.grants, [grant.backend, grant]]) };
  return { ...policy, roles: new Map([...policy.roles, [role.name, changed]]) };
}

/** The grant after these changes of it; `before` is undefined where there is none. */
export function applyChanges(backend: string, before: Grant | undefined, changes: readonly Change[]): Grant {
  let grant = before;
  for (const change of changes) {
    const tools = grant?.tools ?? { allow: null, deny: [] };
    if (change.kind === "add_grant") {
      const narrowed = change.tool === null ? null : { allow: [change.tool], deny: [] };
      grant = { backend, tools: narrowed, place: change.place };
    } else if (change.kind === "allow_tool") {
      grant = { backend, tools: { ...tools, allow: [...(tools.allow ?? []), change.tool] }, place: change.place };
    } else {
      const deny = tools.deny.filter((pattern) => pattern !== change.pattern);
      grant = { backend, tools: { ...tools, deny }, place: change.place };
    }
  }
  return grant as Grant;
}

function addGrant(role: Role, tool: string | null): Change {
  const grants = [...role.grants.values()];
  const { place } = grants.at(-1) ?? role;
  return { kind: "add_grant", tool, place, isInline: place.line === role.place.line };
}

function widen({ tools, place }: Grant, tool: string | null): readonly Change[] {
  if (tools === null || tool === null) return [];
  const denying = new Set(tools.deny.filter((pattern) => matchesGlob(pattern, tool)));
  const drops = [...denying].map((pattern): Change => ({ kind: "drop_deny", pattern, place }));
  return isToolAllowed({ ...tools, deny: [] }, tool) ? drops : [{ kind: "allow_tool", tool, place }, ...drops];
}

function openedGlobs(change: Change): readonly string[] {
  const pattern = change.kind === "drop_deny" ? change.pattern : change.tool;
  return pattern?.includes("*") === true ? [pattern] : [];
}

const NO_LOCKS = indexLocks([]);

function isAllowed(policy: Policy, request: AccessRequest): boolean {
  return decide(policy, NO_LOCKS, request, 0).outcome === "allow";
}
