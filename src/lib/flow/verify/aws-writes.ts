import { matchPattern, subjectOf, type Pattern } from "../iam/glob.ts";
import type { IamFacts, RoleFact } from "../iam/iam-facts.ts";
import { actionName, type Name } from "../iam/match-name.ts";
import type { Statement } from "../iam/policy.ts";
import { lower } from "../iam/policy-variables.ts";
import type { Match } from "../template.ts";

/** How AWS names what changes nothing; of other names that is not known (IAM, "Access levels in policy summaries"). */
const READ = /^(?:Get|List|Describe|BatchGet|Search|Lookup|Query|Select|Scan|Filter|Head|View|Simulate)/i;
/** Actions of such names that hand out credentials, or a place to write to. */
const HANDS_OUT =
  /^Get\w*(?:Credentials|FederationToken|AccessToken\w*|DataAccess|InstanceAccessDetails|UploadUrls?|PresignedURL)$/i;
/** Some of them, for patterns like `sts:Get*`, and others of which AWS says that they write (Service Authorization Reference). */
const WRITES =
  `bedrock-agentcore:GetWorkloadAccessToken cloudshell:GetFileUploadUrls cognito-idp:GetTokensFromRefreshToken
elasticmapreduce:GetClusterSessionCredentials emr-containers:GetManagedEndpointSessionCredentials
lakeformation:GetDataAccess lightsail:GetInstanceAccessDetails lightsail:GetRelationalDatabaseMasterUserPassword
redshift-serverless:GetCredentials redshift:GetClusterCredentials redshift:GetClusterCredentialsWithIAM
states:GetActivityTask sts:GetDelegatedAccessToken sts:GetFederationToken sts:GetWebIdentityToken`
    .split(/\s+/)
    .map(lower);

const EVERYTHING = actionName("*");

/** The actions that the statement allows and that may write, as far as no boundary or denial surely takes them back. */
export function writesOf({ effect, actions }: Statement, role: RoleFact, facts: IamFacts): readonly string[] {
  if (effect === "Deny") return [];
  const writes = actions.isNegated ? [EVERYTHING] : actions.names.filter((name) => !isRead(name));
  const left = writes.filter((name) => !isTakenBack(name, role, facts));
  return left.map(({ shown }) => (actions.isNegated ? "everything but some actions" : shown));
}

/** Of a boundary that the facts do not hold nothing is known. */
function isTakenBack(name: Name, { boundary, policies }: RoleFact, { controls }: IamFacts): boolean {
  const limits = boundary?.policy?.statements ?? null;
  const all = [...policies, ...controls].flatMap(({ statements }) => statements).concat(limits ?? []);
  if (all.some((statement) => denies(statement, name))) return true;
  return limits !== null && !limits.some((statement) => statement.effect === "Allow" && lets(statement, name));
}

/** May what this statement names be a write among those of the name? */
function lets({ actions }: Statement, name: Name): boolean {
  if (actions.isNegated) return !actions.names.some((other) => covers(other, name) === "yes");
  return actions.names.some((other) => !isRead(other) && covers(other, name) !== "no");
}

/** Whatever the request is: a denial of other resources, or with conditions, leaves some of it. */
function denies({ effect, actions, resources, conditions }: Statement, name: Name): boolean {
  const isOfAll = resources?.isNegated === false && resources.names.some(({ shown }) => shown === "*");
  if (effect !== "Deny" || !isOfAll || conditions.length > 0) return false;
  if (!actions.isNegated) return actions.names.some((other) => covers(other, name) === "yes");
  return actions.names.every((other) => isRead(other) || covers(other, name) === "no");
}

function covers(other: Name, { shown }: Name): Match {
  return matchPattern(other.pattern as Pattern, subjectOf([lower(shown)]));
}

function isRead({ shown, pattern }: Name): boolean {
  const [, action = ""] = shown.split(":");
  return (
    READ.test(action) &&
    !HANDS_OUT.test(action) &&
    WRITES.every((write) => matchPattern(pattern as Pattern, write) === "no")
  );
}
