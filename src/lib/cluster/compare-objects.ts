import { differences, type Difference } from "../deploy/differences.ts";
import type { KubeManifest } from "../deploy/manifest.ts";
import { AppError, clause } from "../errors.ts";
import type { KubeApi } from "./kube-api.ts";
import { isNotFound, isNotServed } from "./kube-error.ts";
import { RESOURCES, type KubeCall, type Resource } from "./resources.ts";

/** How does one object of the cluster differ from its manifest? */
export type Comparison = { readonly object: string } & (
  | { readonly is: "same" }
  | { readonly is: "different"; readonly differences: readonly Difference[] }
  /** It is not there. */
  | { readonly is: "missing"; readonly problem: string }
  /** It cannot be said. */
  | { readonly is: "unread"; readonly problem: string }
);

/** The kinds that can be compared, and whether their objects belong to a namespace. */
const KINDS: Readonly<Record<string, { readonly resource: Resource; readonly isNamespaced: boolean }>> = {
  ServiceAccount: { resource: "serviceaccounts", isNamespaced: true },
  ConfigMap: { resource: "configmaps", isNamespaced: true },
  Secret: { resource: "secrets", isNamespaced: true },
  Service: { resource: "services", isNamespaced: true },
  Namespace: { resource: "namespaces", isNamespaced: false },
  Deployment: { resource: "deployments", isNamespaced: true },
  PodDisruptionBudget: { resource: "poddisruptionbudgets", isNamespaced: true },
  NetworkPolicy: { resource: "networkpolicies", isNamespaced: true },
  Role: { resource: "roles", isNamespaced: true },
  RoleBinding: { resource: "rolebindings", isNamespaced: true },
  ClusterRole: { resource: "clusterroles", isNamespaced: false },
  ClusterRoleBinding: { resource: "clusterrolebindings", isNamespaced: false },
  ValidatingAdmissionPolicy: { resource: "validatingadmissionpolicies", isNamespaced: false },
  ValidatingAdmissionPolicyBinding: { resource: "validatingadmissionpolicybindings", isNamespaced: false },
  ExternalSecret: { resource: "externalsecrets", isNamespaced: true },
  SecretStore: { resource: "secretstores", isNamespaced: true },
  ClusterSecretStore: { resource: "clustersecretstores", isNamespaced: false },
};

/**
 * Compares every manifest with the cluster; an object that cannot be read leaves the others as they are.
 * @throws AppError interrupted
 */
export async function compareObjects(
  api: Pick<KubeApi, "send">,
  manifests: readonly KubeManifest[],
): Promise<readonly Comparison[]> {
  return Promise.all(manifests.map((manifest) => compareObject(api, manifest)));
}

async function compareObject(api: Pick<KubeApi, "send">, manifest: KubeManifest): Promise<Comparison> {
  const { namespace, name } = manifest.metadata;
  const object = `${manifest.kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
  const call = callFor(manifest);
  if (call === null)
    return { object, is: "unread", problem: "it is of a kind, or without a namespace, that is not compared" };
  try {
    const found = differences(manifest, await api.send(call)).map((one) =>
      manifest.kind === "Secret" ? { ...one, wanted: HIDDEN, found: HIDDEN } : one,
    );
    return found.length === 0 ? { object, is: "same" } : { object, is: "different", differences: found };
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === "interrupted") throw error;
    const is = isNotFound(error) || isNotServed(error) ? "missing" : "unread";
    return { object, is, problem: clause(error.message) };
  }
}

/** In the place of everything of a Secret. */
const HIDDEN = "(not shown)";

function callFor({ apiVersion, kind, metadata }: KubeManifest): KubeCall | null {
  const known = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (known === undefined) return null;
  const { group, version } = RESOURCES[known.resource];
  const { name, namespace = null } = metadata;
  if (apiVersion !== (group === "" ? version : `${group}/${version}`)) return null;
  if (known.isNamespaced !== (namespace !== null)) return null;
  return { verb: "get", resource: known.resource, namespace, name };
}
