import { accountOf } from "../account-of.ts";
import { listSome } from "../../list-some.ts";
import type { ServiceAccount } from "../requests.ts";
import { at, isJsonObject, textAt } from "../../json/members.ts";
import type { FactObject } from "../rbac/fact-objects.ts";
import { isSelector, selects } from "../rbac/label-selector.ts";
import { severalSnapshots } from "../rbac/snapshot-mark.ts";
import { serviceOf } from "../service-of.ts";
import type { ClusterFacts } from "../rbac/cluster-facts.ts";
import type { Backend } from "../../policy/registry.ts";
import type { Finding } from "../../policy/source.ts";
import {
  isEmptySelector,
  labelsOf,
  leaksOf,
  namespaceReader,
  type Door,
  type Leak,
  type NamespaceReader,
} from "./leaks.ts";
import { serverPorts } from "./server-ports.ts";
import { findingAt, findingOf, skipped, together, verified, type Verified, type VerifySubject } from "./subject.ts";

const NETWORK = "networking.k8s.io";
const MOST_NAMED = 5;
/** What lets in, or keeps away, beside NetworkPolicies. */
const PLUGIN_KINDS = [
  ["AdminNetworkPolicy", "policy.networking.k8s.io"],
  ["BaselineAdminNetworkPolicy", "policy.networking.k8s.io"],
  ["CiliumNetworkPolicy", "cilium.io"],
  ["CiliumClusterwideNetworkPolicy", "cilium.io"],
  ["NetworkPolicy", "crd.projectcalico.org"],
  ["GlobalNetworkPolicy", "crd.projectcalico.org"],
  ["NetworkPolicy", "projectcalico.org"],
  ["GlobalNetworkPolicy", "projectcalico.org"],
] as const;
const HINT = "Let the gateway's pods alone in: `mcpctl init` writes such a policy.";

/**
 * Do NetworkPolicies keep everyone but the gateway away from each MCP server (Kubernetes, "Network Policies")? As the objects
 * say: whether the network plugin enforces them, they cannot tell.
 */
export function networkPolicies(subject: VerifySubject): Verified {
  const { cluster, gatewayNamespace, registry } = subject;
  if (cluster === null) return skipped(["MC606"], "no manifests read (policy.manifests)");
  if (gatewayNamespace === null)
    return skipped(["MC606"], "the context names no cluster, so no namespace of the gateway");
  const policies = cluster.objectsOf("NetworkPolicy", NETWORK).filter((each) => isTaken(each) && limitsIngress(each));
  const network: Network = {
    cluster,
    policies,
    gatewayNamespace,
    namespacesWith: namespaceReader(cluster, gatewayNamespace),
    podsOf: podReader(cluster),
    unread: unreadOf(cluster),
  };
  const judged = [...registry.values()].map((backend) => ({ backend, says: judgeBackend(subject, backend, network) }));
  const naked = Map.groupBy(
    judged.filter(({ says }) => says === null),
    ({ backend }) => accountOf(backend)?.namespace ?? "",
  );
  return together([
    ...judged.flatMap(({ says }) => (says === null ? [] : [says])),
    ...[...naked].map(([namespace, all]) =>
      nobodyKeptOut(
        subject,
        namespace,
        all.map(({ backend }) => backend),
      ),
    ),
  ]);
}

/** It is told once of all the servers of a namespace. */
function nobodyKeptOut(subject: VerifySubject, namespace: string, backends: readonly Backend[]): Verified {
  const [first] = backends;
  if (first === undefined) return verified({});
  const names = listSome(
    backends.map(({ name }) => name),
    MOST_NAMED,
  );
  const message = `no NetworkPolicy of namespace ${namespace} keeps others than the gateway away from ${names}`;
  return verified({ findings: [findingOf("MC606", subject, first, [message, HINT])] });
}

interface Network {
  readonly cluster: ClusterFacts;
  /** Those that say who may come in. */
  readonly policies: readonly FactObject[];
  readonly gatewayNamespace: string;
  readonly namespacesWith: NamespaceReader;
  /** The pods that run as a ServiceAccount. */
  readonly podsOf: (account: ServiceAccount) => readonly FactObject[];
  /** What no judgement of NetworkPolicies takes into account, though it decides. */
  readonly unread: readonly string[];
}

/** Null where nothing keeps anybody away from one of its pods. */
function judgeBackend(subject: VerifySubject, backend: Backend, network: Network): Verified | null {
  const account = accountOf(backend);
  if (account === null) return open(backend, ["its ServiceAccount must be named, which tells its namespace"]);
  const { cluster, policies } = network;
  const pods = network.podsOf(account);
  if (pods.some(({ value }) => at(at(value, "spec"), "hostNetwork") === true)) return onHost(subject, backend);
  const unread = [...network.unread, ...urlDoubts(backend, account)];
  if (unread.length > 0) return open(backend, unread);
  const door: Door = { ...network, namespace: account.namespace, ports: serverPorts(cluster, backend.url) };
  const aimed = policies
    .filter((policy) => [account.namespace, null].includes(namespaceOf(policy)))
    .map((policy) => ({ policy, ...aimOf(policy, pods) }))
    .filter(({ selected, doubt }) => selected === "all" || selected.length > 0 || doubt !== null)
    .map((aim) => ({ ...aim, leaks: leaksOf(aim.policy, door) }));
  const findings = aimed.flatMap(({ policy, leaks, doubt }) =>
    leaks
      .filter(({ missing }) => doubt === null && missing === null)
      .map((leak) => leakFinding(policy, leak, { backend, account })),
  );
  if (findings.length > 0) return verified({ findings });
  const doubts = new Set(aimed.flatMap(({ leaks, doubt }) => leaks.flatMap(({ missing }) => doubt ?? missing ?? [])));
  if (!isCovered(aimed, pods)) {
    const mayCover = aimed.flatMap(({ doubt }) => doubt ?? []);
    if (mayCover.length === 0 && cluster.doubts.length === 0 && cluster.isComplete("NetworkPolicy")) return null;
    for (const doubt of mayCover) doubts.add(doubt);
  }
  if (!cluster.isComplete("NetworkPolicy")) doubts.add("all NetworkPolicies must be known");
  for (const doubt of cluster.doubts) doubts.add(doubt);
  const isForAll = aimed.some(({ selected }) => selected === "all");
  if (aimed.length > 0 && !isForAll && !cluster.isComplete("Pod")) doubts.add("all Pods must be known");
  return doubts.size === 0 ? verified({}) : open(backend, [...doubts]);
}

/** What plugins do with such pods is undefined (Kubernetes, "NetworkPolicy and hostNetwork pods"). */
function onHost(subject: VerifySubject, backend: Backend): Verified {
  const message = `a pod of "${backend.name}" has the network of its node, where most plugins heed no NetworkPolicy`;
  return verified({ findings: [findingOf("MC606", subject, backend, [message, "Take hostNetwork away."])] });
}

function open({ name }: Backend, doubts: readonly string[]): Verified {
  return verified({ undecided: [{ code: "MC606", about: name, missing: doubts.slice(0, MOST_NAMED) }] });
}

interface Who {
  readonly backend: Backend;
  readonly account: ServiceAccount;
}

function leakFinding(policy: FactObject, { path, who }: Leak, { backend, account }: Who): Finding {
  const place = policy.document.placeOf([...policy.path, ...path]);
  const message = `NetworkPolicy ${account.namespace}/${nameOf(policy)} lets ${who} reach "${backend.name}"`;
  return findingAt("MC606", place, message, HINT);
}

/** What the API server does not take keeps nobody away. */
function isTaken({ value }: FactObject): boolean {
  return (textAt(at(value, "metadata"), "name") ?? "") !== "" && isJsonObject(at(value, "spec") ?? {});
}

function namespaceOf({ value }: FactObject): string | null {
  return textAt(at(value, "metadata"), "namespace");
}

function nameOf({ value }: FactObject): string {
  return textAt(at(value, "metadata"), "name") ?? "-";
}

function podReader(cluster: ClusterFacts): Network["podsOf"] {
  const keyOf = (namespace: string | null, name: string): string => JSON.stringify([namespace, name]);
  const pods = Map.groupBy(cluster.objectsOf("Pod", ""), (pod) =>
    keyOf(namespaceOf(pod), textAt(at(pod.value, "spec"), "serviceAccountName") ?? "default"),
  );
  return ({ namespace, name }) => pods.get(keyOf(namespace, name)) ?? [];
}

function unreadOf(cluster: ClusterFacts): readonly string[] {
  const several = severalSnapshots(cluster.snapshots);
  return [
    ...(several === null ? [] : [several]),
    ...PLUGIN_KINDS.filter(([kind, group]) => cluster.objectsOf(kind, group).length > 0).map(
      ([kind]) => `what every ${kind} says must be known, which is not read here`,
    ),
  ];
}

function urlDoubts({ url }: Backend, { namespace }: ServiceAccount): readonly string[] {
  const isElsewhere = (serviceOf(url)?.namespace ?? namespace) !== namespace;
  return isElsewhere ? ["its url must lead to the namespace of its ServiceAccount"] : [];
}

/** Without policyTypes a policy is about ingress, and about egress as well where it says something of it. */
function limitsIngress({ value }: FactObject): boolean {
  const types = at(at(value, "spec"), "policyTypes") ?? [];
  return Array.isArray(types) && (types.length === 0 || types.includes("Ingress"));
}

/** Which of the pods is a policy about? `doubt` is what would tell; null where that is known. */
interface Aim {
  readonly selected: "all" | readonly FactObject[];
  readonly doubt: string | null;
}

function aimOf(policy: FactObject, pods: readonly FactObject[]): Aim {
  const selector = at(at(policy.value, "spec"), "podSelector") ?? {};
  const doubtful = (doubt: string): Aim => ({ selected: [], doubt });
  if (namespaceOf(policy) === null) return doubtful(`NetworkPolicy ${nameOf(policy)} must say its namespace`);
  if (!isSelector(selector)) return doubtful(`the podSelector of NetworkPolicy ${nameOf(policy)} must be one`);
  if (isEmptySelector(selector)) return { selected: "all", doubt: null };
  if (pods.length === 0) return doubtful("the labels of its pods must be known (a snapshot has them)");
  return { selected: pods.filter(({ value }) => selects(selector, labelsOf(value))), doubt: null };
}

function isCovered(aims: readonly Aim[], pods: readonly FactObject[]): boolean {
  const covered = new Set(aims.flatMap(({ selected }) => (selected === "all" ? pods : selected)));
  const isForAll = aims.some(({ selected }) => selected === "all");
  return isForAll || (pods.length > 0 && pods.every((pod) => covered.has(pod)));
}
