import { currentContext } from "../../lib/config/config.ts";
import { loadPolicy } from "../../lib/files/load-policy.ts";
import { decide, type AccessRequest, type Policy } from "../../lib/policy/decide.ts";
import type { Locks } from "../../lib/policy/locks.ts";
import type { Backend } from "../../lib/policy/registry.ts";
import { findRemedy } from "../../lib/policy/remedy.ts";
import { nearest } from "../../lib/suggest.ts";
import { policyFiles } from "../policy-files.ts";
import type { Ports } from "../ports.ts";
import { readLocks } from "../read-locks.ts";
import { requireKnown } from "../require-known.ts";
import type { Result } from "../result.ts";
import { answer } from "./answer.ts";

export interface CanQuestion {
  readonly role: string;
  readonly backend: string;
  /** Null to ask for the backend alone. */
  readonly tool: string | null;
  /** `gateway` to ask for that layer alone; null for all that a call has to pass. */
  readonly layer: "gateway" | null;
}

export async function can(
  { role, backend, tool, layer }: CanQuestion,
  ports: Pick<Ports, "config" | "cwd" | "label" | "now">,
): Promise<Result> {
  const config = await ports.config();
  const files = policyFiles(config, {}, ports);
  const policy = loadPolicy(files);
  requireKnown("role", role, policy.roles, files.roles.label);
  const target = requireKnown("backend", backend, policy.registry, files.backends.label);
  const { locks, note } = readLocks(currentContext(config), ports.label);
  const method = tool === null ? null : "tools/call";
  const request: AccessRequest = { role, user: null, keyId: null, backend, method, tool };
  const now = ports.now();
  const decision = decide(policy, locks, request, now);
  const isLocked = decision.outcome === "deny" && decision.lock !== null;
  // What a tool needs of Kubernetes and AWS nobody has judged, and a yes to what is not known is never given.
  const isPartial = tool !== null && layer === null && decision.outcome === "allow";
  const notes = [note, toolNote(target, tool), isPartial ? NOT_ASKED : null].filter((each) => each !== null);
  return answer(request, {
    backend: target,
    decision,
    isPartial,
    // While a lock stands, no change of the roles would do.
    remedy: isLocked ? null : findRemedy(policy, request),
    allowed: rolesAllowed(policy, locks, request, now),
    notes,
  });
}

const NOT_ASKED = "Kubernetes RBAC and AWS IAM were not asked. The gateway's answer alone: --layer gateway.";

function rolesAllowed(policy: Policy, locks: Locks, request: AccessRequest, now: number): readonly string[] {
  return [...policy.roles.keys()].filter(
    (role) => decide(policy, locks, { ...request, role }, now).outcome === "allow",
  );
}

/** The registry need not name every tool; one that it does not name is judged by the patterns all the same. */
function toolNote({ name, tools }: Backend, tool: string | null): string | null {
  if (tool === null || Object.hasOwn(tools ?? {}, tool)) return null;
  const known = Object.keys(tools ?? {});
  const near = nearest(tool, known);
  const hint = near === null ? "" : ` Did you mean ${near}?`;
  return `The registry names ${known.length === 0 ? "no tools" : `no tool "${tool}"`} of ${name}; whether there is one was not judged.${hint}`;
}
