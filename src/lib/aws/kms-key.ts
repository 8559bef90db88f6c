import { AppError } from "../errors.ts";
import { partitionOf } from "./partition.ts";

/** How a policy names a KMS key: its ARN, or every key of the account and the alias that the right one bears. */
export interface KmsKeyInPolicy {
  readonly resource: string;
  readonly alias: string | null;
}

const ARN = /^arn:([a-z-]+):kms:([a-z0-9-]+):(\d{12}):(.+)$/;
const ALIAS = /^alias\/[a-zA-Z0-9/_-]+$/;
const KEY_ID = /^[a-zA-Z0-9-]+$/;

/**
 * A policy cannot name a key by its id or alias: https://docs.aws.amazon.com/kms/latest/developerguide/cmks-in-iam-policies.html
 * @throws AppError invalid, kms_key_invalid, for what is no key of this region
 */
export function kmsKeyFor(id: string, where: { readonly region: string; readonly account: string }): KmsKeyInPolicy {
  const partition = partitionOf(where.region);
  const arn = ARN.exec(id);
  if (arn !== null && (arn[1] !== partition || arn[2] !== where.region))
    throw invalid(id, `is of another region than the store, ${where.region}`);
  const account = arn?.[3] ?? where.account;
  const name = arn?.[4] ?? id;
  const prefix = `arn:${partition}:kms:${where.region}:${account}:key/`;
  if (ALIAS.test(name)) return { resource: `${prefix}*`, alias: name };
  const keyId = arn === null ? name : name.replace(/^key\//, "");
  if (KEY_ID.test(keyId) && (arn === null || name !== keyId)) return { resource: `${prefix}${keyId}`, alias: null };
  throw invalid(id, "is no KMS key's id, alias or ARN");
}

function invalid(id: string, problem: string): AppError {
  return new AppError("invalid", "kms_key_invalid", `The store's kmsKeyId ${JSON.stringify(id)} ${problem}.`, {
    hint: "Use a key's id, its ARN, or an alias like alias/mcp-gateway.",
  });
}
