import { describe, expect, it } from "vitest";
import { policyFor, POLICY_KINDS } from "../../../src/lib/aws/key-policies.ts";
import { kmsKeyFor } from "../../../src/lib/aws/kms-key.ts";

const WHERE = { region: "eu-central-1", account: "111122223333" };
const KEY = "arn:aws:kms:eu-central-1:111122223333:key";
const ELSEWHERE = KEY.replace("111122223333", "444455556666");

describe("a KMS key in a policy", () => {
  it.each([
    ["1234abcd-12ab-34cd-56ef-1234567890ab", `${KEY}/1234abcd-12ab-34cd-56ef-1234567890ab`, null],
    [`${KEY}/mrk-1234abcd`, `${KEY}/mrk-1234abcd`, null],
    [`${ELSEWHERE}/1234abcd`, `${ELSEWHERE}/1234abcd`, null],
    ["alias/mcp-gateway", `${KEY}/*`, "alias/mcp-gateway"],
    ["arn:aws:kms:eu-central-1:111122223333:alias/mcp/gateway", `${KEY}/*`, "alias/mcp/gateway"],
    ["arn:aws:kms:eu-central-1:444455556666:alias/keys", `${ELSEWHERE}/*`, "alias/keys"],
  ])("given as %s is named as IAM takes it", (id, resource, alias) => {
    expect(kmsKeyFor(id, WHERE)).toEqual({ resource, alias });
  });

  it.each([
    ["*", "is no KMS key's id, alias or ARN"],
    [`${KEY}/*`, "is no KMS key's id, alias or ARN"],
    ["arn:aws:kms:eu-central-1:111122223333:1234abcd", "is no KMS key's id, alias or ARN"],
    ["key/1234abcd", "is no KMS key's id, alias or ARN"],
    ["alias/", "is no KMS key's id, alias or ARN"],
    ["alias/*", "is no KMS key's id, alias or ARN"],
    ["arn:aws:kms:eu-west-1:111122223333:key/1234abcd", "is of another region than the store, eu-central-1"],
    ["arn:aws-cn:kms:eu-central-1:111122223333:key/1", "is of another region than the store, eu-central-1"],
  ])("cannot be %s", (id, problem) => {
    expect(() => kmsKeyFor(id, WHERE)).toThrow(
      expect.objectContaining({
        kind: "invalid",
        code: "kms_key_invalid",
        message: `The store's kmsKeyId ${JSON.stringify(id)} ${problem}.`,
      }),
    );
  });

  it("that is AWS's own is in no policy", () => {
    const facts = { ...WHERE, path: "/keys", kmsKeyId: null, roles: ["dev"], prunerArn: null };
    for (const kind of POLICY_KINDS) expect(JSON.stringify(policyFor(kind, facts))).not.toContain("kms:");
  });
});
