import { CLUSTER_ADMIN, isBootstrapRole } from "./bootstrap.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import type { Binding } from "./rbac-objects.ts";
import { label } from "./words.ts";

/** Of a bound role that is not among the facts: may it do everything, does it not exist, or why is that not known? */
export type UnseenRole = "everything" | "missing" | { readonly doubt: string };

export function unseenRole(binding: Binding, facts: ClusterFacts): UnseenRole {
  const { kind, name } = binding.role;
  const isOfSystem = kind === "ClusterRole" && isBootstrapRole(name) && !facts.isWhole("ClusterRole");
  if (isOfSystem && name === CLUSTER_ADMIN) return "everything";
  if (!isOfSystem && facts.isComplete(kind)) return "missing";
  return { doubt: `the rules of ${label(boundRole(binding))} must be known, which ${label(binding)} binds` };
}

/** Does it surely bind a role that does not exist? It gives nothing, until somebody makes that role. */
export function isDangling(binding: Binding, facts: ClusterFacts): boolean {
  const { namespace, name } = boundRole(binding);
  return facts.role(namespace, name) === null && unseenRole(binding, facts) === "missing";
}

export function danglingText(binding: Binding): string {
  return `${label(binding)} binds ${label(boundRole(binding))}, which does not exist`;
}

function boundRole({ namespace, role: { kind, name } }: Binding) {
  return { kind, namespace: kind === "Role" ? namespace : null, name };
}
