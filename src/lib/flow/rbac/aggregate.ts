import { BOOTSTRAP_LABELS } from "./bootstrap.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import { selects } from "./label-selector.ts";
import type { Role } from "./rbac-objects.ts";
import { label } from "./words.ts";

/** The roles whose own rules a role gives, and why it may give more. */
export interface Contents {
  readonly sources: readonly Role[];
  /** What would tell whether there are more rules, each a sentence without a full stop. */
  readonly doubts: readonly string[];
}

/** For all aggregation of one cluster together; no cluster that people run needs a tenth of it. */
const MAX_STEPS = 5_000_000;

/**
 * Which rules does this role give? Those of an aggregated ClusterRole are the union of what its selectors find, to any
 * depth, and the controller overwrites its own; where an API server printed it, they are in it already.
 */
export function contentsReader(facts: ClusterFacts): (role: Role) => Contents {
  const known = new Map<Role, Contents>();
  const budget = { steps: MAX_STEPS };
  return (role) => {
    const contents = known.get(role) ?? contentsOf(role, facts, budget);
    known.set(role, contents);
    return contents;
  };
}

interface Budget {
  steps: number;
}

interface Search {
  readonly facts: ClusterFacts;
  readonly budget: Budget;
  readonly sources: Role[];
  readonly doubts: Set<string>;
  readonly seen: Set<Role>;
}

function contentsOf(role: Role, facts: ClusterFacts, budget: Budget): Contents {
  if (role.selectors === null) return { sources: [role], doubts: [] };
  const search: Search = { facts, budget, sources: [], doubts: new Set(), seen: new Set() };
  if (role.isPrinted) {
    search.sources.push(role);
    // A manifest beside the printed role may be a change to come.
    for (const other of selectedBy(role, search))
      if (!other.isPrinted) search.doubts.add(`${label(other)}, which it aggregates, must be in force to count`);
  } else {
    collect(role, search);
    for (const doubt of strangers(role, facts)) search.doubts.add(doubt);
  }
  return { sources: search.sources, doubts: [...search.doubts] };
}

/** Depth first without recursion: a chain of roles may be as long as a file. */
function collect(root: Role, search: Search): void {
  const trail: { readonly role: Role; readonly rest: Role[] }[] = [];
  const onTrail = new Set<string>();
  const enter = (role: Role): void => {
    search.seen.add(role);
    onTrail.add(role.name);
    trail.push({ role, rest: selectedBy(role, search) });
  };
  enter(root);
  for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
    const next = top.rest.pop();
    if (next === undefined) {
      onTrail.delete(top.role.name);
      trail.pop();
    } else if (onTrail.has(next.name)) {
      // Rules once in a circle stay in it, wherever they came from.
      search.doubts.add(`${label(root)} aggregates roles in a circle, so only the cluster knows its rules`);
    } else if (!search.seen.has(next)) {
      if (next.selectors === null || next.isPrinted) {
        search.seen.add(next);
        search.sources.push(next);
      } else enter(next);
    }
  }
}

/** The ClusterRoles that its selectors find, itself excluded, the last of them first. */
function selectedBy(role: Role, { facts, budget, doubts }: Search): Role[] {
  const found: Role[] = [];
  for (const readings of facts.clusterRoles) {
    const [other] = readings;
    if (other.name === role.name) continue;
    budget.steps -= 1;
    if (budget.steps < 0) {
      doubts.add(`${label(role)} is one of too many that aggregate others, so only the cluster knows its rules`);
      break;
    }
    if (!readings.some(({ labels }) => role.selectors?.some((selector) => selects(selector, labels)) === true))
      continue;
    if (readings.length === 1) found.push(other);
    else doubts.add(`the manifests of ${label(other)}, which ${label(role)} aggregates, must agree`);
  }
  return found.toSorted((a, b) => (a.name < b.name ? 1 : -1));
}

/** What may be aggregated and is not among the facts. */
function strangers(role: Role, facts: ClusterFacts): readonly string[] {
  if (!facts.isComplete("ClusterRole")) return [`all ClusterRoles must be known, for ${label(role)} aggregates some`];
  const isOfSystem = BOOTSTRAP_LABELS.some((labels) => role.selectors?.some((selector) => selects(selector, labels)));
  return facts.isWhole("ClusterRole") || !isOfSystem
    ? []
    : [`the cluster's own ClusterRoles must be known, for ${label(role)} aggregates some of them`];
}
