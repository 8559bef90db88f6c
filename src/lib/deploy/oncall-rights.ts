import { labelsOf, namesOf, type DeployOptions } from "./deployment.ts";
import { binding, role } from "./gateway-rights.ts";
import type { Manifest } from "./manifest.ts";

/** What does a person need who syncs, looks at the status, and breaks glass? */
export function oncallRightsManifests({ name, namespace, oncallGroup }: DeployOptions): readonly Manifest[] {
  const names = namesOf({ name, namespace });
  const labels = labelsOf(name);
  const group = { apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: oncallGroup };
  const allow = (apiGroup: string, resources: readonly string[], verbs: readonly string[], only?: string): object => ({
    apiGroups: [apiGroup],
    resources,
    ...(only === undefined ? {} : { resourceNames: [only] }),
    verbs,
  });
  return [
    {
      ...role(
        { name: names.oncall, namespace, labels },
        [
          allow("external-secrets.io", ["externalsecrets"], ["get", "patch"], names.keys),
          allow("external-secrets.io", ["secretstores"], ["get"], names.store),
          allow("", ["secrets"], ["get"], names.keys),
          allow("", ["configmaps"], ["get", "patch"], names.denylist),
          allow("", ["events"], ["list", "create"]),
          allow("discovery.k8s.io", ["endpointslices"], ["list"]),
          allow("", ["pods/proxy"], ["get"]),
        ],
        `Syncs, status and break-glass. \`mcpctl lock init\`, which makes the denylist, is an administrator's: whoever may
create ConfigMaps may create any.`,
      ),
      remarks: [
        [
          ["rules", 0],
          "`patch` alone would let its holder render keys of any role: admission-policy.yaml leaves the force-sync annotation.",
        ],
        [["rules", 2], "To compare what was rendered with the store. It holds hashes, not keys."],
        [
          ["rules", 6],
          "To ask each replica what it enforces. RBAC cannot name pods that come and go: run nothing else in this namespace.",
        ],
      ],
    },
    binding({ name: names.oncall, namespace, labels }, group),
    role(
      { name: names.clusterIdentity, labels },
      [allow("", ["namespaces"], ["get"], "kube-system")],
      "Its UID is the cluster's identity, which mcpctl checks before it changes anything.",
    ),
    binding({ name: names.clusterIdentity, labels }, group),
  ];
}
