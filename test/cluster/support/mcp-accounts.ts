import type { Json } from "./manifests.ts";

/** Where the servers' ServiceAccounts are. */
export const SERVERS = "mcp-servers";

const GROUP = "rbac.authorization.k8s.io";
const API = `${GROUP}/v1`;

interface Account {
  /** What binds it. */
  readonly bindings: readonly Json[];
  /** The namespace that its server takes where a call names none. */
  readonly ownNamespace?: string;
}

/** ServiceAccounts of several kinds, by name. */
export const ACCOUNTS: Readonly<Record<string, Account>> = {
  none: { bindings: [] },
  viewer: { bindings: [clusterWide("viewer", "view")] },
  "stage-viewer": { bindings: [within("stage", "stage-viewer", "view")], ownNamespace: "stage" },
  "stage-editor": { bindings: [within("stage", "stage-editor", "edit")] },
  "one-pod": {
    bindings: [
      role("stage", "one-pod", [
        { apiGroups: [""], resources: ["pods", "pods/log"], verbs: ["get"], resourceNames: ["web"] },
      ]),
      within("stage", "one-pod", "one-pod", "Role"),
    ],
    ownNamespace: "stage",
  },
  "no-delete": {
    bindings: [
      {
        apiVersion: API,
        kind: "ClusterRole",
        metadata: { name: "no-delete" },
        rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["get", "list", "watch", "create", "update", "patch"] }],
      },
      clusterWide("no-delete", "no-delete"),
    ],
  },
  everything: { bindings: [clusterWide("everything", "cluster-admin")] },
};

export function accountObjects(): readonly Json[] {
  return Object.entries(ACCOUNTS).flatMap(([name, { bindings }]) => [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace: SERVERS } },
    ...bindings,
  ]);
}

function role(namespace: string, name: string, rules: readonly Json[]): Json {
  return { apiVersion: API, kind: "Role", metadata: { name, namespace }, rules };
}

function clusterWide(account: string, name: string): Json {
  return binding("ClusterRoleBinding", { name: `mcp-${account}` }, account, { kind: "ClusterRole", name });
}

function within(namespace: string, account: string, name: string, kind = "ClusterRole"): Json {
  return binding("RoleBinding", { name: `mcp-${account}`, namespace }, account, { kind, name });
}

function binding(kind: string, metadata: Json, account: string, ref: Json): Json {
  const subjects = [{ kind: "ServiceAccount", name: account, namespace: SERVERS }];
  return { apiVersion: API, kind, metadata, subjects, roleRef: { apiGroup: GROUP, ...ref } };
}
