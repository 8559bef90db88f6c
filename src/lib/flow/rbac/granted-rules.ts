import type { ServiceAccount } from "../requests.ts";
import { contentsReader, type Contents } from "./aggregate.ts";
import { EVERYTHING, SYSTEM_BINDINGS, SYSTEM_NAMESPACE } from "./bootstrap.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import { inForceReader } from "./in-force.ts";
import { grantsReader } from "./grants.ts";
import type { Binding, Role } from "./rbac-objects.ts";
import type { Readings } from "./readings.ts";
import { isDangling, unseenRole } from "./unseen-role.ts";
import type { Granted } from "./words.ts";

interface Cluster {
  readonly facts: ClusterFacts;
  readonly contentsOf: (role: Role) => Contents;
}

/** Every rule of a binding whose role is there. */
export function* rulesOf(binding: Binding, { facts, contentsOf }: Cluster): Iterable<Granted> {
  for (const role of rolesOf(binding, facts) ?? [])
    for (const source of contentsOf(role).sources)
      for (const [index, rule] of source.rules.entries()) yield { binding, role, source, index, rule };
}

export interface GrantedRules {
  readonly rules: readonly Granted[];
  /** Why there may be others, each a sentence without a full stop; empty where there are none. */
  readonly doubts: readonly string[];
  /** Those that bind a role that does not exist. */
  readonly dangling: readonly Binding[];
}

/** Reads what bindings give: every rule that some reading of the facts holds, of what is in force. */
export function grantedRulesReader(facts: ClusterFacts): {
  of(account: ServiceAccount): GrantedRules;
  through(bindings: readonly Binding[]): GrantedRules;
} {
  const cluster = { facts, contentsOf: contentsReader(facts) };
  const grantsFor = grantsReader(facts);
  const doubtOf = inForceReader(facts);
  const through = (bindings: readonly Binding[]): GrantedRules => {
    const doubts = new Set(bindings.flatMap((binding) => doubtsAbout(binding, cluster)));
    const rules = bindings
      .flatMap((binding) => [...rulesThrough(binding, cluster)])
      .filter((granted) => {
        const doubt = [granted.binding, granted.role, granted.source].flatMap((each) =>
          each === null ? [] : (doubtOf(each) ?? []),
        );
        for (const each of doubt) doubts.add(each);
        return doubt.length === 0;
      });
    const dangling = bindings.filter((binding) => isDangling(binding, facts));
    return { rules, doubts: [...doubts, ...absenceDoubts(facts)], dangling };
  };
  return {
    of: (account) => {
      const { clusterWide, byNamespace, isFor } = grantsFor(account);
      const granted = through([...clusterWide, ...[...byNamespace.values()].flat()].flat().filter(isFor));
      const isOfSystem = account.namespace === SYSTEM_NAMESPACE && !facts.isWhole("ClusterRoleBinding");
      return isOfSystem ? { ...granted, doubts: [...granted.doubts, SYSTEM_BINDINGS] } : granted;
    },
    through,
  };
}

function* rulesThrough(binding: Binding, cluster: Cluster): Iterable<Granted> {
  if (rolesOf(binding, cluster.facts) === null && unseenRole(binding, cluster.facts) === "everything")
    yield { binding, role: null, source: null, index: 0, rule: EVERYTHING };
  yield* rulesOf(binding, cluster);
}

function rolesOf({ namespace, role: { kind, name } }: Binding, facts: ClusterFacts): Readings<Role> | null {
  return facts.role(kind === "Role" ? namespace : null, name);
}

function doubtsAbout(binding: Binding, { facts, contentsOf }: Cluster): readonly string[] {
  const roles = rolesOf(binding, facts);
  if (roles !== null) return roles.flatMap((role) => contentsOf(role).doubts);
  const unseen = unseenRole(binding, facts);
  return typeof unseen === "string" ? [] : [unseen.doubt];
}

function absenceDoubts(facts: ClusterFacts): readonly string[] {
  const unseen = ["ClusterRoleBinding", "RoleBinding"].filter((kind) => !facts.isComplete(kind));
  return [...unseen.map((kind) => `all ${kind}s must be known`), ...facts.doubts];
}
