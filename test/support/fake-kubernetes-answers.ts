import { RESOURCES, type Resource } from "../../src/lib/cluster/resources.ts";
import { reviewAccess } from "./fake-access-review.ts";
import type { FakeCall } from "./fake-kubernetes-call.ts";
import { mergePatch, type FakeObjects, type Place, type StoredObject } from "./fake-objects.ts";

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

type Body = Readonly<Record<string, unknown>> & { readonly metadata?: Readonly<Record<string, string>> };

/** `apiVersion` and `kind` of each. */
export const KINDS: Readonly<Record<Resource, { readonly apiVersion: string; readonly kind: string }>> = {
  namespaces: kind("namespaces", "Namespace"),
  secrets: kind("secrets", "Secret"),
  configmaps: kind("configmaps", "ConfigMap"),
  pods: kind("pods", "Pod"),
  events: kind("events", "Event"),
  services: kind("services", "Service"),
  serviceaccounts: kind("serviceaccounts", "ServiceAccount"),
  deployments: kind("deployments", "Deployment"),
  endpointslices: kind("endpointslices", "EndpointSlice"),
  poddisruptionbudgets: kind("poddisruptionbudgets", "PodDisruptionBudget"),
  networkpolicies: kind("networkpolicies", "NetworkPolicy"),
  roles: kind("roles", "Role"),
  rolebindings: kind("rolebindings", "RoleBinding"),
  clusterroles: kind("clusterroles", "ClusterRole"),
  clusterrolebindings: kind("clusterrolebindings", "ClusterRoleBinding"),
  apiresources: kind("apiresources", "APIResource"),
  subjectaccessreviews: kind("subjectaccessreviews", "SubjectAccessReview"),
  validatingadmissionpolicies: kind("validatingadmissionpolicies", "ValidatingAdmissionPolicy"),
  validatingadmissionpolicybindings: kind("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"),
  externalsecrets: kind("externalsecrets", "ExternalSecret"),
  secretstores: kind("secretstores", "SecretStore"),
  clustersecretstores: kind("clustersecretstores", "ClusterSecretStore"),
};

function kind(resource: Resource, name: string): { readonly apiVersion: string; readonly kind: string } {
  const { group, version } = RESOURCES[resource];
  return { apiVersion: group === "" ? version : `${group}/${version}`, kind: name };
}

/** What a healthy API server answers; for a watch, whether it can begin. */
export function answerCall(call: FakeCall, objects: FakeObjects): Answer {
  if (call.verb === "list") return list(call, objects);
  if (call.resource === "apiresources") return discover(call.name ?? "");
  if (call.resource === "subjectaccessreviews") return { status: 201, body: reviewAccess(call.body, objects) };
  if (call.verb === "create") return create(call, objects);
  if (call.verb !== "watch") return named(call, objects);
  return objects.since(versionOf(call)) === null ? expired() : { status: 200, body: null };
}

/** The version that a watch begins at. */
export function versionOf({ query }: FakeCall): number {
  return Number(query["resourceVersion"] ?? 0);
}

const CLUSTER_WIDE = new Set<Resource>(["namespaces", "clusterroles", "clusterrolebindings", "subjectaccessreviews"]);

/** The documents of discovery, for the kinds that mcpctl touches. */
function discover(path: string): Answer {
  const [, , group = "", version = "v1"] = path.startsWith("/api/") ? [] : path.split("/");
  const names = (Object.keys(RESOURCES) as Resource[]).filter((resource) => resource !== "apiresources");
  if (path === "/apis") {
    const groups = [...new Set(names.map((resource) => RESOURCES[resource].group))].filter((name) => name !== "");
    const versions = (name: string): unknown => [{ groupVersion: `${name}/v1`, version: "v1" }];
    return {
      status: 200,
      body: {
        kind: "APIGroupList",
        apiVersion: "v1",
        groups: groups.map((name) => ({ name, versions: versions(name) })),
      },
    };
  }
  const resources = names
    .filter((resource) => RESOURCES[resource].group === group)
    .map((name) => ({
      name,
      singularName: "",
      namespaced: !CLUSTER_WIDE.has(name),
      kind: KINDS[name].kind,
      verbs: ["get"],
    }));
  if (resources.length === 0) return { status: 404, body: null };
  const groupVersion = group === "" ? "v1" : `${group}/${version}`;
  return { status: 200, body: { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources } };
}

function list({ resource, namespace, name, query }: FakeCall, objects: FakeObjects): Answer {
  const { apiVersion, kind } = KINDS[resource];
  const all = objects
    .list(resource, namespace)
    .filter(({ metadata }) => name === null || metadata.name === name)
    .filter(({ metadata }) => isLabelled(metadata.labels ?? {}, query["labelSelector"]))
    // Items carry neither.
    .map(({ apiVersion: _version, kind: _kind, ...object }) => object);
  const from = Number(query["continue"] ?? 0);
  const to = from + Number(query["limit"] ?? all.length);
  const items = all.slice(from, to);
  const metadata = {
    resourceVersion: String(objects.version),
    ...(to < all.length ? { continue: String(to), remainingItemCount: all.length - to } : {}),
  };
  return { status: 200, body: { apiVersion, kind: `${kind}List`, metadata, items } };
}

/** Of selectors, `key=value`. */
function isLabelled(labels: Readonly<Record<string, string>>, selector: string | undefined): boolean {
  const [key = "", value] = selector?.split("=") ?? [];
  return selector === undefined || labels[key] === value;
}

function create({ resource, namespace, body }: FakeCall, objects: FakeObjects): Answer {
  const written = body as Body;
  const { name = `${written.metadata?.["generateName"]}${objects.version}` } = written.metadata ?? {};
  const space = { resource: "namespaces", namespace: "", name: namespace ?? "" } as const;
  if (namespace !== null && objects.get(space) === null) return notFound(space);
  const place = { resource, namespace: namespace ?? "", name };
  if (objects.get(place) !== null) return conflict(place, "AlreadyExists", "already exists");
  return { status: 201, body: objects.put(place, { ...KINDS[resource], ...written }) };
}

function named(call: FakeCall, objects: FakeObjects): Answer {
  const place = { resource: call.resource, namespace: call.namespace ?? "", name: call.name ?? "" };
  const before = objects.get(place);
  if (before === null) return notFound(place);
  if (call.verb === "get") return { status: 200, body: call.isMetadataOnly ? metadataOf(before) : before };
  if (call.verb === "delete") return remove(place, before, objects);
  if (call.verb === "patch" && call.contentType !== "application/merge-patch+json")
    return failure(415, "UnsupportedMediaType", `the body of the request was in an unknown format`);
  const body = (call.verb === "patch" ? mergePatch(before, call.body) : call.body) as Body;
  const { resourceVersion = before.metadata.resourceVersion, uid = before.metadata.uid } = body.metadata ?? {};
  if (resourceVersion !== before.metadata.resourceVersion)
    return conflict(place, "Conflict", "Operation cannot be fulfilled: the object has been modified");
  if (uid !== before.metadata.uid) return failure(422, "Invalid", "metadata.uid: field is immutable");
  return { status: 200, body: objects.put(place, { ...KINDS[call.resource], ...body }) };
}

function remove(place: Place, { metadata: { uid } }: StoredObject, objects: FakeObjects): Answer {
  objects.remove(place);
  const details = { name: place.name, ...groupOf(place.resource), kind: place.resource, uid };
  return { status: 200, body: { ...STATUS, status: "Success", details } };
}

function metadataOf({ metadata }: StoredObject): unknown {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
}

const STATUS = { kind: "Status", apiVersion: "v1", metadata: {} } as const;

/** A Status that says no (https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/#status-v1-meta). */
export function failure(code: number, reason: string, message: string, details?: unknown): Answer {
  return { status: code, body: { ...STATUS, status: "Failure", message, reason, details, code } };
}

function notFound({ resource, name }: Place): Answer {
  const details = { name, ...groupOf(resource), kind: resource };
  return failure(404, "NotFound", `${labelOf(resource)} ${JSON.stringify(name)} not found`, details);
}

function conflict({ resource, name }: Place, reason: string, says: string): Answer {
  const details = { name, ...groupOf(resource), kind: resource };
  return failure(409, reason, `${labelOf(resource)} ${JSON.stringify(name)} ${says}`, details);
}

export function expired(): Answer {
  return failure(410, "Expired", "too old resource version");
}

function groupOf(resource: Resource): { readonly group?: string } {
  const { group } = RESOURCES[resource];
  return group === "" ? {} : { group };
}

function labelOf(resource: Resource): string {
  const { group } = RESOURCES[resource];
  return group === "" ? resource : `${resource}.${group}`;
}
