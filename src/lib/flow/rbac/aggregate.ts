import { BOOTSTRAP_LABELS, isBootstrapRole } from "./bootstrap.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import type { Readings } from "./readings.ts";
import { selects, type LabelSelector } from "./label-selector.ts";
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
  const shared = { facts, byLabel: lazily(() => rolesByLabel(facts)), budget: { steps: MAX_STEPS } };
  return (role) => {
    const contents = known.get(role) ?? contentsOf(role, shared);
    known.set(role, contents);
    return contents;
  };
}

/** What the searches of one cluster share. */
interface Shared {
  readonly facts: ClusterFacts;
  readonly byLabel: () => ReadonlyMap<string, readonly Readings<Role>[]>;
  readonly budget: { steps: number };
}

interface Search extends Shared {
  readonly sources: Role[];
  readonly doubts: Set<string>;
  readonly seen: Set<Role>;
}

function contentsOf(role: Role, shared: Shared): Contents {
  const search: Search = { ...shared, sources: [], doubts: new Set(), seen: new Set() };
  if (role.selectors === null || role.isPrinted) search.sources.push(role);
  if (role.selectors !== null && role.isPrinted) {
    // A manifest beside the printed role may be a change to come.
    for (const other of selectedBy(role, search))
      if (!other.isPrinted) search.doubts.add(`${label(other)}, which it aggregates, must be in force to count`);
  } else if (role.selectors !== null) {
    collect(role, search);
    for (const doubt of strangers(role, shared.facts)) search.doubts.add(doubt);
  }
  if (role.kind === "ClusterRole" && isBootstrapRole(role.name) && !role.isPrinted)
    search.doubts.add(`the rules that the cluster itself gives ${label(role)} must be known`);
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
function selectedBy(role: Role, search: Search): Role[] {
  const found = new Set<Role>();
  for (const selector of role.selectors ?? [])
    for (const readings of candidates(selector, search)) {
      const [other] = readings;
      search.budget.steps -= 1;
      if (search.budget.steps < 0) {
        search.doubts.add(
          `${label(role)} is one of too many that aggregate others, so only the cluster knows its rules`,
        );
        return [];
      }
      if (other.name === role.name || !readings.some(({ labels }) => selects(selector, labels))) continue;
      if (readings.length === 1) found.add(other);
      else search.doubts.add(`the manifests of ${label(other)}, which ${label(role)} aggregates, must agree`);
    }
  return [...found].toSorted((a, b) => (a.name < b.name ? 1 : -1));
}

/** The roles with one of the labels that it asks for, where it asks for any. */
function candidates({ matchLabels }: LabelSelector, { facts, byLabel }: Shared): readonly Readings<Role>[] {
  const [one] = Object.entries(matchLabels ?? {});
  return one === undefined ? facts.clusterRoles : (byLabel().get(JSON.stringify(one)) ?? []);
}

function rolesByLabel({ clusterRoles }: ClusterFacts): ReadonlyMap<string, readonly Readings<Role>[]> {
  const found = new Map<string, Set<Readings<Role>>>();
  for (const readings of clusterRoles)
    for (const label of readings.flatMap(({ labels }) => [...labels])) {
      const key = JSON.stringify(label);
      const roles = found.get(key) ?? new Set();
      found.set(key, roles.add(readings));
    }
  return new Map([...found].map(([key, roles]) => [key, [...roles]]));
}

function lazily<T extends object>(make: () => T): () => T {
  let made: T | null = null;
  return () => (made ??= make());
}

/** What may be aggregated and is not among the facts. */
function strangers(role: Role, facts: ClusterFacts): readonly string[] {
  if (!facts.isComplete("ClusterRole")) return [`all ClusterRoles must be known, for ${label(role)} aggregates some`];
  const isOfSystem = BOOTSTRAP_LABELS.some((labels) => role.selectors?.some((selector) => selects(selector, labels)));
  return facts.isWhole("ClusterRole") || !isOfSystem
    ? []
    : [`the cluster's own ClusterRoles must be known, for ${label(role)} aggregates some of them`];
}
