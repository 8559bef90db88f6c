import { GetRoleCommand, type Role } from "@aws-sdk/client-iam";
import { askedOnce } from "../asked-once.ts";
import { documentOf } from "../flow/document.ts";
import type { Association } from "../flow/iam/raw-facts.ts";
import { type IamFacts, readIamFacts } from "../flow/iam/iam-facts.ts";
import { judgeTrust, type ClusterOfPods } from "../flow/iam/judge-trust.ts";
import type { AwsLayer, ServiceAccount } from "../flow/requests.ts";
import type { Verdict } from "../flow/verdict.ts";
import type { IamSession } from "./iam-session.ts";
import { otherAccount, simulate, unanswered } from "./simulate.ts";
import { unreadableAnswer } from "./to-app-error.ts";

/** What is known of the cluster beside IAM. */
export interface LiveCluster extends ClusterOfPods {
  /** From files: IAM does not tell them. */
  readonly associations: readonly Association[];
}

/** Layer 3 as AWS tells it. Its limits are SIMULATION_LEAVES_OUT. */
export function createLiveAwsLayer(session: IamSession, cluster: LiveCluster): AwsLayer {
  // Every tool of a backend asks it again.
  const assume = askedOnce((asked: Asked) => canAssume(session, cluster, asked));
  return {
    judge: (roleArn, requests) => simulate(session, roleArn, requests),
    canAssume: (roleArn, account) => assume({ roleArn, account }),
  };
}

interface Asked {
  readonly roleArn: string;
  readonly account: ServiceAccount;
}

async function canAssume(session: IamSession, cluster: LiveCluster, { roleArn, account }: Asked): Promise<Verdict> {
  const elsewhere = await otherAccount(session, roleArn);
  if (elsewhere !== null) return elsewhere;
  const role = await getRole(session, roleArn);
  if ("outcome" in role) return role;
  const facts: IamFacts = { ...factsOf(role), associations: cluster.associations };
  const annotation = await cluster.annotationOf(account);
  const verdict = judgeTrust(facts, roleArn, account, { ...cluster, annotation });
  return verdict.source === "nothing" ? verdict : { ...verdict, source: "live", place: null };
}

async function getRole(session: IamSession, roleArn: string): Promise<Role | Verdict> {
  const action = "iam:GetRole";
  // Names are unique in an account, whatever the path; that the ARN is this one is for the judge to see.
  const RoleName = roleArn.slice(roleArn.lastIndexOf("/") + 1);
  try {
    return await session.run({ action, resource: roleArn }, async (iam, signal) => {
      const { Role } = await iam.send(new GetRoleCommand({ RoleName }), { ...(signal && { abortSignal: signal }) });
      if (Role === undefined) throw unreadableAnswer({ action, resource: roleArn }, "tells of no role");
      return Role;
    });
  } catch (error) {
    return unanswered(error, roleArn, action);
  }
}

/** The role's trust policy, as a file would tell it; it is whole, for AWS told it. */
function factsOf({ Arn, RoleName, AssumeRolePolicyDocument }: Role): IamFacts {
  const role = { Arn, RoleName, AssumeRolePolicyDocument, RolePolicyList: [], AttachedManagedPolicies: [] };
  return readIamFacts([documentOf("AWS", { RoleDetailList: [role] })], { isComplete: true });
}
