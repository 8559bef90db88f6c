import { AppError } from "../errors.ts";
import { AUDIENCE_ANNOTATION, ROLE_ANNOTATION } from "../flow/rbac/role-annotation.ts";
import type { SnapshotMark } from "../flow/rbac/snapshot-mark.ts";
import { discoverResources } from "./discover-resources.ts";
import type { KubeApi } from "./kube-api.ts";
import { isGone, kubeError, UNREADABLE } from "./kube-error.ts";
import type { KubeList, KubeObject, Metadata } from "./objects.ts";
import type { Resource } from "./resources.ts";

/** What of a cluster decides about layer 2, as one List that `policy.manifests` may name. */
export interface ClusterSnapshot {
  readonly apiVersion: "v1";
  readonly kind: "List";
  readonly metadata: { readonly mcpctl: SnapshotMark };
  readonly items: readonly Readonly<Record<string, unknown>>[];
}

export interface SnapshotReading {
  readonly snapshot: ClusterSnapshot;
  /** Kinds that could not be read as a whole, and why. */
  readonly unread: readonly { readonly kind: string; readonly why: string }[];
}

type Fields = (object: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;

interface Row {
  readonly resource: Resource;
  readonly apiVersion: string;
  readonly kind: string;
  /** What is kept beside some of the metadata. */
  readonly keep: Fields;
}

const RBAC = "rbac.authorization.k8s.io/v1";
const MAX_PAGE = 500;
const MAX_RESTARTS = 3;
/** Of one kind; far above what an API server holds. */
const MAX_OBJECTS = 1_000_000;
/** In the order of the snapshot. Never Secrets, nor what a pod is given. */
const ROWS: readonly Row[] = [
  { resource: "namespaces", apiVersion: "v1", kind: "Namespace", keep: () => ({}) },
  { resource: "serviceaccounts", apiVersion: "v1", kind: "ServiceAccount", keep: () => ({}) },
  { resource: "clusterroles", apiVersion: RBAC, kind: "ClusterRole", keep: only("rules", "aggregationRule") },
  { resource: "clusterrolebindings", apiVersion: RBAC, kind: "ClusterRoleBinding", keep: only("subjects", "roleRef") },
  { resource: "roles", apiVersion: RBAC, kind: "Role", keep: only("rules") },
  { resource: "rolebindings", apiVersion: RBAC, kind: "RoleBinding", keep: only("subjects", "roleRef") },
  { resource: "networkpolicies", apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", keep: only("spec") },
  { resource: "services", apiVersion: "v1", kind: "Service", keep: within("clusterIP", "ports") },
  { resource: "pods", apiVersion: "v1", kind: "Pod", keep: within("serviceAccountName", "hostNetwork") },
];

/**
 * Reads what decides about layer 2: RBAC, ServiceAccounts, NetworkPolicies, Namespaces, Services, Pods and the kinds that the
 * cluster serves. A kind that may not be read is named, and marked incomplete, so that nothing is denied for want of it.
 * @throws AppError when the cluster cannot be reached, or not be told from others
 */
export async function snapshotCluster(
  api: Pick<KubeApi, "send">,
  {
    takenAt,
    tell,
  }: { readonly takenAt: string; /** Told what is read next. */ readonly tell?: (what: string) => void },
): Promise<SnapshotReading> {
  const cluster = await clusterUid(api);
  const unread: { readonly kind: string; readonly why: string }[] = [];
  const items: Readonly<Record<string, unknown>>[] = [];
  const isComplete: Record<string, boolean> = {};
  for (const row of ROWS) {
    tell?.(row.resource);
    const why = await unlessForbidden(async () => {
      items.push(...(await listAll(api, row)));
    });
    isComplete[row.kind] = why === null;
    if (why !== null) unread.push({ kind: row.kind, why });
  }
  tell?.("the kinds that the cluster serves");
  const discovery = await discoverResources(api);
  items.push(...discovery.lists);
  isComplete["APIResourceList"] = discovery.why === null;
  if (discovery.why !== null) unread.push({ kind: "APIResourceList", why: discovery.why });
  const mcpctl: SnapshotMark = { version: 1, takenAt, cluster, isComplete };
  return { snapshot: { apiVersion: "v1", kind: "List", metadata: { mcpctl }, items }, unread };
}

async function clusterUid(api: Pick<KubeApi, "send">): Promise<string> {
  const call = { verb: "get", resource: "namespaces", namespace: null, name: "kube-system" } as const;
  const { metadata } = await api.send<KubeObject>({ ...call, isMetadataOnly: true });
  if (metadata?.uid === undefined) throw kubeError(call, UNREADABLE, "no uid");
  return metadata.uid;
}

/** Why it may not be read; null when it was. */
async function unlessForbidden(read: () => Promise<void>): Promise<string | null> {
  try {
    await read();
    return null;
  } catch (error) {
    if (error instanceof AppError && error.kind === "forbidden") return error.message;
    throw error;
  }
}

/** Every page; from the start again where the API server has forgotten what the next page continues. */
async function listAll(api: Pick<KubeApi, "send">, row: Row): Promise<readonly Readonly<Record<string, unknown>>[]> {
  for (let restarts = 0; ; restarts += 1) {
    try {
      return await listPages(api, row);
    } catch (error) {
      if (!isGone(error) || restarts === MAX_RESTARTS) throw error;
    }
  }
}

async function listPages(api: Pick<KubeApi, "send">, row: Row): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const found: { readonly key: string; readonly item: Readonly<Record<string, unknown>> }[] = [];
  let next = "";
  do {
    const query = { limit: String(MAX_PAGE), ...(next === "" ? {} : { continue: next }) };
    const call = { verb: "list", resource: row.resource, namespace: null, name: null, query } as const;
    const { items = [], metadata } = await api.send<KubeList<KubeObject>>(call);
    for (const object of items)
      found.push({ key: keyOf(object), item: itemOf(object as Readonly<Record<string, unknown>> & KubeObject, row) });
    if (found.length > MAX_OBJECTS) throw kubeError(call, UNREADABLE, `more than ${MAX_OBJECTS} objects`);
    next = metadata?.continue ?? "";
  } while (next !== "");
  return found.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ item }) => item);
}

function keyOf({ metadata }: KubeObject): string {
  return JSON.stringify([metadata?.namespace ?? "", metadata?.name ?? ""]);
}

function itemOf(
  object: Readonly<Record<string, unknown>> & KubeObject,
  { apiVersion, kind, keep }: Row,
): Readonly<Record<string, unknown>> {
  return { apiVersion, kind, metadata: metadataOf(object.metadata ?? {}), ...keep(object) };
}

const KEPT_ANNOTATIONS = [ROLE_ANNOTATION, AUDIENCE_ANNOTATION];

/** These annotations are kept: others hold whatever people put there, whole manifests included. */
function metadataOf({ name, namespace, uid, labels, annotations }: Metadata): Readonly<Record<string, unknown>> {
  const kept = KEPT_ANNOTATIONS.flatMap((key) => (annotations?.[key] === undefined ? [] : [[key, annotations[key]]]));
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid,
    ...(labels === undefined ? {} : { labels }),
    ...(kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) as Record<string, string> }),
  };
}

function only(...names: readonly string[]): Fields {
  return (object) => Object.fromEntries(names.flatMap((name) => (name in object ? [[name, object[name]]] : [])));
}

function within(...names: readonly string[]): Fields {
  const keep = only(...names);
  return ({ spec }) => {
    const kept = keep((spec ?? {}) as Readonly<Record<string, unknown>>);
    return Object.keys(kept).length === 0 ? {} : { spec: kept };
  };
}
