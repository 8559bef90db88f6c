import { listSome } from "../../list-some.ts";
import { askedOf, matchRule } from "../rbac/asked.ts";
import { grantedRulesReader } from "../rbac/granted-rules.ts";
import type { Binding, Rule } from "../rbac/rbac-objects.ts";
import { label } from "../rbac/words.ts";
import { parseTemplate } from "../template.ts";
import { findingAt, skipped, verified, type Verified, type VerifySubject } from "./subject.ts";

const MOST_NAMED = 5;

const RBAC = "rbac.authorization.k8s.io";
const SYNC = "external-secrets.io";

interface Way {
  readonly verbs: readonly string[];
  readonly group: string;
  readonly resources: readonly string[];
  /** Of no namespace: a binding in one does not give it. */
  readonly isClusterWide?: true;
}

/** Ways round a gateway: whose pod it is reads every Secret of its namespace, and is let through to every server. */
const WAYS: readonly Way[] = [
  { verbs: ["create", "update", "patch"], group: "", resources: ["pods", "replicationcontrollers"] },
  // A WebSocket begins with a GET, which older API servers take for a `get`.
  { verbs: ["create", "get"], group: "", resources: ["pods/exec", "pods/attach"] },
  { verbs: ["update", "patch"], group: "", resources: ["pods/ephemeralcontainers"] },
  {
    verbs: ["create", "update", "patch"],
    group: "apps",
    resources: ["deployments", "daemonsets", "statefulsets", "replicasets"],
  },
  { verbs: ["create"], group: "batch", resources: ["jobs"] },
  { verbs: ["create", "update", "patch"], group: "batch", resources: ["cronjobs"] },
  {
    verbs: ["create", "update", "patch", "delete", "deletecollection"],
    group: "",
    resources: ["secrets", "configmaps"],
  },
  { verbs: ["get", "list", "watch"], group: "", resources: ["secrets"] },
  { verbs: ["create"], group: "", resources: ["serviceaccounts/token"] },
  // Whoever leads the gateway's Service elsewhere is given the agents' tokens.
  { verbs: ["update", "patch"], group: "", resources: ["services"] },
  { verbs: ["create", "update", "patch"], group: "", resources: ["endpoints"] },
  { verbs: ["create", "update", "patch"], group: "discovery.k8s.io", resources: ["endpointslices"] },
  // What the keys are read from.
  { verbs: ["create", "update", "patch"], group: SYNC, resources: ["externalsecrets", "secretstores"] },
  { verbs: ["create", "update", "patch"], group: SYNC, resources: ["clustersecretstores"], isClusterWide: true },
  // Whoever has one of these takes any other right, or becomes somebody who has it (Kubernetes, "RBAC Good Practices").
  { verbs: ["escalate", "bind"], group: RBAC, resources: ["roles", "clusterroles"] },
  { verbs: ["impersonate"], group: "", resources: ["serviceaccounts"] },
  { verbs: ["impersonate"], group: "", resources: ["users", "groups"], isClusterWide: true },
  { verbs: ["create", "get"], group: "", resources: ["nodes/proxy"], isClusterWide: true },
];

const ASKED = WAYS.flatMap(({ verbs, group, resources, isClusterWide = false }) =>
  resources.flatMap((resource) =>
    verbs.map((verb) => {
      // One name is as good as another: everything in the namespace is the gateway's.
      const name = verb === "create" && !resource.includes("/") ? null : [{ argument: "name" }];
      const request = { verb: [verb], group: parseTemplate(group), resource: [resource], namespace: ["-"], name };
      return { text: `${verb} ${resource}`, asked: askedOf(request), isClusterWide };
    }),
  ),
);

/** Who may create pods or edit Secrets and ConfigMaps in the gateway's namespace, and so get round it? */
export function waysRound({ cluster, gatewayNamespace }: VerifySubject): Verified {
  if (cluster === null) return skipped(["MC607"], "no manifests read (policy.manifests)");
  if (gatewayNamespace === null)
    return skipped(["MC607"], "the context names no cluster, so no namespace of the gateway");
  const reader = grantedRulesReader(cluster);
  const bindings = cluster.bindings
    .flat()
    .filter(({ namespace }) => namespace === null || namespace === gatewayNamespace);
  // Without any binding among the facts, too, there may be some.
  const doubts = new Set(reader.through([]).doubts);
  const findings = bindings.flatMap((binding) => {
    const who = subjectsOf(binding);
    if (who.length === 0) return [];
    const { rules, doubts: open } = reader.through([binding]);
    for (const doubt of open) doubts.add(doubt);
    const ways = waysOf(
      rules.map(({ rule }) => rule),
      binding.namespace === null,
    );
    if (ways.length === 0) return [];
    return [
      findingAt(
        "MC607",
        binding.object.document.placeOf(binding.object.path),
        `${listSome(who, MOST_NAMED)} may ${listSome(ways, MOST_NAMED)} in ${gatewayNamespace}, by ${label(binding)}`,
        "Whoever may do that reads the gateway's Secrets, decides what it enforces, or is given the agents' tokens. Keep it to few, and to no agent.",
      ),
    ];
  });
  const about = `namespace ${gatewayNamespace}`;
  const undecided = doubts.size === 0 ? [] : [{ code: "MC607", about, missing: [...doubts].slice(0, MOST_NAMED) }];
  return verified({ findings, undecided });
}

/**
 * What the cluster itself is made of needs such rights, and no agent has them. Everybody, nobody, and ServiceAccounts have
 * names of that kind as well.
 */
function subjectsOf({ subjects }: Binding): readonly string[] {
  return subjects
    .filter(({ kind, name, namespace }) =>
      kind === "ServiceAccount" ? namespace !== "kube-system" : !IS_OF_CLUSTER.test(name) || IS_ANYBODY.test(name),
    )
    .map(({ kind, name, namespace }) =>
      kind === "ServiceAccount" ? `${kind} ${namespace}/${name}` : `${kind} ${name}`,
    );
}

const IS_OF_CLUSTER = /^system:/;
const IS_ANYBODY = /^system:(?:authenticated|unauthenticated|anonymous|serviceaccounts?(?!s?:kube-system(?::|$)))/;

function waysOf(rules: readonly Rule[], isClusterWide: boolean): readonly string[] {
  return ASKED.filter((way) => isClusterWide || !way.isClusterWide).flatMap(({ text, asked }) => {
    const giving = rules.filter((rule) => matchRule(rule, asked) !== "no");
    if (giving.length === 0) return [];
    if (giving.some(({ resourceNames }) => resourceNames.length === 0)) return [text];
    return [`${text} (${listSome([...new Set(giving.flatMap(({ resourceNames }) => resourceNames))], MOST_NAMED)})`];
  });
}
