import type { AwsRequest } from "../requests.ts";
import { unknownVerdict, type Verdict } from "../verdict.ts";
import type { KeyValues, RequestContext } from "./conditions.ts";
import type { IamFacts } from "./iam-facts.ts";
import { hitText, placeOf } from "./iam-words.ts";
import { shortName } from "./policy-fact.ts";
import type { Association } from "./raw-facts.ts";
import { noTrust, unsureTrust, type Becoming } from "./trust-words.ts";
import { ask, weigh, type Hit, type Weighed } from "./weigh.ts";

const SERVICE = "pods.eks.amazonaws.com";
/** EKS assumes the role, and tags the session. */
const TAG_SESSION = "sts:TagSession";
const REQUESTS: readonly AwsRequest[] = ["sts:AssumeRole", TAG_SESSION].map((action) => ({
  action,
  resource: [],
}));
const SESSION_TAG = /^aws:requesttag\/(eks-cluster-arn|eks-cluster-name|kubernetes-[a-z-]+)$/;

/**
 * EKS Pod Identity: an association gives the ServiceAccount the role, whose trust policy accepts EKS.
 * https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html
 */
export function judgePodIdentity(facts: IamFacts, becoming: Becoming): Verdict {
  const { role, account, pod } = becoming;
  const { clusterName } = pod;
  const here = facts.associations.filter(
    (each) =>
      each.namespace === account.namespace && each.serviceAccount === account.name && each.cluster === clusterName,
  );
  // A list tells no role; what describes the same association does.
  const [described = null, ...others] = here.filter(({ roleArn }) => roleArn !== null);
  const isContradicted = others.some((other) => substanceOf(other) !== substanceOf(described));
  const association = isContradicted ? null : (described ?? here[0] ?? null);
  const trusted = judgeService(becoming, association);
  if (trusted.outcome === "deny") return trusted;
  const named = `ServiceAccount ${account.namespace}/${account.name}`;
  if (isContradicted) return contradictedAssociation(named);
  if (association === null) return untold(named, clusterName);
  const cluster = `cluster ${shortName(association.cluster)}`;
  const place = association.spot.document.placeOf(association.spot.path);
  if (association.roleArn === null)
    return unknownVerdict("association_unknown", `${named} has an EKS Pod Identity association in ${cluster}`, [
      `the role of the association (aws eks describe-pod-identity-association)`,
    ]);
  if (association.roleArn !== role.arn) {
    const text = `the EKS Pod Identity association of ${named} in ${cluster} gives another role, ${shortName(association.roleArn)}`;
    return { outcome: "deny", reason: "other_role", text, place, source: "file", missing: [] };
  }
  return (
    limitsOf(association, becoming) ??
    withAssociation(trusted, `EKS Pod Identity gives ${named} the role in ${cluster}`)
  );
}

/** What decides; a ServiceAccount of a cluster has one association. */
function substanceOf(association: Association | null): string {
  const { roleArn, targetRoleArn, hasSessionTags, hasPolicy } = association ?? {};
  return JSON.stringify([roleArn, targetRoleArn, hasSessionTags, hasPolicy]);
}

function contradictedAssociation(named: string): Verdict {
  const text = `files tell different EKS Pod Identity associations of ${named}`;
  return unknownVerdict("facts_contradict", text, ["which of them is so"]);
}

function untold(named: string, clusterName: string | null): Verdict {
  const text = `no file tells an EKS Pod Identity association of ${named}`;
  const missing = [
    `whether ${named} has an EKS Pod Identity association (aws eks describe-pod-identity-association, in policy.iam)`,
    ...(clusterName === null ? ["policy.eksCluster in mcpctl.yaml"] : []),
  ];
  return unknownVerdict("association_unknown", text, missing);
}

/** What makes the credentials of the pod others than the role's, or less. */
function limitsOf({ targetRoleArn, hasPolicy, cluster }: Association, { pod, role }: Becoming): Verdict | null {
  if (targetRoleArn !== null) {
    const text = `EKS goes on from role ${shortName(role.name)} to ${shortName(targetRoleArn)}, whose credentials the pod gets`;
    return unknownVerdict("role_chained", text, [`which requests a pod makes as ${shortName(role.name)}`]);
  }
  if (hasPolicy) {
    const text = `the EKS Pod Identity association in cluster ${shortName(cluster)} limits the session by a policy of its own`;
    return unknownVerdict("session_policy", text, ["what the policy of the association leaves, which is not judged"]);
  }
  const { annotation } = pod;
  if (annotation === null || annotation === "unknown" || annotation === role.arn) return null;
  const text = `the ServiceAccount is annotated with another role, ${shortName(annotation)}`;
  return unknownVerdict("two_roles", text, ["which of its two roles a pod of the ServiceAccount uses"]);
}

function withAssociation(trusted: Verdict, said: string): Verdict {
  return { ...trusted, text: `${said}; ${trusted.text}` };
}

/** Does the trust policy accept EKS, for both requests that it makes? */
function judgeService(becoming: Becoming, association: Association | null): Verdict {
  const { role } = becoming;
  if (role.trust === null) return unsureTrust(role);
  const context = sessionContext(becoming, association?.hasSessionTags ?? null);
  const found: readonly Weighed[] = REQUESTS.map((request) =>
    weigh(role.trust === null ? [] : [role.trust], ask(request, context, { type: "Service", name: SERVICE })),
  );
  const refused = REQUESTS.map((request, index) => {
    const each = found[index] as Weighed;
    const isAccepted = each.denies === null && each.mayDeny === null && each.allows !== null;
    if (isAccepted) return null;
    if (request.action === TAG_SESSION && association?.hasSessionTags === false) return withoutTags(becoming);
    return noTrust(becoming, { found: each, request, who: SERVICE });
  }).filter((verdict) => verdict !== null);
  const [first] = refused.toSorted((a, b) => Number(b.outcome === "deny") - Number(a.outcome === "deny"));
  if (first !== undefined) return first;
  const hit = found[0]?.allows as Hit;
  return {
    outcome: "allow",
    reason: "pod_identity_allows",
    text: hitText(hit),
    place: placeOf(hit),
    source: "file",
    missing: [],
  };
}

/** AWS does not say whether EKS asks for it all the same. */
function withoutTags({ role }: Becoming): Verdict {
  const text = `the trust policy of role ${shortName(role.name)} does not accept ${SERVICE} for ${TAG_SESSION}, and the association turns session tags off`;
  return unknownVerdict("session_tags_off", text, [`whether EKS needs ${TAG_SESSION} where session tags are off`]);
}

/** The tags that EKS gives the session; null for an association of which it is not known whether it has them. */
function sessionContext({ account, pod }: Becoming, hasSessionTags: boolean | null): RequestContext {
  const known = new Map([
    ["aws:requesttag/kubernetes-namespace", account.namespace],
    ["aws:requesttag/kubernetes-service-account", account.name],
    ...(pod.clusterName === null ? [] : [["aws:requesttag/eks-cluster-name", pod.clusterName] as const]),
  ]);
  return {
    valuesOf: (key): KeyValues => {
      if (hasSessionTags === null) return "unknown";
      if (!hasSessionTags && SESSION_TAG.test(key)) return "absent";
      const value = known.get(key);
      return value === undefined ? "unknown" : [value];
    },
  };
}
