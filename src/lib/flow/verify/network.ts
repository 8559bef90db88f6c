import { accountOf } from "../account-of.ts";
import { listSome } from "../../list-some.ts";
import { at, isJson, textAt, type FactObject } from "../rbac/fact-objects.ts";
import { isSelector, selects, type LabelSelector } from "../rbac/label-selector.ts";
import type { ClusterFacts } from "../rbac/cluster-facts.ts";
import type { Backend } from "../../policy/registry.ts";
import { findingAt, findingOf, skipped, together, verified, type Verified, type VerifySubject } from "./subject.ts";

const NETWORK = "networking.k8s.io";
const NAMESPACE_LABEL = "kubernetes.io/metadata.name";
const MOST_NAMED = 5;
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
  const policies = cluster.objectsOf("NetworkPolicy", NETWORK);
  const network = { cluster, policies, gatewayNamespace };
  const judged = [...registry.values()].map((backend) => ({ backend, says: judgeBackend(backend, network) }));
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
  readonly policies: readonly FactObject[];
  readonly gatewayNamespace: string;
}

/** Null where nothing keeps anybody away. */
function judgeBackend(backend: Backend, network: Network): Verified | null {
  const account = accountOf(backend);
  if (account === null) return open(backend, "its ServiceAccount must be named, which tells its namespace");
  const pods = podLabels(network.cluster, account.namespace, account.name);
  const here = network.policies.filter((policy) => isTaken(policy) && namespaceOf(policy) === account.namespace);
  const ingress = here.filter(limitsIngress);
  const matches = ingress.map((policy) => ({ policy, isSelected: selectsPods(policy, pods) }));
  const leaks = matches
    .filter(({ isSelected }) => isSelected !== "no")
    .flatMap(({ policy, isSelected }) =>
      leaksOf(policy, network.gatewayNamespace).map((leak) => ({ ...leak, policy, isSelected })),
    );
  const sure = leaks.filter(({ isSelected }) => isSelected === "yes");
  const findings = sure.map(({ policy, path, who }) =>
    findingAt(
      "MC606",
      policy.document.placeOf([...policy.path, ...path]),
      `NetworkPolicy ${account.namespace}/${nameOf(policy)} lets ${who} reach "${backend.name}"`,
      HINT,
    ),
  );
  if (findings.length > 0) return verified({ findings });
  if (leaks.length > 0) return open(backend, "the labels of its pods must be known (a snapshot has them)");
  if (matches.some(({ isSelected }) => isSelected === "yes")) return closed(backend, network.cluster);
  if (matches.some(({ isSelected }) => isSelected === "maybe"))
    return open(backend, "the labels of its pods must be known (a snapshot has them)");
  if (!network.cluster.isComplete("NetworkPolicy")) return open(backend, "all NetworkPolicies must be known");
  return null;
}

/** Policies only ever let more in: one that is not among the facts might. */
function closed(backend: Backend, cluster: ClusterFacts): Verified {
  return cluster.isComplete("NetworkPolicy") ? verified({}) : open(backend, "all NetworkPolicies must be known");
}

function open({ name }: Backend, missing: string): Verified {
  return verified({ undecided: [{ code: "MC606", about: name, missing: [missing] }] });
}

/** What the API server does not take keeps nobody away. */
function isTaken({ value }: FactObject): boolean {
  return (textAt(at(value, "metadata"), "name") ?? "") !== "" && isJson(at(value, "spec") ?? {});
}

function namespaceOf({ value }: FactObject): string | null {
  return textAt(at(value, "metadata"), "namespace");
}

function nameOf({ value }: FactObject): string {
  return textAt(at(value, "metadata"), "name") ?? "-";
}

/** Labels of the pods that run as this ServiceAccount; null where no pod is among the facts. */
function podLabels(
  cluster: ClusterFacts,
  namespace: string,
  account: string,
): readonly ReadonlyMap<string, string>[] | null {
  const pods = cluster
    .objectsOf("Pod", "")
    .filter(({ value }) => textAt(at(value, "metadata"), "namespace") === namespace)
    .filter(({ value }) => (textAt(at(value, "spec"), "serviceAccountName") ?? "default") === account);
  return pods.length === 0 ? null : pods.map(({ value }) => labelsOf(at(at(value, "metadata"), "labels")));
}

function labelsOf(value: unknown): ReadonlyMap<string, string> {
  return new Map(isJson(value) ? Object.entries(value).map(([name, text]) => [name, String(text)]) : []);
}

/** Without policyTypes a policy is about ingress. */
function limitsIngress({ value }: FactObject): boolean {
  const types = at(at(value, "spec"), "policyTypes") ?? ["Ingress"];
  return Array.isArray(types) && types.includes("Ingress");
}

function selectsPods(
  { value }: FactObject,
  pods: readonly ReadonlyMap<string, string>[] | null,
): "yes" | "no" | "maybe" {
  const selector = at(at(value, "spec"), "podSelector") ?? {};
  if (!isSelector(selector)) return "maybe";
  if (isEmpty(selector)) return "yes";
  if (pods === null) return "maybe";
  const selected = pods.filter((labels) => selects(selector, labels)).length;
  return selected === pods.length ? "yes" : selected === 0 ? "no" : "maybe";
}

function isEmpty({ matchLabels, matchExpressions }: LabelSelector): boolean {
  return Object.keys(matchLabels ?? {}).length === 0 && (matchExpressions ?? []).length === 0;
}

interface Leak {
  readonly path: readonly (string | number)[];
  readonly who: string;
}

/** Who beside the gateway may come in. A rule without `from` lets everybody in. */
function leaksOf({ value }: FactObject, gatewayNamespace: string): readonly Leak[] {
  const rules = at(at(value, "spec"), "ingress") ?? [];
  const own = textAt(at(value, "metadata"), "namespace");
  if (!Array.isArray(rules)) return [{ path: ["spec", "ingress"], who: "nobody can tell whom" }];
  return rules.flatMap((rule: unknown, index): readonly Leak[] => {
    const path = ["spec", "ingress", index];
    const from = at(rule, "from") ?? [];
    if (!Array.isArray(from) || from.length === 0) return [{ path, who: "everybody" }];
    return from.flatMap((peer: unknown, place): readonly Leak[] => {
      const who = strangerOf(peer, own, gatewayNamespace);
      return who === null ? [] : [{ path: [...path, "from", place], who }];
    });
  });
}

/** Null for the gateway's pods: some of its namespace, told from others by a label. */
function strangerOf(peer: unknown, own: string | null, gatewayNamespace: string): string | null {
  if (at(peer, "ipBlock") !== undefined) return "the addresses of an ipBlock";
  const [namespaces, pods] = [at(peer, "namespaceSelector"), at(peer, "podSelector")];
  const name = namespaces === undefined ? own : textAt(at(namespaces, "matchLabels"), NAMESPACE_LABEL);
  if (name !== gatewayNamespace) return name === null ? "pods of other namespaces" : `pods of namespace ${name}`;
  const selector = pods ?? {};
  return isSelector(selector) && !isEmpty(selector) ? null : `every pod of namespace ${name}`;
}
