import { CIDR_PLACEHOLDER, gatewayLabels, labelsOf, namesOf, type DeployOptions } from "./deployment.ts";
import type { Manifest } from "./manifest.ts";

/** Who may connect to the MCP servers, and who to the gateway's two ports? */
export function networkPolicyManifests(options: DeployOptions): readonly Manifest[] {
  return [serversPolicy(options), gatewayPolicy(options)];
}

const NETWORK = "networking.k8s.io/v1";

function serversPolicy({ name, namespace, serversNamespace }: DeployOptions): Manifest {
  const from = [{ namespaceSelector: inNamespace(namespace), podSelector: { matchLabels: gatewayLabels(name) } }];
  return {
    about:
      "MCP servers take connections from the gateway alone. It needs a network plugin that enforces NetworkPolicies.",
    object: {
      apiVersion: NETWORK,
      kind: "NetworkPolicy",
      metadata: { name: namesOf({ name, namespace }).servers, namespace: serversNamespace, labels: labelsOf(name) },
      spec: { podSelector: {}, policyTypes: ["Ingress"], ingress: [{ from }] },
    },
    remarks: [
      [
        ["spec", "podSelector"],
        "Every pod of this namespace, so that none is open for want of a label: run nothing but MCP servers in it.",
      ],
    ],
  };
}

function gatewayPolicy({ name, namespace, apiServerCidrs }: DeployOptions): Manifest {
  const prometheus = {
    namespaceSelector: inNamespace("monitoring"),
    podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } },
  };
  const apiServers = apiServerCidrs.map((cidr) => ({ ipBlock: { cidr } }));
  const isPlaceholder = apiServerCidrs.includes(CIDR_PLACEHOLDER);
  return {
    object: {
      apiVersion: NETWORK,
      kind: "NetworkPolicy",
      metadata: { name: namesOf({ name, namespace }).gateway, namespace, labels: labelsOf(name) },
      spec: {
        podSelector: { matchLabels: gatewayLabels(name) },
        policyTypes: ["Ingress"],
        ingress: [
          { ports: [{ protocol: "TCP", port: "mcp" }] },
          { from: [...apiServers, prometheus], ports: [{ protocol: "TCP", port: "admin" }] },
        ],
      },
    },
    remarks: [
      [["spec", "ingress", 0], "Agents, from anywhere: each call needs a key. Narrow it with `from` where you can."],
      [
        ["spec", "ingress", 1],
        `Who asks what a gateway enforces: the API server's pod proxy, for \`mcpctl sync\`, \`status\` and \`lock\`, and Prometheus,
wherever it runs here (namespace monitoring unless you correct it).
The API server is no pod and has no label, so its addresses are named. \`kubectl get endpointslices kubernetes\` shows them;
on EKS they change within the cluster's subnets, so name those.${
          isPlaceholder ? `\n${CIDR_PLACEHOLDER} is a placeholder that lets nobody in: replace it.` : ""
        }`,
      ],
    ],
  };
}

function inNamespace(name: string): object {
  return { matchLabels: { "kubernetes.io/metadata.name": name } };
}
