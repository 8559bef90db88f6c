import type { Rule } from "./rbac-objects.ts";

/** Roles that the API server makes, and mends at each start (Kubernetes, "Default roles and role bindings"). */
const BOOTSTRAP = /^(?:cluster-admin|admin|edit|view|system:.*)$/;

/** Does every cluster have a ClusterRole of this name, whatever manifests show? */
export function isBootstrapRole(name: string): boolean {
  return BOOTSTRAP.test(name);
}

export const EVERYTHING: Rule = { verbs: ["*"], apiGroups: ["*"], resources: ["*"], resourceNames: [] };

/** The one bootstrap role whose rules are known without seeing them. */
export const CLUSTER_ADMIN = "cluster-admin";

/** What the API server's own bindings give to every ServiceAccount, by the names of these bindings. */
export const FOR_ALL: readonly (readonly [string, Rule])[] = [
  [
    "system:basic-user",
    {
      verbs: ["create"],
      apiGroups: ["authorization.k8s.io"],
      resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
      resourceNames: [],
    },
  ],
  [
    "system:basic-user",
    { verbs: ["create"], apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"], resourceNames: [] },
  ],
  [
    "system:cluster-trust-bundle-discovery",
    {
      verbs: ["get", "list", "watch"],
      apiGroups: ["certificates.k8s.io"],
      resources: ["clustertrustbundles"],
      resourceNames: [],
    },
  ],
];

/** The labels of bootstrap roles, by which other ClusterRoles aggregate them. */
export const BOOTSTRAP_LABELS: readonly ReadonlyMap<string, string>[] = [
  new Map([["kubernetes.io/bootstrapping", "rbac-defaults"]]),
  ...["admin", "edit", "view"].map(
    (name) =>
      new Map([
        ["kubernetes.io/bootstrapping", "rbac-defaults"],
        [`rbac.authorization.k8s.io/aggregate-to-${name}`, "true"],
      ]),
  ),
];

/** Its ServiceAccounts have bindings of the cluster's own, which no manifest shows. */
export const SYSTEM_NAMESPACE = "kube-system";
/** What a snapshot would tell of them. */
export const SYSTEM_BINDINGS =
  "the bindings that the cluster itself makes for ServiceAccounts of kube-system must be known";
