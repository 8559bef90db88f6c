import { AUDIENCE } from "../rbac/role-annotation.ts";
import type { AwsRequest } from "../requests.ts";
import { unknownVerdict, type Verdict } from "../verdict.ts";
import type { KeyValues, RequestContext } from "./conditions.ts";
import type { IamFacts, RoleFact } from "./iam-facts.ts";
import { hitText, placeOf } from "./iam-words.ts";
import { shortName } from "./policy-fact.ts";
import { lower } from "./policy-variables.ts";
import { noTrust, unsureTrust, type Becoming } from "./trust-words.ts";
import { ask, weigh, type Hit } from "./weigh.ts";

const REQUEST: AwsRequest = { action: "sts:AssumeRoleWithWebIdentity", resource: [] };
/** The keys of a web identity, which bear the name of its provider. */
const OF_PROVIDER = /^[a-z0-9.-]+\.[a-z0-9.-]+(\/[^:]*)?:(sub|aud|amr|azp|oaud|email)$/;

/**
 * IAM roles for service accounts: the annotation names the role, and its trust policy accepts the pod's token.
 * https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
 */
export function judgeIrsa(facts: IamFacts, becoming: Becoming): Verdict {
  const { role, account, pod } = becoming;
  const { annotation } = pod;
  const named = `ServiceAccount ${account.namespace}/${account.name}`;
  const deny = (text: string): Verdict => ({
    outcome: "deny",
    reason: "other_role",
    text,
    place: null,
    source: "file",
    missing: [],
  });
  if (annotation === null) return deny(`${named} has no annotation eks.amazonaws.com/role-arn`);
  if (annotation !== "unknown" && annotation !== role.arn)
    return deny(`${named} is annotated with another role, ${shortName(annotation)}`);
  const trusted = judgeToken(becoming);
  if (trusted.outcome !== "allow") return trusted;
  if (annotation === "unknown") {
    const missing = [`the annotation eks.amazonaws.com/role-arn of ${named}, for tokens whose audience is ${AUDIENCE}`];
    return unknownVerdict("annotation_unknown", `which role tokens of ${named} ask for is not known`, missing);
  }
  return otherWay(facts, becoming, named) ?? trusted;
}

/** What an EKS Pod Identity association makes of it: AWS does not say which of two roles a pod uses. */
function otherWay(facts: IamFacts, becoming: Becoming, named: string): Verdict | null {
  const about = facts.associations.filter((each) => isAbout(each, becoming));
  const other = about.find(({ roleArn }) => roleArn !== null && roleArn !== becoming.role.arn);
  if (other !== undefined) {
    const text = `${named} has an EKS Pod Identity association with another role in cluster ${shortName(other.cluster)}`;
    return unknownVerdict("two_roles", text, [`which of its two roles a pod of ${named} uses`]);
  }
  const untold = about[0];
  if (untold === undefined || about.some(({ roleArn }) => roleArn !== null)) return null;
  const text = `${named} has an EKS Pod Identity association in cluster ${shortName(untold.cluster)}`;
  return unknownVerdict("association_unknown", text, [
    "the role of the association (aws eks describe-pod-identity-association)",
  ]);
}

function isAbout(each: IamFacts["associations"][number], { account, pod }: Becoming): boolean {
  const isHere = pod.clusterName === null || pod.clusterName === each.cluster;
  return isHere && each.namespace === account.namespace && each.serviceAccount === account.name;
}

/** Does the trust policy accept the token of such a pod? */
function judgeToken(becoming: Becoming): Verdict {
  const { role, account, pod } = becoming;
  const issuer = pod.oidcIssuer === null ? null : pod.oidcIssuer.replace(/^https:\/\//, "").replace(/\/$/, "");
  if (issuer === null) {
    const text = "the OIDC issuer of the cluster is not known";
    return unknownVerdict("issuer_unknown", text, ["policy.oidcIssuer in mcpctl.yaml"]);
  }
  if (role.trust === null) return unsureTrust(role);
  const provider = `${role.arn.slice(0, role.arn.indexOf(":role/"))}:oidc-provider/${issuer}`;
  const subject = `system:serviceaccount:${account.namespace}:${account.name}`;
  const asked = ask(REQUEST, tokenContext(issuer, subject), { type: "Federated", name: provider });
  const found = weigh([role.trust], asked);
  if (found.denies !== null || found.mayDeny !== null || found.allows === null)
    return noTrust(becoming, { found, request: REQUEST, who: `tokens of ${subject} from ${issuer}` });
  const flags = flagsOf(found.allows, issuer, subject);
  const text = [hitText(found.allows), ...flags].join("; ");
  return { outcome: "allow", reason: "irsa_allows", text, place: placeOf(found.allows), source: "file", missing: [] };
}

/** The token tells its subject and audience; keys of other providers are not in such a request. */
function tokenContext(issuer: string, subject: string): RequestContext {
  const known = new Map([
    [lower(`${issuer}:sub`), [subject]],
    [lower(`${issuer}:aud`), [AUDIENCE]],
  ]);
  return { valuesOf: (key): KeyValues => known.get(key) ?? (OF_PROVIDER.test(key) ? "absent" : "unknown") };
}

/** What works and is wider than it need be. */
function flagsOf({ statement }: Hit, issuer: string, subject: string): readonly string[] {
  const about = (name: string): readonly RoleCondition[] =>
    statement.conditions.filter((each) => each.name === lower(`${issuer}:${name}`));
  const flags: string[] = [];
  const subjects = about("sub").flatMap(({ values }) => values);
  if (subjects.length === 0) flags.push("it has no condition on the subject: every ServiceAccount of the cluster can");
  else if (!subjects.includes(subject)) flags.push(`its subject is the pattern ${shortName(subjects[0] as string)}`);
  if (about("aud").length === 0) flags.push("it has no condition on the audience");
  return flags;
}

type RoleCondition = NonNullable<RoleFact["trust"]>["statements"][number]["conditions"][number];
