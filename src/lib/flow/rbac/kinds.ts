import type { KindOfObject, Kinds } from "../tool-need.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import { at, isJsonObject, textAt } from "../../json/members.ts";
import { OWN_KINDS } from "./own-kinds.ts";

/** By group and version, and kind. Null where two resources claim one kind, so that nobody can tell which is meant. */
type Table = ReadonlyMap<string, ReadonlyMap<string, KindOfObject | null>>;

/** Which resource serves the objects of a kind: by the cluster's own discovery among the facts, or as in every cluster. */
export function kindsOf(facts: ClusterFacts): Kinds {
  const discovered = discoveredKinds(facts);
  const own = ownKinds();
  return (apiVersion, kind) => {
    const found = discovered.get(apiVersion)?.get(kind);
    return found === undefined ? (own.get(apiVersion)?.get(kind) ?? null) : found;
  };
}

/** From `kubectl get --raw /apis/GROUP/VERSION`, and from snapshots. */
function discoveredKinds(facts: ClusterFacts): Table {
  const table = new Map<string, Map<string, KindOfObject | null>>();
  for (const { value } of facts.objectsOf("APIResourceList", "")) {
    const [version, resources] = [textAt(value, "groupVersion"), at(value, "resources")];
    if (version === null || !Array.isArray(resources)) continue;
    const kinds = table.get(version) ?? new Map<string, KindOfObject | null>();
    table.set(version, kinds);
    for (const resource of resources) {
      const [kind, name, isNamespaced] = [
        textAt(resource, "kind"),
        textAt(resource, "name"),
        at(resource, "namespaced"),
      ];
      if (kind === null || name === null || name.includes("/") || !isJsonObject(resource)) continue;
      const read = { group: groupOf(version), resource: name, isNamespaced: isNamespaced === true };
      const before = kinds.get(kind);
      kinds.set(kind, before === undefined || isSame(before, read) ? read : null);
    }
  }
  return table;
}

function isSame(one: KindOfObject | null, other: KindOfObject): boolean {
  return one?.resource === other.resource && one.isNamespaced === other.isNamespaced;
}

function ownKinds(): Table {
  return new Map(
    Object.entries(OWN_KINDS).map(([version, words]) => [
      version,
      new Map(
        words.split(" ").map((word) => {
          const [kind = "", resource = ""] = word.split(/[:*]/);
          return [kind, { group: groupOf(version), resource, isNamespaced: word.includes(":") }];
        }),
      ),
    ]),
  );
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
}
