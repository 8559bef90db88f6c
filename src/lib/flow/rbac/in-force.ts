import type { ClusterFacts } from "./cluster-facts.ts";
import { at, textAt } from "./fact-objects.ts";
import { RBAC_GROUP, type Binding, type RbacKind, type Role } from "./rbac-objects.ts";
import { shortName } from "./words.ts";

type Named = Pick<Binding | Role, "kind" | "namespace" | "name">;

/**
 * Is this object in the cluster, by a snapshot that has all of its kind? A manifest of one that is not there is a change to
 * come, or one that was taken back. Without such a snapshot, manifests are all there is to go by.
 */
export function inForceReader(facts: ClusterFacts): (object: Named) => boolean {
  const known = new Map<RbacKind, ReadonlySet<string>>();
  return ({ kind, namespace, name }) => {
    if (!facts.isWhole(kind)) return true;
    const names = known.get(kind) ?? namesInSnapshots(facts, kind);
    known.set(kind, names);
    return names.has(keyOf(namespace, name));
  };
}

function namesInSnapshots(facts: ClusterFacts, kind: RbacKind): ReadonlySet<string> {
  const inSnapshots = facts
    .objectsOf(kind, RBAC_GROUP)
    .filter(({ document }) => at(at(document.value, "metadata"), "mcpctl") !== undefined)
    .map(({ value }) => at(value, "metadata"));
  const isNamespaced = kind === "Role" || kind === "RoleBinding";
  return new Set(
    inSnapshots.map((metadata) =>
      keyOf(isNamespaced ? textAt(metadata, "namespace") : null, textAt(metadata, "name") ?? ""),
    ),
  );
}

function keyOf(namespace: string | null, name: string): string {
  return JSON.stringify([namespace, name]);
}

/** Which snapshots do the facts hold, where more than one: what of theirs is so nobody can tell. Null for at most one. */
export function severalSnapshots({ snapshots }: ClusterFacts): string | null {
  const all = new Set(snapshots.map(({ cluster, takenAt }) => `of cluster ${shortName(cluster)} at ${takenAt}`));
  return all.size < 2 ? null : `which snapshot is meant: ${[...all].slice(0, 2).join(", or ")}; keep one of them`;
}
