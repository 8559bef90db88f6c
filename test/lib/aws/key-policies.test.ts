import { describe, expect, it } from "vitest";
import { POLICY_KINDS, policyFor, type PolicyFacts, type PolicyKind } from "../../../src/lib/aws/key-policies.ts";
import { evaluateIam, type IamRequest } from "../../support/iam-evaluator.ts";

const KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const FACTS: PolicyFacts = {
  path: "/mcp-gateway/keys",
  region: "eu-central-1",
  account: "111122223333",
  kmsKeyId: "alias/mcp-gateway",
  roles: [],
  prunerArn: "arn:aws:iam::111122223333:role/pruner",
};
/** An issuer's, and those of an External Secrets that renders one role. */
const OF_ROLE: PolicyFacts = { ...FACTS, roles: ["dev-readonly"] };
const factsOf = (kind: PolicyKind): PolicyFacts => (kind === "issuer" ? OF_ROLE : FACTS);

const KEYS = "/mcp-gateway/keys";
const HASH = "a".repeat(64);
const OWN = `${KEYS}/dev-readonly/${HASH}`;
const OTHER = `${KEYS}/devops-full/${HASH}`;
const TOMBSTONE = `${KEYS}.pruned/20261120T100000Z-0123456789ab`;
const OUTSIDE = "/payments/password";

const arn = (name: string): string => `arn:aws:ssm:eu-central-1:111122223333:parameter${name}`;
const ask = (action: string, name: string): IamRequest => ({ action: `ssm:${action}`, resource: arn(name) });
/** Every PutParameter says whether it overwrites. */
const put = (name: string, context: IamRequest["context"] = {}): IamRequest => ({
  ...ask("PutParameter", name),
  context: { "ssm:Overwrite": "false", ...context },
});
const overwrite = (name: string): IamRequest => put(name, { "ssm:Overwrite": "true" });
const expiring = (name: string): IamRequest => put(name, { "ssm:Policies": "true" });
const kms = (action: string, name: string, more: IamRequest["context"] = {}): IamRequest => ({
  action: `kms:${action}`,
  resource: KEY,
  context: {
    "kms:ViaService": "ssm.eu-central-1.amazonaws.com",
    "kms:EncryptionContext:PARAMETER_ARN": arn(name),
    "kms:ResourceAliases": ["alias/other", "alias/mcp-gateway"],
    ...more,
  },
});

/**
 * What can be asked, and what each answers: `+` allowed, `-` nobody's Allow, `!` denied whatever else is attached to the
 * identity. The guard allows nothing: it only takes away.
 */
const TABLE: readonly (readonly [string, IamRequest, string])[] = [
  // issuer, reader, oncall, pruner, external-secrets, guard
  ["put a record in its own folder", put(OWN), "+-----"],
  ["put an end in its own folder", put(`${OWN}.ends`), "+-----"],
  ["put a record in another's folder", put(OTHER), "------"],
  ["put a record in a folder that begins like its own", put(`${KEYS}/dev-readonly-x/${HASH}`), "------"],
  ["put a parameter in its own folder's place", put(`${KEYS}/dev-readonly`), "------"],
  ["put a parameter at the path itself", put(`${KEYS}/stray`), "------"],
  ["put an end in another's folder", put(`${OTHER}.ends`), "------"],
  ["revoke in its own folder", put(`${OWN}.revoked`), "+-+---"],
  ["revoke in another's folder", put(`${OTHER}.revoked`), "--+---"],
  ["put what only contains .revoked", put(`${OTHER}.revoked.x`), "------"],
  ["put .revoked outside", put("/payments/x.revoked"), "------"],
  ["put a tombstone", put(TOMBSTONE), "---+--"],
  ["put .revoked among the tombstones", put(`${KEYS}.pruned/x.revoked`), "---+--"],
  ["put a parameter outside", put(OUTSIDE), "------"],
  ["overwrite a record in its own folder", overwrite(OWN), "!-!!-!"],
  ["overwrite a record in another's folder", overwrite(OTHER), "!-!!-!"],
  ["overwrite a revocation", overwrite(`${OTHER}.revoked`), "!-!!-!"],
  ["overwrite a tombstone", overwrite(TOMBSTONE), "!-!!-!"],
  ["overwrite outside", overwrite(OUTSIDE), "------"],
  ["put a record with an expiration policy", expiring(OWN), "!-!!-!"],
  ["revoke with an expiration policy", expiring(`${OTHER}.revoked`), "!-!!-!"],
  ["put a tombstone with an expiration policy", expiring(TOMBSTONE), "!-!!-!"],
  ["delete a record of its own folder", ask("DeleteParameters", OWN), "!-!+-!"],
  ["delete a record of another's folder", ask("DeleteParameters", OTHER), "!-!+-!"],
  ["delete a revocation", ask("DeleteParameters", `${OWN}.revoked`), "!-!+-!"],
  ["delete a single record", ask("DeleteParameter", OWN), "!-!--!"],
  ["delete a tombstone", ask("DeleteParameters", TOMBSTONE), "!-!!-!"],
  ["delete a single tombstone", ask("DeleteParameter", TOMBSTONE), "!-!!-!"],
  ["delete outside", ask("DeleteParameters", OUTSIDE), "------"],
  ["label a version", ask("LabelParameterVersion", OWN), "!-!!-!"],
  ["tag a record", ask("AddTagsToResource", OWN), "!-!!-!"],
  ["share a record", ask("PutResourcePolicy", OTHER), "!-!!-!"],
  ["read a record of its own folder", ask("GetParameters", OWN), "++++--"],
  ["read a record of another's folder", ask("GetParameters", OTHER), "-+++--"],
  ["read outside", ask("GetParameters", OUTSIDE), "------"],
  ["read a single record", ask("GetParameter", OWN), "------"],
  ["read a record's older versions", ask("GetParameterHistory", OWN), "------"],
  ["list its own folder", ask("GetParametersByPath", `${KEYS}/dev-readonly`), "+++++-"],
  ["list another's folder", ask("GetParametersByPath", `${KEYS}/devops-full`), "-++++-"],
  ["list a folder that begins like its own", ask("GetParametersByPath", `${KEYS}/dev-readonly-x`), "-++++-"],
  ["list everything", ask("GetParametersByPath", KEYS), "-++++-"],
  ["list the tombstones", ask("GetParametersByPath", `${KEYS}.pruned`), "++++--"],
  ["list what lies above", ask("GetParametersByPath", "/mcp-gateway"), "------"],
  ["list the account", ask("GetParametersByPath", "/"), "------"],
  ["describe", { action: "ssm:DescribeParameters", resource: "*" }, "-+++--"],
  ["encrypt a record of its own folder", kms("Encrypt", OWN), "+-----"],
  ["encrypt a record of another's folder", kms("Encrypt", OTHER), "------"],
  ["encrypt a revocation", kms("Encrypt", `${OTHER}.revoked`), "--+---"],
  ["encrypt a tombstone", kms("Encrypt", TOMBSTONE), "---+--"],
  ["decrypt a record of its own folder", kms("Decrypt", OWN), "+++++-"],
  ["decrypt a record of another's folder", kms("Decrypt", OTHER), "-++++-"],
  ["decrypt a tombstone", kms("Decrypt", TOMBSTONE), "++++--"],
  ["decrypt what lies outside", kms("Decrypt", OUTSIDE), "------"],
  ["decrypt with another key", kms("Decrypt", OWN, { "kms:ResourceAliases": ["alias/other"] }), "------"],
  [
    "decrypt past Parameter Store",
    kms("Decrypt", OWN, { "kms:ViaService": "s3.eu-central-1.amazonaws.com" }),
    "------",
  ],
  ["decrypt what is no parameter", { action: "kms:Decrypt", resource: KEY }, "------"],
  ["make a data key", kms("GenerateDataKey", OWN), "------"],
  ["schedule the key's deletion", kms("ScheduleKeyDeletion", OWN), "------"],
  ["grant itself rights", { action: "iam:PutUserPolicy", resource: "*" }, "------"],
];

const SIGNS = { allowed: "+", "not allowed": "-", denied: "!" } as const;
const ADMIN = {
  Version: "2012-10-17",
  Statement: [{ Sid: "All", Effect: "Allow", Action: ["*"], Resource: ["*"] }],
} as const;

describe("who may", () => {
  it.each(TABLE)("%s", (_what, request, expected) => {
    const answers = POLICY_KINDS.map((kind) => SIGNS[evaluateIam([policyFor(kind, factsOf(kind))], request)]);
    expect(answers.join("")).toBe(expected);
  });

  it("an External Secrets of one role renders that folder alone", () => {
    const policy = policyFor("external-secrets", OF_ROLE);
    const may = (request: IamRequest) => SIGNS[evaluateIam([policy], request)];
    const lists = ["keys/dev-readonly", "keys/dev-readonly-x", "keys/devops-full", "keys", "keys.pruned"];
    expect(lists.map((name) => may(ask("GetParametersByPath", `/mcp-gateway/${name}`))).join("")).toBe("+----");
    expect([OWN, OTHER, TOMBSTONE].map((name) => may(kms("Decrypt", name))).join("")).toBe("+--");
  });

  it("an issuer of two roles issues both; two policies for one each do the same", () => {
    const roles = ["dev-readonly", "devops-full"];
    const both = [policyFor("issuer", { ...FACTS, roles })];
    const each = roles.map((role) => policyFor("issuer", { ...FACTS, roles: [role] }));
    for (const policies of [both, each]) {
      const asked = [put(OWN), put(OTHER), put(`${KEYS}/qa/${HASH}`), ask("GetParametersByPath", KEYS)];
      expect(asked.map((request) => SIGNS[evaluateIam(policies, request)]).join("")).toBe("++--");
    }
  });

  it("an administrator who is on call overwrites and deletes nothing all the same", () => {
    const asked = [overwrite(OWN), ask("DeleteParameters", OWN), overwrite(OUTSIDE)];
    const policies = [policyFor("oncall", FACTS), ADMIN];
    expect(asked.map((request) => SIGNS[evaluateIam(policies, request)]).join("")).toBe("!!+");
  });

  it.each([
    ["an administrator", FACTS.prunerArn, "role/admin", "+!!!!"],
    ["the pruner", FACTS.prunerArn, "role/pruner", "+!!+!"],
    ["one who is called like the pruner", FACTS.prunerArn, "role/pruner-x", "+!!!!"],
    ["anybody where there is no pruner", null, "role/pruner", "+!!!!"],
  ])("%s under the guard makes keys, and takes back no more than is theirs", (_who, prunerArn, principal, expected) => {
    const policies = [ADMIN, policyFor("guard", { ...FACTS, prunerArn })];
    const asked = [
      put(OWN),
      overwrite(OWN),
      expiring(OWN),
      ask("DeleteParameters", OWN),
      ask("DeleteParameter", TOMBSTONE),
    ];
    const answers = asked.map(({ context, ...request }) =>
      evaluateIam(policies, {
        ...request,
        context: { ...context, "aws:PrincipalArn": `arn:aws:iam::111122223333:${principal}` },
      }),
    );
    expect(answers.map((answer) => SIGNS[answer]).join("")).toBe(expected);
  });
});

describe("a policy", () => {
  it.each([
    ["eu-central-1", "aws", ["ssm.eu-central-1.amazonaws.com"]],
    ["cn-north-1", "aws-cn", ["ssm.cn-north-1.amazonaws.com", "ssm.cn-north-1.amazonaws.com.cn"]],
    ["us-gov-west-1", "aws-us-gov", ["ssm.us-gov-west-1.amazonaws.com"]],
    ["us-isob-east-1", "aws-iso-b", ["ssm.us-isob-east-1.amazonaws.com"]],
  ])("of %s is of the partition %s", (region, partition, services) => {
    const { Statement } = policyFor("pruner", { ...FACTS, region });
    const arns = JSON.stringify(Statement).match(/arn:[^"]*?:\d{12}/g);
    const prefix = `arn:${partition}`;
    expect(new Set(arns)).toEqual(
      new Set([`${prefix}:ssm:${region}:111122223333`, `${prefix}:kms:${region}:111122223333`]),
    );
    const found = Statement.flatMap(({ Condition }) => Condition?.["StringEquals"]?.["kms:ViaService"] ?? []);
    expect(new Set(found)).toEqual(new Set(services));
  });

  it("names no action and no account by a wildcard, and every resource but for DescribeParameters", () => {
    for (const kind of POLICY_KINDS)
      for (const { Sid, Action, Resource } of policyFor(kind, factsOf(kind)).Statement) {
        expect(Action.filter((action) => action.includes("*"))).toEqual([]);
        const open = Resource.filter((pattern) => !/^arn:aws:(kms|ssm):eu-central-1:111122223333:/.test(pattern));
        expect(open).toEqual(Sid === "SeeWhoMadeThem" ? ["*"] : []);
      }
  });

  it("names its statements apart, as IAM wants it", () => {
    for (const kind of POLICY_KINDS) {
      const sids = policyFor(kind, factsOf(kind)).Statement.map(({ Sid }) => Sid);
      expect(sids.filter((sid, index) => !/^[A-Za-z0-9]+$/.test(sid) || sids.indexOf(sid) !== index)).toEqual([]);
    }
  });
});
