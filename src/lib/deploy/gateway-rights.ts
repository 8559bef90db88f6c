import { labelsOf, namesOf, type DeployOptions } from "./deployment.ts";
import type { KubeManifest, Manifest } from "./manifest.ts";

const RBAC = "rbac.authorization.k8s.io";

/** What may the gateway's pods do in the cluster? Follow four objects by name, and nothing else. */
export function gatewayRightsManifests({ name, namespace }: DeployOptions): readonly Manifest[] {
  const names = namesOf({ name, namespace });
  const follow = (resource: string, resourceNames: readonly string[]): object => ({
    apiGroups: [""],
    resources: [resource],
    resourceNames,
    verbs: ["get", "list", "watch"],
  });
  return [
    {
      object: {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: names.gateway, namespace, labels: labelsOf(name) },
        automountServiceAccountToken: false,
      },
      remarks: [[["automountServiceAccountToken"], "The Deployment asks for the token; no other pod gets it unasked."]],
    },
    role(
      { name: names.gateway, namespace, labels: labelsOf(name) },
      [follow("secrets", [names.keys]), follow("configmaps", [names.denylist, names.roles, names.backends])],
      "What a gateway follows, by name. It changes nothing in the cluster, and reads no other Secret.",
    ),
    binding(
      { name: names.gateway, namespace, labels: labelsOf(name) },
      { kind: "ServiceAccount", name: names.gateway, namespace },
    ),
  ];
}

type Metadata = KubeManifest["metadata"];

export function role(metadata: Metadata, rules: readonly object[], about: string): Manifest {
  const kind = metadata.namespace === undefined ? "ClusterRole" : "Role";
  return { about, object: { apiVersion: `${RBAC}/v1`, kind, metadata, rules } };
}

/** Binds the role of the same name. */
export function binding(metadata: Metadata, subject: Readonly<Record<string, string>>): Manifest {
  const kind = metadata.namespace === undefined ? "ClusterRole" : "Role";
  return {
    object: {
      apiVersion: `${RBAC}/v1`,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: RBAC, kind, name: metadata.name },
      subjects: [subject],
    },
  };
}
