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
  const role = { kind, namespace: kind === "Role" ? binding.namespace : null, name };
  return { doubt: `the rules of ${label(role)} must be known, which ${label(binding)} binds` };
}
