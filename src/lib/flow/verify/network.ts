import { accountOf } from "../account-of.ts";
import { listSome } from "../../list-some.ts";
import type { ServiceAccount } from "../requests.ts";
import { at, isJson, textAt, type FactObject, type Json } from "../rbac/fact-objects.ts";
import { isSelector, selects } from "../rbac/label-selector.ts";
import type { ClusterFacts } from "../rbac/cluster-facts.ts";
import type { Backend } from "../../policy/registry.ts";
import { isEmptySelector, labelsOf, leaksOf, type Door } from "./leaks.ts";
import { serverPorts } from "./server-ports.ts";
import { findingAt, findingOf, skipped, together, verified, type Verified, type VerifySubject } from "./subject.ts";

const NETWORK = "networking.k8s.io";
const MOST_NAMED = 5;
const POD_LABELS = "the labels of its pods must be known (a snapshot has them)";
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
  readonly policies: readonly FactObject[];
  readonly gatewayNamespace: string;
}

/** Null where nothing keeps anybody away. */
function judgeBackend(subject: VerifySubject, backend: Backend, network: Network): Verified | null {
  const account = accountOf(backend);
  if (account === null) return open(backend, "its ServiceAccount must be named, which tells its namespace");
  const pods = podsOf(network.cluster, account);
  if (pods?.some((pod) => at(at(pod, "spec"), "hostNetwork") === true) === true) return onHost(subject, backend);
  const here = network.policies.filter((policy) => isTaken(policy) && namespaceOf(policy) === account.namespace);
  const ingress = here.filter(limitsIngress);
  const matches = ingress.map((policy) => ({ policy, isSelected: selectsPods(policy, pods) }));
  const door: Door = { ...network, ports: serverPorts(network.cluster, backend.url) };
  const leaks = matches
    .filter(({ isSelected }) => isSelected !== "no")
    .flatMap(({ policy, isSelected }) =>
      leaksOf(policy, door).map((leak) => ({
        ...leak,
        policy,
        missing: isSelected === "yes" ? leak.missing : POD_LABELS,
      })),
    );
  const sure = leaks.filter(({ missing }) => missing === null);
  const findings = sure.map(({ policy, path, who }) =>
    findingAt(
      "MC606",
      policy.document.placeOf([...policy.path, ...path]),
      `NetworkPolicy ${account.namespace}/${nameOf(policy)} lets ${who} reach "${backend.name}"`,
      HINT,
    ),
  );
  if (findings.length > 0) return verified({ findings });
  if (leaks.length > 0) return open(backend, ...new Set(leaks.flatMap(({ missing }) => missing ?? [])));
  if (matches.some(({ isSelected }) => isSelected === "yes")) return closed(backend, network.cluster);
  if (matches.some(({ isSelected }) => isSelected === "maybe")) return open(backend, POD_LABELS);
  if (!network.cluster.isComplete("NetworkPolicy")) return open(backend, "all NetworkPolicies must be known");
  return null;
}

/** What plugins do with such pods is undefined (Kubernetes, "NetworkPolicy and hostNetwork pods"). */
function onHost(subject: VerifySubject, backend: Backend): Verified {
  const message = `a pod of "${backend.name}" has the network of its node, where most plugins heed no NetworkPolicy`;
  return verified({ findings: [findingOf("MC606", subject, backend, [message, "Take hostNetwork away."])] });
}

/** Policies only ever let more in: one that is not among the facts might. */
function closed(backend: Backend, cluster: ClusterFacts): Verified {
  return cluster.isComplete("NetworkPolicy") ? verified({}) : open(backend, "all NetworkPolicies must be known");
}

function open({ name }: Backend, ...missing: readonly string[]): Verified {
  return verified({ undecided: [{ code: "MC606", about: name, missing }] });
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

/** The pods that run as this ServiceAccount; null where none is among the facts. */
function podsOf(cluster: ClusterFacts, { namespace, name }: ServiceAccount): readonly Json[] | null {
  const pods = cluster
    .objectsOf("Pod", "")
    .map(({ value }) => value)
    .filter((pod) => textAt(at(pod, "metadata"), "namespace") === namespace)
    .filter((pod) => (textAt(at(pod, "spec"), "serviceAccountName") ?? "default") === name);
  return pods.length === 0 ? null : pods;
}

/** Without policyTypes a policy is about ingress. */
function limitsIngress({ value }: FactObject): boolean {
  const types = at(at(value, "spec"), "policyTypes") ?? ["Ingress"];
  return Array.isArray(types) && types.includes("Ingress");
}

function selectsPods({ value }: FactObject, pods: readonly Json[] | null): "yes" | "no" | "maybe" {
  const selector = at(at(value, "spec"), "podSelector") ?? {};
  if (!isSelector(selector)) return "maybe";
  if (isEmptySelector(selector)) return "yes";
  if (pods === null) return "maybe";
  const selected = pods.filter((pod) => selects(selector, labelsOf(at(at(pod, "metadata"), "labels")))).length;
  return selected === pods.length ? "yes" : selected === 0 ? "no" : "maybe";
}
