import type { ClusterFacts } from "../rbac/cluster-facts.ts";
import { at, isJsonObject, textAt } from "../../json/members.ts";
import type { FactObject } from "../rbac/fact-objects.ts";
import { isSelector, selects, type LabelSelector } from "../rbac/label-selector.ts";
import type { Match } from "../template.ts";
import { opensPort, type ServerPorts } from "./server-ports.ts";

/** Every Namespace has it, and nobody can give it another value (Kubernetes, "Well-Known Labels"). */
const NAMESPACE_LABEL = "kubernetes.io/metadata.name";

/** What a policy guards, and for whom. */
export interface Door {
  readonly gatewayNamespace: string;
  readonly namespacesWith: NamespaceReader;
  /** Of the server's pods, and so of the policies about them. */
  readonly namespace: string;
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
  if (!Array.isArray(rules)) return [{ path: ["spec", "ingress"], who: "nobody can tell whom", missing: null }];
  return rules.flatMap((rule: unknown, index): readonly Leak[] => {
    const path = ["spec", "ingress", index];
    const isOpen = opensPort(at(rule, "ports"), door.ports);
    return isOpen === "no" ? [] : strangersOf(rule, door).map((stranger) => atPort(stranger, path, isOpen));
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

function strangersOf(rule: unknown, door: Door): readonly Stranger[] {
  const from = at(rule, "from") ?? [];
  if (!Array.isArray(from) || from.length === 0) return [{ peer: null, who: "everybody", missing: null }];
  return from.flatMap((item: unknown, peer): readonly Stranger[] => {
    const stranger = strangerOf(item, door);
    return stranger === null ? [] : [{ peer, ...stranger }];
  });
}

/** Null for the gateway's pods: some of its namespace, told from others by a label. */
function strangerOf(peer: unknown, door: Door): Omit<Stranger, "peer"> | null {
  const sure = (who: string): Omit<Stranger, "peer"> => ({ who, missing: null });
  if ((at(peer, "ipBlock") ?? null) !== null) return sure("the addresses of an ipBlock");
  const names = selectedNames(at(peer, "namespaceSelector") ?? null, door);
  const others = "pods of other namespaces";
  if (names === "any") return sure(others);
  const [other] = names.known.filter((name) => name !== door.gatewayNamespace);
  if (other !== undefined) return sure(`pods of namespace ${other}`);
  const pods = at(peer, "podSelector") ?? {};
  if (names.known.length > 0 && !(isSelector(pods) && asksForLabel(pods))) {
    const which = isSelector(pods) && isEmptySelector(pods) ? "every pod" : "most pods";
    return sure(`${which} of namespace ${door.gatewayNamespace}`);
  }
  if (names.areAll) return null;
  return { who: others, missing: "the labels of all Namespaces must be known (a snapshot has them)" };
}

/** A selector that only excludes finds whatever comes. */
function asksForLabel({ matchLabels, matchExpressions }: LabelSelector): boolean {
  const asks = (matchExpressions ?? []).some(({ operator }) => operator === "In" || operator === "Exists");
  return asks || Object.keys(matchLabels ?? {}).length > 0;
}

interface SelectedNames {
  readonly known: readonly string[];
  readonly areAll: boolean;
}

/** Which Namespaces are selected? Without a selector, the policy's own. */
function selectedNames(selector: unknown, { namespace, namespacesWith }: Door): SelectedNames | "any" {
  if (selector === null) return { known: [namespace], areAll: true };
  if (!isSelector(selector) || !asksForLabel(selector)) return "any";
  const pinned = pinnedNames(selector);
  return pinned === null ? namespacesWith(selector) : { known: pinned, areAll: true };
}

export type NamespaceReader = (selector: LabelSelector) => SelectedNames;

/** Tells the Namespaces among the facts that a selector finds by their labels; each selector is looked at once. */
export function namespaceReader(cluster: ClusterFacts, gatewayNamespace: string): NamespaceReader {
  const all = new Map(
    cluster.objectsOf("Namespace", "").map(({ value }) => {
      const name = textAt(at(value, "metadata"), "name") ?? "";
      return [name, new Map([...labelsOf(value), [NAMESPACE_LABEL, name]])] as const;
    }),
  );
  // Where the gateway's is not among them, they are not what anybody spoke of.
  const areAll = cluster.isComplete("Namespace") && all.has(gatewayNamespace);
  const known = new Map<string, SelectedNames>();
  return (selector) => {
    const key = JSON.stringify(selector);
    const found = known.get(key) ?? {
      known: [...all].filter(([, labels]) => selects(selector, labels)).map(([name]) => name),
      areAll,
    };
    known.set(key, found);
    return found;
  };
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

export function labelsOf(object: unknown): ReadonlyMap<string, string> {
  const labels = at(at(object, "metadata"), "labels");
  return new Map(isJsonObject(labels) ? Object.entries(labels).map(([name, text]) => [name, String(text)]) : []);
}
