/** The kinds of objects that mcpctl touches, and where the API serves them. */
export const RESOURCES = {
  namespaces: { group: "", version: "v1" },
  secrets: { group: "", version: "v1" },
  configmaps: { group: "", version: "v1" },
  pods: { group: "", version: "v1" },
  events: { group: "", version: "v1" },
  services: { group: "", version: "v1" },
  serviceaccounts: { group: "", version: "v1" },
  deployments: { group: "apps", version: "v1" },
  endpointslices: { group: "discovery.k8s.io", version: "v1" },
  poddisruptionbudgets: { group: "policy", version: "v1" },
  networkpolicies: { group: "networking.k8s.io", version: "v1" },
  roles: { group: "rbac.authorization.k8s.io", version: "v1" },
  rolebindings: { group: "rbac.authorization.k8s.io", version: "v1" },
  clusterroles: { group: "rbac.authorization.k8s.io", version: "v1" },
  clusterrolebindings: { group: "rbac.authorization.k8s.io", version: "v1" },
  /** What the API serves; see `discoveryCall`. */
  apiresources: { group: "", version: "v1" },
  subjectaccessreviews: { group: "authorization.k8s.io", version: "v1" },
  validatingadmissionpolicies: { group: "admissionregistration.k8s.io", version: "v1" },
  validatingadmissionpolicybindings: { group: "admissionregistration.k8s.io", version: "v1" },
  externalsecrets: { group: "external-secrets.io", version: "v1" },
  secretstores: { group: "external-secrets.io", version: "v1" },
  clustersecretstores: { group: "external-secrets.io", version: "v1" },
} as const;

export type Resource = keyof typeof RESOURCES;
export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";

/** One request in the words of Kubernetes RBAC: what must be allowed for it, and where it goes. */
export interface KubeCall {
  readonly verb: Verb;
  readonly resource: Resource;
  /** Null for an object of the whole cluster. */
  readonly namespace: string | null;
  /** Null for a collection. */
  readonly name: string | null;
  /** `proxy` of a pod, with what follows it: `proxy/state`. */
  readonly subresource?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Where it goes instead, for what is no resource. */
  readonly path?: string;
  /** Only the metadata, whatever is in the object: an answer of a few hundred bytes. */
  readonly isMetadataOnly?: boolean;
}

/** Asks for a document of discovery: `/apis`, `/api/v1` or `/apis/apps/v1`. */
export function discoveryCall(path: string): KubeCall {
  return { verb: "get", resource: "apiresources", namespace: null, name: null, path };
}

/** The path of the API and its query. */
export function pathOf({ resource, namespace, name, subresource, query, path: other }: KubeCall): string {
  if (other !== undefined) return other;
  const { group, version } = RESOURCES[resource];
  const segments = [
    ...(group === "" ? ["api", version] : ["apis", group, version]),
    ...(namespace === null ? [] : ["namespaces", namespace]),
    resource,
    ...(name === null ? [] : [name]),
  ];
  const path = `/${segments.map(encodeURIComponent).join("/")}${subresource === undefined ? "" : `/${subresource}`}`;
  return query === undefined ? path : `${path}?${new URLSearchParams(query).toString()}`;
}

/** `get externalsecrets.external-secrets.io "mcp-gateway-keys" in namespace mcp-gateway`: what a Role must allow. */
export function rightOf({ verb, resource, namespace, name, subresource, path }: KubeCall): string {
  if (path !== undefined) return `${verb} ${path}`;
  const { group } = RESOURCES[resource];
  const kind = `${resource}${subresource === undefined ? "" : `/${subresource.split("/")[0] ?? ""}`}`;
  const object = `${kind}${group === "" ? "" : `.${group}`}${name === null ? "" : ` "${name}"`}`;
  return `${verb} ${object}${namespace === null ? "" : ` in namespace ${namespace}`}`;
}
