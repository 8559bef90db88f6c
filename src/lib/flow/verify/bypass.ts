import { listSome } from "../../list-some.ts";
import { askedOf, matchRule } from "../rbac/asked.ts";
import { grantedRulesReader } from "../rbac/granted-rules.ts";
import type { Binding, Rule } from "../rbac/rbac-objects.ts";
import { label } from "../rbac/words.ts";
import { parseTemplate } from "../template.ts";
import { findingAt, skipped, verified, type Verified, type VerifySubject } from "./subject.ts";

const MOST_NAMED = 5;

/** Ways round a gateway, as [verb, group, resource]: a pod reads every Secret of its namespace and reaches every server. */
const WAYS: readonly (readonly [verb: string, group: string, resource: string])[] = [
  ["create", "", "pods"],
  ["create", "", "pods/exec"],
  ["update", "", "pods/ephemeralcontainers"],
  ["create", "", "replicationcontrollers"],
  ...["deployments", "daemonsets", "statefulsets", "replicasets"].flatMap((resource) =>
    ["create", "update", "patch"].map((verb) => [verb, "apps", resource] as const),
  ),
  ...["jobs", "cronjobs"].map((resource) => ["create", "batch", resource] as const),
  ...["secrets", "configmaps"].flatMap((resource) =>
    ["create", "update", "patch", "delete"].map((verb) => [verb, "", resource] as const),
  ),
  ["create", "", "serviceaccounts/token"],
];

const ASKED = WAYS.map(([verb, group, resource]) => ({
  text: `${verb} ${resource}`,
  asked: askedOf({ verb: [verb], group: parseTemplate(group), resource: [resource], namespace: ["-"], name: null }),
}));

/** Who may create pods or edit Secrets and ConfigMaps in the gateway's namespace, and so get round it? */
export function waysRound({ cluster, gatewayNamespace }: VerifySubject): Verified {
  if (cluster === null) return skipped(["MC607"], "no manifests read (policy.manifests)");
  if (gatewayNamespace === null)
    return skipped(["MC607"], "the context names no cluster, so no namespace of the gateway");
  const reader = grantedRulesReader(cluster);
  const bindings = cluster.bindings
    .flat()
    .filter(({ namespace }) => namespace === null || namespace === gatewayNamespace);
  const doubts = new Set<string>();
  const findings = bindings.flatMap((binding) => {
    const who = subjectsOf(binding);
    if (who.length === 0) return [];
    const { rules, doubts: open } = reader.through([binding]);
    for (const doubt of open) doubts.add(doubt);
    const ways = waysOf(rules.map(({ rule }) => rule));
    if (ways.length === 0) return [];
    return [
      findingAt(
        "MC607",
        binding.object.document.placeOf(binding.object.path),
        `${listSome(who, MOST_NAMED)} may ${listSome(ways, MOST_NAMED)} in ${gatewayNamespace}, by ${label(binding)}`,
        "Whoever may do that reads the gateway's Secrets or decides what it enforces. Keep it to few, and to no agent.",
      ),
    ];
  });
  const about = `namespace ${gatewayNamespace}`;
  const undecided = doubts.size === 0 ? [] : [{ code: "MC607", about, missing: [...doubts].slice(0, MOST_NAMED) }];
  return verified({ findings, undecided });
}

/** What the cluster itself is made of needs such rights, and no agent has them. */
function subjectsOf({ subjects }: Binding): readonly string[] {
  return subjects
    .filter(({ kind, name, namespace }) =>
      kind === "ServiceAccount"
        ? namespace !== "kube-system"
        : !name.startsWith("system:") || /^system:(?:serviceaccounts|authenticated|unauthenticated)/.test(name),
    )
    .map(({ kind, name, namespace }) =>
      kind === "ServiceAccount" ? `${kind} ${namespace}/${name}` : `${kind} ${name}`,
    );
}

function waysOf(rules: readonly Rule[]): readonly string[] {
  return ASKED.filter(({ asked }) => rules.some((rule) => matchRule(rule, asked) === "yes")).map(({ text }) => text);
}
