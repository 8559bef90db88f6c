import type { Match } from "../template.ts";
import { anyOf } from "./match-name.ts";
import type { Principals } from "./policy.ts";

/** Who asks to become a role: an identity provider in whose name a pod speaks, or a service of AWS. */
export interface Principal {
  readonly type: "Federated" | "Service";
  /** ARN of the provider, or the service's name. */
  readonly name: string;
}

/**
 * Does a statement's Principal mean this one? AWS says of `*` that it means everyone, and not whether that holds for
 * services and for web identities: then, perhaps. Likewise of `NotPrincipal`, which it says a trust policy cannot have.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
 */
export function matchPrincipal(principals: Principals | null, principal: Principal | null): Match {
  if (principals === null) return "yes";
  if (principal === null || principals.isNegated) return "maybe";
  const matches = [...principals.byType].map(([type, names]) =>
    anyOf(names.map((name) => matchOne(type, name, principal))),
  );
  return anyOf(matches);
}

function matchOne(type: string, name: string, principal: Principal): Match {
  if (name.includes("*")) return "maybe";
  if (type !== principal.type) return "no";
  if (name === principal.name) return "yes";
  return name.toLowerCase() === principal.name.toLowerCase() ? "maybe" : "no";
}
