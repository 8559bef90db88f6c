import { listSome } from "../../list-some.ts";
import { formatPlace, type Finding } from "../../policy/source.ts";
import type { FactDocument } from "../document.ts";
import { at, textAt } from "../../json/members.ts";
import { flawFinding, flaw, type Flaw } from "../flaw.ts";
import { unwrapObjects, type FactObject } from "./fact-objects.ts";
import { RBAC_GROUP, RBAC_KINDS, readRbac, type Binding, type RbacKind, type Role } from "./rbac-objects.ts";
import { ReadingsByName, type Readings } from "./readings.ts";
import { isMarkStrange, readMark, severalSnapshots, type SnapshotMark } from "./snapshot-mark.ts";

/** What is known of a cluster, from files. */
export interface ClusterFacts {
  /** By namespace (`null` for ClusterRoles) and name; most have one reading. */
  role(namespace: string | null, name: string): Readings<Role> | null;
  readonly clusterRoles: readonly Readings<Role>[];
  readonly bindings: readonly Readings<Binding>[];
  /** Objects of any kind that were read, RBAC's among them, as they stand. */
  objectsOf(kind: string, group: string): readonly FactObject[];
  /** Objects of RBAC that the API server would not take, as patches are not. */
  readonly unreadable: readonly FactObject[];
  /** Are all objects of this kind among the facts, so that what is not there does not exist? */
  isComplete(kind: string): boolean;
  /** Did a snapshot say so, which has the cluster's own objects, too? */
  isWhole(kind: string): boolean;
  /** Objects that the API server would not take, or that contradict others; at most MAX_FINDINGS of them are told. */
  readonly findings: readonly Finding[];
  /** Why absence proves nothing, whatever is complete: each a sentence without a full stop. */
  readonly doubts: readonly string[];
  readonly snapshots: readonly SnapshotMark[];
}

const MAX_FINDINGS = 100;

/**
 * What do these documents say of a cluster? `isComplete` when somebody answers for it that they are all there is
 * (`policy.complete`); a snapshot says it for itself, kind by kind, and a kind that it could not read is incomplete
 * whatever else is said.
 */
export function readClusterFacts(
  documents: readonly FactDocument[],
  { isComplete }: { readonly isComplete: boolean },
): ClusterFacts {
  const { objects, lists, flaws } = unwrapObjects(documents);
  const found = collectRbac(objects);
  const snapshots = lists.map(readMark).filter((mark) => mark !== null);
  const strange = lists
    .filter(isMarkStrange)
    .map((list) => flaw(list, "this snapshot is of a form that is not known here"));
  const all = [...flaws, ...found.flaws, ...strange, ...foreignSnapshots(snapshots, lists)];
  const findings = all.slice(0, MAX_FINDINGS).map((each) => flawFinding(each, "rule"));
  const byKind = groupBy(objects, (object) => keyOf(object.group, object.kind));
  const said = (kind: string, value: boolean): boolean =>
    snapshots.some((mark) => Object.hasOwn(mark.isComplete, kind) && mark.isComplete[kind] === value);
  return {
    role: (namespace, name) => found.roles.get(namespace, name),
    clusterRoles: found.roles.of(null),
    bindings: found.bindings.all(),
    unreadable: found.unreadable,
    objectsOf: (kind, group) => byKind.get(keyOf(group, kind)) ?? [],
    isComplete: (kind) => !said(kind, false) && (isComplete || said(kind, true)),
    isWhole: (kind) => !said(kind, false) && said(kind, true),
    findings,
    doubts: [findings.length === 0 ? null : doubtOf(findings), severalSnapshots(snapshots)].filter(
      (doubt) => doubt !== null,
    ),
    snapshots,
  };
}

function doubtOf(findings: readonly Finding[]): string {
  const places = listSome(
    findings.map(({ place }) => formatPlace(place)),
    3,
  );
  return `what cannot be relied on at ${places} must be mended`;
}

interface Collected {
  readonly roles: ReadingsByName<Role>;
  readonly bindings: ReadingsByName<Binding>;
  readonly unreadable: readonly FactObject[];
  readonly flaws: readonly Flaw[];
}

function collectRbac(objects: readonly FactObject[]): Collected {
  const [flaws, unreadable]: [Flaw[], FactObject[]] = [[], []];
  const [roles, bindings] = [new ReadingsByName<Role>(), new ReadingsByName<Binding>()];
  for (const object of objects) {
    if (!isOfRbac(object)) continue;
    const read = readRbac(object);
    if (typeof read === "string") {
      unreadable.push(object);
      flaws.push(flaw(object, `the API server takes no ${object.kind.slice(0, 100)} like ${labelOf(object)}: ${read}`));
      continue;
    }
    const substance = substanceOf(read);
    const isContradicted = "rules" in read ? roles.add(read, substance) : bindings.add(read, substance);
    if (isContradicted)
      flaws.push(flaw(object, `${object.kind} ${labelOf(object)} stands elsewhere, too, and differs`));
  }
  return { roles, bindings, unreadable, flaws };
}

/** What says a kind of RBAC, and no group at all, is meant for one as well: the core group has no such kind. */
function isOfRbac({ group, kind }: FactObject): boolean {
  return group === RBAC_GROUP || (group === "" && RBAC_KINDS.includes(kind as RbacKind));
}

/** What decides; annotations, versions and the like may differ. */
function substanceOf(object: Role | Binding): string {
  if (!("rules" in object)) return JSON.stringify([object.role, object.subjects]);
  const { kind, rules, labels, selectors, isPrinted } = object;
  // Labels and controllers have to do with ClusterRoles alone.
  if (kind === "Role") return JSON.stringify(rules);
  return JSON.stringify([
    rules,
    [...labels].toSorted(([a], [b]) => (a < b ? -1 : 1)),
    selectors,
    selectors !== null && isPrinted,
  ]);
}

/** Facts of two clusters answer for none. */
function foreignSnapshots(snapshots: readonly SnapshotMark[], lists: readonly FactObject[]): readonly Flaw[] {
  const [first, ...others] = snapshots;
  if (first === undefined || others.every(({ cluster }) => cluster === first.cluster)) return [];
  const other = lists.findLast((list) => readMark(list) !== null) as FactObject;
  return [flaw(other, "this is a snapshot of another cluster than one before")];
}

function labelOf({ value }: FactObject): string {
  const metadata = at(value, "metadata");
  const [namespace, name] = [textAt(metadata, "namespace"), textAt(metadata, "name")];
  const shown = (name ?? "(no name)").slice(0, 100);
  return namespace === null ? shown : `${namespace.slice(0, 100)}/${shown}`;
}

function keyOf(first: string | null, second: string): string {
  return JSON.stringify([first, second]);
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return groups;
}
