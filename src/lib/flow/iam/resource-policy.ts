import type { AwsRequest } from "../requests.ts";
import { showTemplate } from "../template.ts";
import { lower } from "./policy-variables.ts";
import { shortName } from "./policy-fact.ts";

const ACCOUNT = /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/;
/** https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html: without its key policy, no policy of IAM counts. */
const KMS_KEY = /^arn:[^:]*:kms:[^:]*:[^:]*:(?:key|alias)\//;
const ASSUMES = new Set(["sts:assumerole", "sts:tagsession", "sts:setsourceidentity"]);

/**
 * Which policy of the resource must allow this as well, whatever the role's own say, as a sentence without a full stop? One
 * of another account, a KMS key, and a role that is assumed have the last word. Null where the role's policies are enough.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
 */
export function decidingResourcePolicy({ action, resource }: AwsRequest, account: string): string | null {
  const shown = showTemplate(resource);
  const owner = ACCOUNT.exec(shown)?.[1] ?? account;
  if (owner !== account) return `what the policy of ${shortName(shown)} allows, which is of account ${owner}`;
  if (ASSUMES.has(lower(action))) return "the trust policy of the role that is assumed";
  return KMS_KEY.test(shown) ? `the key policy of ${shortName(shown)}` : null;
}
