import type { AwsRequest } from "../requests.ts";
import { showTemplate } from "../template.ts";
import { matchPattern, type Pattern } from "./glob.ts";
import { actionName } from "./match-name.ts";
import { lower } from "./policy-variables.ts";
import { shortName } from "./policy-fact.ts";

/** Actions of KMS that are about no key (Service Authorization Reference, AWS Key Management Service). */
const WITHOUT_KEY =
  /^kms:(?:list(?:keys|aliases|retirablegrants)|createkey|generaterandom|(?:create|describe|update|delete|connect|disconnect)customkeystores?)$/;
const ASSUMES = ["sts:assumerole", "sts:tagsession", "sts:setsourceidentity"];
/** Where an ARN has the account. */
const ACCOUNT_FIELD = 4;

/**
 * Which policy of the resource must allow this as well, whatever the role's own say, as a sentence without a full stop? One
 * of another account, or of one that an argument tells, a KMS key, and a role that is assumed have the last word. Null where the
 * role's policies are enough.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
 */
export function decidingResourcePolicy({ action, resource }: AwsRequest, account: string): string | null {
  const shown = showTemplate(resource);
  const owner = ownerOf(shown);
  if (owner === null) return `of which account ${shortName(shown)} is`;
  if (owner !== "" && owner !== account)
    return `what the policy of ${shortName(shown)} allows, which is of account ${owner}`;
  const { pattern } = actionName(action);
  if (ASSUMES.some((each) => matchPattern(pattern as Pattern, each) !== "no"))
    return "the trust policy of the role that is assumed";
  const isOfKey = /^kms:/i.test(action) && !WITHOUT_KEY.test(lower(action));
  return isOfKey ? `the key policy of ${shortName(shown)}` : null;
}

/** The empty text where no account is said; null where an argument says it. */
function ownerOf(shown: string): string | null {
  if (!shown.startsWith("arn:")) return shown.startsWith("{") ? null : "";
  const owner = shown.split(":")[ACCOUNT_FIELD] ?? "";
  return /^\d*$/.test(owner) ? owner : null;
}
