import {
  GetAccountAuthorizationDetailsCommand,
  type GetAccountAuthorizationDetailsCommandOutput,
  type ManagedPolicyDetail,
  type RoleDetail,
} from "@aws-sdk/client-iam";
import type { AccountMark } from "../flow/iam/raw-facts.ts";
import { parseJson } from "../json/parse-json.ts";
import { formatTime } from "../time.ts";
import type { IamSession } from "./iam-session.ts";
import { type AwsCall, unreadableAnswer } from "./to-app-error.ts";

type Json = Readonly<Record<string, unknown>>;

/** Roles and the managed policies that are attached, in the shape of `aws iam get-account-authorization-details`. */
export interface AccountSnapshot {
  readonly RoleDetailList: readonly Json[];
  readonly Policies: readonly Json[];
  readonly mcpctl: AccountMark;
}

const ACTION = "iam:GetAccountAuthorizationDetails";
const PAGE = 1_000;
/** Far more than an account's quotas allow roles and policies. */
const MAX_PAGES = 1_000;

/**
 * What IAM holds of this account, as far as it decides what roles may do: users, groups, times and versions that are not
 * in force are left out, and everything is in order, so that two snapshots differ where IAM does.
 * @throws AppError for a page that could not be had
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
 */
export async function snapshotIam(session: IamSession, now: number): Promise<AccountSnapshot> {
  await session.verify();
  const { account = "" } = session.known();
  const asked = { action: ACTION, resource: `account ${account}` };
  const roles: RoleDetail[] = [];
  const policies: ManagedPolicyDetail[] = [];
  let marker: string | undefined;
  for (let page = 0; page === 0 || marker !== undefined; page += 1) {
    if (page === MAX_PAGES) throw unreadableAnswer(asked, "has no end of pages");
    const answer = await readPage(session, asked, marker);
    // The SDK takes a page that is not AWS's for an answer without anything in it.
    if (answer.RoleDetailList === undefined || answer.Policies === undefined || answer.IsTruncated === undefined)
      throw unreadableAnswer(asked, "is no answer of AWS");
    roles.push(...answer.RoleDetailList);
    policies.push(...answer.Policies);
    marker = answer.IsTruncated ? answer.Marker : undefined;
    if (answer.IsTruncated && marker === undefined) throw unreadableAnswer(asked, "breaks off");
  }
  return {
    RoleDetailList: roles.map(roleOf).toSorted(byArn),
    Policies: policies.map(policyOf).toSorted(byArn),
    mcpctl: { version: 1, takenAt: formatTime(now), account, isComplete: true },
  };
}

function readPage(
  session: IamSession,
  asked: AwsCall,
  Marker: string | undefined,
): Promise<GetAccountAuthorizationDetailsCommandOutput> {
  const command = new GetAccountAuthorizationDetailsCommand({
    Filter: ["Role", "LocalManagedPolicy", "AWSManagedPolicy"],
    MaxItems: PAGE,
    ...(Marker !== undefined && { Marker }),
  });
  return session.run(asked, (iam, signal) => iam.send(command, { ...(signal && { abortSignal: signal }) }));
}

function roleOf(role: RoleDetail): Json {
  const { Path, RoleName, Arn, PermissionsBoundary, Tags = [] } = role;
  return {
    Path,
    RoleName,
    Arn,
    AssumeRolePolicyDocument: documentOf(role.AssumeRolePolicyDocument),
    RolePolicyList: (role.RolePolicyList ?? []).map(({ PolicyName, PolicyDocument }) => ({
      PolicyName,
      PolicyDocument: documentOf(PolicyDocument),
    })),
    AttachedManagedPolicies: (role.AttachedManagedPolicies ?? []).map(({ PolicyName, PolicyArn }) => ({
      PolicyName,
      PolicyArn,
    })),
    ...(PermissionsBoundary !== undefined && { PermissionsBoundary }),
    Tags: Tags.map(({ Key, Value }) => ({ Key, Value })),
  };
}

function policyOf({ PolicyName, Arn, DefaultVersionId, PolicyVersionList = [] }: ManagedPolicyDetail): Json {
  const versions = PolicyVersionList.filter(({ VersionId }) => VersionId === DefaultVersionId);
  return {
    PolicyName,
    Arn,
    DefaultVersionId,
    PolicyVersionList: versions.map(({ VersionId, Document }) => ({
      VersionId,
      IsDefaultVersion: true,
      Document: documentOf(Document),
    })),
  };
}

/** AWS sends documents as URL-encoded JSON; as objects their statements have lines. What cannot be read stays as it came. */
function documentOf(text: string | undefined): unknown {
  const reading = parseJson(decoded(text ?? ""));
  return reading.ok ? reading.value : text;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function byArn(a: Json, b: Json): number {
  return String(a["Arn"]) < String(b["Arn"]) ? -1 : 1;
}
