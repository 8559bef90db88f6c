import type { ClusterFacts } from "./cluster-facts.ts";
import { at, textAt } from "../../json/members.ts";
import type { FactObject } from "./fact-objects.ts";
import { RBAC_GROUP, type Binding, type RbacKind, type Role } from "./rbac-objects.ts";
import { isMarked } from "./snapshot-mark.ts";
import { label } from "./words.ts";

/** Helm makes such an object for a time, or when something is tested or taken away. */
const HOOK = "helm.sh/hook";

interface NamesOfKind {
  /** Those in snapshots that have all of the kind; null without one. */
  readonly inSnapshots: ReadonlySet<string> | null;
  /** Those of which some document says what the API server would not take, like a patch that deletes them. */
  readonly unreadable: ReadonlySet<string>;
}

/**
 * What would have to be so before this object counts, as a sentence without a full stop? A manifest of what a snapshot has
 * not is a change to come, or one that was taken back. Null where nothing speaks against it.
 */
export function inForceReader(facts: ClusterFacts): (object: Binding | Role) => string | null {
  const known = new Map<RbacKind, NamesOfKind>();
  return (found) => {
    const { kind, namespace, name, object } = found;
    const names = known.get(kind) ?? namesOfKind(facts, kind);
    known.set(kind, names);
    const { inSnapshots, unreadable } = names;
    if (unreadable.has(keyOf(namespace, name)) || unreadable.has(keyOf(null, name)))
      return `the manifests of ${label(found)} must agree`;
    const isThere = inSnapshots?.has(keyOf(namespace, name)) ?? null;
    if (isThere === false) return `${label(found)}, which the snapshot has not, must be in force to count`;
    return isThere === null && isHook(object) ? `${label(found)}, a Helm hook, must be in force to count` : null;
  };
}

/** One that an API server printed is there, whoever made it. */
function isHook({ value }: FactObject): boolean {
  const metadata = at(value, "metadata");
  return textAt(metadata, "uid") === null && at(at(metadata, "annotations"), HOOK) !== undefined;
}

function namesOfKind(facts: ClusterFacts, kind: RbacKind): NamesOfKind {
  const objects = facts.objectsOf(kind, RBAC_GROUP);
  const namesOf = (some: readonly FactObject[]): ReadonlySet<string> => new Set(some.map(keyOfObject));
  return {
    inSnapshots: facts.isWhole(kind) ? namesOf(objects.filter(({ document }) => isMarked(document.value))) : null,
    unreadable: namesOf(facts.unreadable.filter((object) => object.kind === kind)),
  };
}

/** A namespace that is not said may be any, and ClusterRoles have none whatever is said. */
function keyOfObject({ kind, value }: FactObject): string {
  const metadata = at(value, "metadata");
  const isNamespaced = kind === "Role" || kind === "RoleBinding";
  return keyOf(isNamespaced ? textAt(metadata, "namespace") : null, textAt(metadata, "name") ?? "");
}

function keyOf(namespace: string | null, name: string): string {
  return JSON.stringify([namespace, name]);
}
