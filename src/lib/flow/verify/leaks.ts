import type { ClusterFacts } from "../rbac/cluster-facts.ts";
import { at, isJson, textAt, type FactObject } from "../rbac/fact-objects.ts";
import { isSelector, selects, type LabelSelector } from "../rbac/label-selector.ts";
import type { Match } from "../template.ts";
import { opensPort, type ServerPorts } from "./server-ports.ts";

/** Every Namespace has it, and nobody can give it another value (Kubernetes, "Well-Known Labels"). */
const NAMESPACE_LABEL = "kubernetes.io/metadata.name";

/** What a policy guards, and for whom. */
export interface Door {
  readonly cluster: ClusterFacts;
  readonly gatewayNamespace: string;
  /** Of the server's pods; null when they are not known. */
  readonly ports: ServerPorts | null;
}

/** Somebody beside the gateway who may come in. */
export interface Leak {
  /** Within the policy. */
  readonly path: readonly (string | number)[];
  readonly who: string;
  /** What would have to be known to be sure; null when it is. */
  readonly missing: string | null;
}

/** Who beside the gateway does this policy let in? A rule without `from` lets everybody in. */
export function leaksOf({ value }: FactObject, door: Door): readonly Leak[] {
  const rules = at(at(value, "spec"), "ingress") ?? [];
  const own = textAt(at(value, "metadata"), "namespace") ?? "";
  if (!Array.isArray(rules)) return [{ path: ["spec", "ingress"], who: "nobody can tell whom", missing: null }];
  return rules.flatMap((rule: unknown, index): readonly Leak[] => {
    const path = ["spec", "ingress", index];
    const isOpen = opensPort(at(rule, "ports"), door.ports);
    return isOpen === "no" ? [] : strangersOf(rule, own, door).map((stranger) => atPort(stranger, path, isOpen));
  });
}

const SERVICE = "its Service must be known, for the port of its pods (a snapshot has it)";

interface Stranger {
  /** The place among the peers; null for all of them. */
  readonly peer: number | null;
  readonly who: string;
  readonly missing: string | null;
}

function atPort({ peer, who, missing }: Stranger, path: Leak["path"], isOpen: Match): Leak {
  return {
    path: peer === null ? path : [...path, "from", peer],
    who,
    missing: missing ?? (isOpen === "maybe" ? SERVICE : null),
  };
}

function strangersOf(rule: unknown, own: string, door: Door): readonly Stranger[] {
  const from = at(rule, "from") ?? [];
  if (!Array.isArray(from) || from.length === 0) return [{ peer: null, who: "everybody", missing: null }];
  return from.flatMap((item: unknown, peer): readonly Stranger[] => {
    const stranger = strangerOf(item, own, door);
    return stranger === null ? [] : [{ peer, ...stranger }];
  });
}

/** Null for the gateway's pods: some of its namespace, told from others by a label. */
function strangerOf(peer: unknown, own: string, door: Door): Omit<Stranger, "peer"> | null {
  if (at(peer, "ipBlock") !== undefined) return { who: "the addresses of an ipBlock", missing: null };
  const [namespaces, pods = {}] = [at(peer, "namespaceSelector"), at(peer, "podSelector")];
  const names = namespaces === undefined ? [own] : selectedNames(namespaces, door.cluster);
  if (names === null) return { who: "pods of other namespaces", missing: null };
  const { gatewayNamespace } = door;
  const [other] = names.filter((name) => name !== gatewayNamespace);
  if (other !== undefined) return { who: `pods of namespace ${other}`, missing: null };
  if (names.length > 0 && !(isSelector(pods) && !isEmptySelector(pods)))
    return { who: `every pod of namespace ${gatewayNamespace}`, missing: null };
  if (namespaces === undefined || pinnedNames(namespaces) !== null || door.cluster.isComplete("Namespace")) return null;
  return {
    who: "pods of other namespaces",
    missing: "the labels of all Namespaces must be known (a snapshot has them)",
  };
}

/** Names of the Namespaces that are selected, as far as the facts go; null for all, and for what is no selector. */
function selectedNames(selector: unknown, cluster: ClusterFacts): readonly string[] | null {
  if (!isSelector(selector) || isEmptySelector(selector)) return null;
  return (
    pinnedNames(selector) ??
    cluster
      .objectsOf("Namespace", "")
      .map(({ value }) => at(value, "metadata"))
      .map((metadata) => ({ name: textAt(metadata, "name") ?? "", labels: labelsOf(at(metadata, "labels")) }))
      .filter(({ name, labels }) => selects(selector, new Map([...labels, [NAMESPACE_LABEL, name]])))
      .map(({ name }) => name)
  );
}

/** The only names that a selector can select, whatever Namespaces there are; null where labels decide. */
function pinnedNames(selector: unknown): readonly string[] | null {
  const pinned = textAt(at(selector, "matchLabels"), NAMESPACE_LABEL);
  if (pinned !== null) return [pinned];
  const expressions = at(selector, "matchExpressions");
  const listed = (Array.isArray(expressions) ? expressions : []).find(
    (each: unknown) => textAt(each, "key") === NAMESPACE_LABEL && textAt(each, "operator") === "In",
  );
  return (at(listed, "values") as readonly string[] | undefined) ?? null;
}

export function isEmptySelector({ matchLabels, matchExpressions }: LabelSelector): boolean {
  return Object.keys(matchLabels ?? {}).length === 0 && (matchExpressions ?? []).length === 0;
}

export function labelsOf(value: unknown): ReadonlyMap<string, string> {
  return new Map(isJson(value) ? Object.entries(value).map(([name, text]) => [name, String(text)]) : []);
}
