import type { ServiceAccount } from "../requests.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import type { Readings } from "./readings.ts";
import type { Binding, Subject } from "./rbac-objects.ts";

/** What binds one ServiceAccount to roles, whichever way it is named. */
export interface Grants {
  readonly clusterWide: readonly Readings<Binding>[];
  readonly byNamespace: ReadonlyMap<string, readonly Readings<Binding>[]>;
  readonly count: number;
  /** Is it this ServiceAccount that the binding is about? Of readings that differ, only some may be. */
  readonly isFor: (binding: Binding) => boolean;
}

/** Looks the bindings of ServiceAccounts up by their subjects, so that each is read once. */
export function grantsReader(facts: ClusterFacts): (account: ServiceAccount) => Grants {
  const bySubject = new Map<string, Set<Readings<Binding>>>();
  for (const readings of facts.bindings)
    for (const { subjects } of readings)
      for (const subject of subjects) {
        const key = keyOf(subject);
        const found = bySubject.get(key);
        if (found === undefined) bySubject.set(key, new Set([readings]));
        else found.add(readings);
      }
  const known = new Map<string, Grants>();
  return (account) => {
    const key = JSON.stringify([account.namespace, account.name]);
    const grants = known.get(key) ?? grantsOf(account, bySubject);
    known.set(key, grants);
    return grants;
  };
}

function grantsOf(
  { namespace, name }: ServiceAccount,
  bySubject: ReadonlyMap<string, ReadonlySet<Readings<Binding>>>,
): Grants {
  const identities = new Set([
    keyOf({ kind: "ServiceAccount", namespace, name }),
    ...groupsOf(namespace).map((group) => keyOf({ kind: "Group", namespace: "", name: group })),
  ]);
  const all = new Set([...identities].flatMap((identity) => [...(bySubject.get(identity) ?? [])]));
  const byNamespace = new Map<string, Readings<Binding>[]>();
  const clusterWide: Readings<Binding>[] = [];
  for (const readings of all) {
    const [{ namespace: place }] = readings;
    const same = place === null ? clusterWide : (byNamespace.get(place) ?? []);
    same.push(readings);
    if (place !== null) byNamespace.set(place, same);
  }
  const isFor = ({ subjects }: Binding): boolean => subjects.some((subject) => identities.has(keyOf(subject)));
  return { clusterWide, byNamespace, count: all.size, isFor };
}

/** The user that the API server takes a ServiceAccount for. */
export function userOf({ namespace, name }: ServiceAccount): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** The groups that every ServiceAccount of this namespace is in. */
export function groupsOf(namespace: string): readonly string[] {
  return ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
}

/** A ServiceAccount may be named as the user that it is. */
function keyOf(subject: Subject): string {
  if (subject.kind === "Group") return JSON.stringify(["group", subject.name]);
  return JSON.stringify(["user", subject.kind === "User" ? subject.name : userOf(subject)]);
}
