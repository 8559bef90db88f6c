import { describe, expect, it } from "vitest";
import { POLICY_KINDS, policyFor, type PolicyFacts, type PolicyKind } from "../../../src/lib/aws/key-policies.ts";
import { isAllowed, type IamRequest } from "../../support/iam-evaluator.ts";

const FACTS: PolicyFacts = {
  path: "/mcp-gateway/keys",
  region: "eu-central-1",
  account: "111122223333",
  kmsKeyId: "alias/mcp-gateway",
  roles: ["dev-readonly", "qa"],
  prunerArn: "arn:aws:iam::111122223333:role/pruner",
};
const HASH = "a".repeat(64);
const arn = (name: string): string => `arn:aws:ssm:eu-central-1:111122223333:parameter${name}`;
const KEYS = "/mcp-gateway/keys";
const put = (name: string, context: IamRequest["context"] = {}): IamRequest => ({
  action: "ssm:PutParameter",
  resource: arn(name),
  context: { "ssm:Overwrite": "false", ...context },
});
const ask = (action: string, name: string): IamRequest => ({ action, resource: arn(name) });
const kms = (action: string, name: string, more: IamRequest["context"] = {}): IamRequest => ({
  action,
  resource: "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
  context: {
    "kms:ViaService": "ssm.eu-central-1.amazonaws.com",
    "kms:EncryptionContext:PARAMETER_ARN": arn(name),
    "kms:ResourceAliases": ["alias/other", "alias/mcp-gateway"],
    ...more,
  },
});

/** What can be asked, and which kinds may have it. The guard allows nothing: it only takes away. */
const MATRIX: readonly (readonly [string, IamRequest, readonly PolicyKind[]])[] = [
  ["make a key of its role", put(`${KEYS}/dev-readonly/${HASH}`), ["issuer"]],
  ["make a key of its other role", put(`${KEYS}/qa/${HASH}`), ["issuer"]],
  ["end a key of its role", put(`${KEYS}/dev-readonly/${HASH}.ends`), ["issuer"]],
  ["revoke a key of its role", put(`${KEYS}/dev-readonly/${HASH}.revoked`), ["issuer", "oncall"]],
  ["make a key of another role", put(`${KEYS}/devops-full/${HASH}`), []],
  ["make a key of a role that begins the same", put(`${KEYS}/dev-readonly-x/${HASH}`), []],
  ["end a key of another role", put(`${KEYS}/devops-full/${HASH}.ends`), []],
  ["revoke a key of another role", put(`${KEYS}/devops-full/${HASH}.revoked`), ["oncall"]],
  ["put something at the path itself", put(`${KEYS}/stray`), []],
  ["put something outside the path", put("/elsewhere/x"), []],
  ["put a tombstone", put(`${KEYS}.pruned/x`), ["pruner"]],
  ["overwrite a key of its role", put(`${KEYS}/dev-readonly/${HASH}`, { "ssm:Overwrite": "true" }), []],
  ["overwrite a revocation", put(`${KEYS}/dev-readonly/${HASH}.revoked`, { "ssm:Overwrite": "true" }), []],
  ["overwrite a tombstone", put(`${KEYS}.pruned/x`, { "ssm:Overwrite": "true" }), []],
  ["revoke until it expires", put(`${KEYS}/dev-readonly/${HASH}.revoked`, { "ssm:Policies": "true" }), []],
  ["delete a record, one", ask("ssm:DeleteParameter", `${KEYS}/dev-readonly/${HASH}`), []],
  ["delete a record, several", ask("ssm:DeleteParameters", `${KEYS}/dev-readonly/${HASH}`), ["pruner"]],
  ["delete a revocation", ask("ssm:DeleteParameters", `${KEYS}/devops-full/${HASH}.revoked`), ["pruner"]],
  ["delete a tombstone", ask("ssm:DeleteParameters", `${KEYS}.pruned/x`), []],
  ["delete something outside", ask("ssm:DeleteParameters", "/elsewhere/x"), []],
  [
    "read back a key of its role",
    ask("ssm:GetParameters", `${KEYS}/dev-readonly/${HASH}`),
    ["issuer", "reader", "oncall", "pruner"],
  ],
  [
    "read a key of another role",
    ask("ssm:GetParameters", `${KEYS}/devops-full/${HASH}`),
    ["reader", "oncall", "pruner"],
  ],
  [
    "list its role",
    ask("ssm:GetParametersByPath", `${KEYS}/dev-readonly`),
    ["issuer", "reader", "oncall", "pruner", "external-secrets"],
  ],
  [
    "list another role",
    ask("ssm:GetParametersByPath", `${KEYS}/devops-full`),
    ["reader", "oncall", "pruner", "external-secrets"],
  ],
  ["list everything", ask("ssm:GetParametersByPath", KEYS), ["reader", "oncall", "pruner", "external-secrets"]],
  ["list what is above", ask("ssm:GetParametersByPath", "/mcp-gateway"), []],
  ["list tombstones", ask("ssm:GetParametersByPath", `${KEYS}.pruned`), ["reader", "oncall", "pruner"]],
  ["see who made them", { action: "ssm:DescribeParameters", resource: "*" }, ["reader", "oncall", "pruner"]],
  ["see older versions", ask("ssm:GetParameterHistory", `${KEYS}/dev-readonly/${HASH}`), []],
  ["tag a parameter", ask("ssm:AddTagsToResource", `${KEYS}/dev-readonly/${HASH}`), []],
  ["label a version", ask("ssm:LabelParameterVersion", `${KEYS}/dev-readonly/${HASH}`), []],
  [
    "decrypt its role's keys",
    kms("kms:Decrypt", `${KEYS}/dev-readonly/${HASH}`),
    ["issuer", "reader", "oncall", "pruner", "external-secrets"],
  ],
  [
    "decrypt other keys",
    kms("kms:Decrypt", `${KEYS}/devops-full/${HASH}`),
    ["reader", "oncall", "pruner", "external-secrets"],
  ],
  ["decrypt other parameters", kms("kms:Decrypt", "/elsewhere/x"), []],
  [
    "decrypt past Parameter Store",
    kms("kms:Decrypt", `${KEYS}/qa/${HASH}`, { "kms:ViaService": "s3.eu-central-1.amazonaws.com" }),
    [],
  ],
  [
    "decrypt with another key",
    kms("kms:Decrypt", `${KEYS}/qa/${HASH}`, { "kms:ResourceAliases": ["alias/other"] }),
    [],
  ],
  ["encrypt its role's keys", kms("kms:Encrypt", `${KEYS}/dev-readonly/${HASH}`), ["issuer", "oncall", "pruner"]],
  ["encrypt tombstones", kms("kms:Encrypt", `${KEYS}.pruned/x`), ["oncall", "pruner"]],
  ["schedule the key's deletion", kms("kms:ScheduleKeyDeletion", `${KEYS}/qa/${HASH}`), []],
];

describe("policies", () => {
  it.each(MATRIX)("let exactly those %s who must", (_what, request, expected) => {
    const allowed = POLICY_KINDS.filter((kind) => {
      const roles = kind === "external-secrets" ? [] : FACTS.roles;
      return isAllowed([policyFor(kind, { ...FACTS, roles })], request);
    });
    expect(allowed).toEqual(POLICY_KINDS.filter((kind) => expected.includes(kind)));
  });

  it("of a guard take from an administrator what nobody may do, and leave the pruner to prune", () => {
    const admin = {
      Version: "2012-10-17",
      Statement: [{ Sid: "All", Effect: "Allow", Action: ["*"], Resource: ["*"] }],
    } as const;
    const may = (request: IamRequest, principal: string): boolean =>
      isAllowed([admin, policyFor("guard", FACTS)], {
        ...request,
        context: { ...request.context, "aws:PrincipalArn": `arn:aws:iam::111122223333:role/${principal}` },
      });
    const overwrite = put(`${KEYS}/qa/${HASH}`, { "ssm:Overwrite": "true" });
    const remove = ask("ssm:DeleteParameters", `${KEYS}/qa/${HASH}.revoked`);
    const forget = ask("ssm:DeleteParameter", `${KEYS}.pruned/x`);
    for (const principal of ["admin", "pruner"]) {
      expect(may(put(`${KEYS}/qa/${HASH}`), principal)).toBe(true);
      expect(may(overwrite, principal)).toBe(false);
      expect(may(forget, principal)).toBe(false);
      expect(may(remove, principal)).toBe(principal === "pruner");
    }
  });

  it.each([
    ["us-isob-east-1", "arn:aws-iso-b:ssm:us-isob-east-1:"],
    ["eu-central-1", "arn:aws:ssm:eu-central-1:"],
    ["cn-north-1", "arn:aws-cn:ssm:cn-north-1:"],
    ["us-gov-west-1", "arn:aws-us-gov:ssm:us-gov-west-1:"],
  ])("name the partition of %s", (region, prefix) => {
    const text = JSON.stringify(policyFor("external-secrets", { ...FACTS, region }));
    expect(text).toContain(prefix);
    expect(text.match(/arn:aws[a-z-]*:/g)?.every((part) => prefix.startsWith(part))).toBe(true);
  });

  it.each([
    [null, undefined],
    ["1234abcd", "arn:aws:kms:eu-central-1:111122223333:key/1234abcd"],
    ["arn:aws:kms:eu-central-1:999988887777:key/x", "arn:aws:kms:eu-central-1:999988887777:key/x"],
    ["arn:aws:kms:eu-central-1:999988887777:alias/keys", "arn:aws:kms:eu-central-1:999988887777:key/*"],
    ["alias/keys", "arn:aws:kms:eu-central-1:111122223333:key/*"],
    ["arn:aws:kms:eu-central-1:111122223333:alias/keys", "arn:aws:kms:eu-central-1:111122223333:key/*"],
  ])("name the KMS key %s as IAM takes it", (kmsKeyId, resource) => {
    const { Statement } = policyFor("reader", { ...FACTS, kmsKeyId });
    const found = Statement.find(({ Sid }) => Sid === "UseTheKey");
    expect(found?.Resource[0]).toBe(resource);
    const aliases = found?.Condition?.["ForAnyValue:StringEquals"]?.["kms:ResourceAliases"];
    expect(aliases).toEqual(kmsKeyId?.includes("alias/") === true ? ["alias/keys"] : undefined);
  });
});

it.each([["key/1234"], ["alias/"], ["arn:aws:kms:us-east-1:111122223333:key/x"], ["not a key"]])(
  "there is none for %s, which is no key of this region",
  (kmsKeyId) => {
    expect(() => policyFor("reader", { ...FACTS, kmsKeyId })).toThrow(
      expect.objectContaining({ kind: "invalid", code: "kms_key_invalid" }),
    );
  },
);

describe("the evaluator that tries them", () => {
  const statement = { Sid: "S", Effect: "Allow", Action: ["ssm:Get*"], Resource: ["arn:x/a?c/*"] } as const;
  const policy = (more: object = {}) => ({ Version: "2012-10-17", Statement: [{ ...statement, ...more }] }) as const;

  it.each([
    ["SSM:getparameter", "arn:x/abc/d/e", true],
    ["ssm:PutParameter", "arn:x/abc/d", false],
    ["ssm:GetParameter", "arn:x/ac/d", false],
    ["ssm:GetParameter", "arn:x/ABC/d", false],
  ])("matches %s on %s: %s", (action, resource, expected) => {
    expect(isAllowed([policy()], { action, resource })).toBe(expected);
  });

  it("lets a deny win, and knows that a key which is absent matches nothing", () => {
    const request = { action: "ssm:GetParameter", resource: "arn:x/abc/d" };
    const conditional = policy({ Effect: "Deny", Condition: { StringEquals: { k: ["true"] } } });
    expect(isAllowed([policy(), conditional], request)).toBe(true);
    expect(isAllowed([policy(), conditional], { ...request, context: { k: "true" } })).toBe(false);
    expect(isAllowed([], request)).toBe(false);
  });

  it("gives up on what it does not know", () => {
    const request = { action: "ssm:GetParameter", resource: "arn:x/abc/d", context: { k: "v" } };
    expect(() => isAllowed([policy({ NotAction: [] })], request)).toThrow("NotAction");
    expect(() => isAllowed([policy({ Condition: { Bool: { k: ["true"] } } })], request)).toThrow("Bool");
  });
});
