import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AccountSnapshot, snapshotIam } from "../../../src/lib/aws/snapshot-iam.ts";
import { AppError } from "../../../src/lib/errors.ts";
import { judgeIam } from "../../../src/lib/flow/iam/judge-iam.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../../support/fault-proxy.ts";
import { account, iamAnswer, page, refuse } from "../../support/faults.ts";
import { ACCOUNT, awsRequest, factsOf, policy, ROLE, statement } from "../../support/iam-facts.ts";
import { scriptedIam } from "../../support/scripted-iam.ts";

const ACTION = "GetAccountAuthorizationDetails";
const NOW = Date.parse("2026-11-20T10:00:00Z");
const encoded = (document: unknown): string => encodeURIComponent(JSON.stringify(document));

function roleXml(arn: string, document: string): string {
  return `<member><Path>/</Path><RoleName>${arn.slice(arn.lastIndexOf("/") + 1)}</RoleName><Arn>${arn}</Arn>
    <CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>${encoded(policy())}</AssumeRolePolicyDocument>
    <RolePolicyList><member><PolicyName>p</PolicyName><PolicyDocument>${document}</PolicyDocument></member></RolePolicyList>
    <AttachedManagedPolicies/><InstanceProfileList/><Tags><member><Key>team</Key><Value>a</Value></member></Tags></member>`;
}
const policyXml = `<member><PolicyName>limit</PolicyName><Arn>arn:aws:iam::${ACCOUNT}:policy/limit</Arn>
  <DefaultVersionId>v2</DefaultVersionId><PolicyVersionList>
  <member><VersionId>v2</VersionId><IsDefaultVersion>true</IsDefaultVersion><Document>${encoded(policy())}</Document></member>
  <member><VersionId>v1</VersionId><IsDefaultVersion>false</IsDefaultVersion><Document>${encoded({})}</Document></member>
  </PolicyVersionList></member>`;
const pageXml = (roles: string, policies: string, more: string): string =>
  `<RoleDetailList>${roles}</RoleDetailList><Policies>${policies}</Policies>${more}`;
const LAST = "<IsTruncated>false</IsTruncated>";

describe("a snapshot of IAM", () => {
  let proxy: FaultProxy;

  beforeEach(async () => {
    proxy = await startFaultProxy();
    proxy.inject("GetCallerIdentity", account(ACCOUNT));
  });
  afterEach(async () => {
    await proxy.close();
    proxy.settle();
  });

  const snapshot = (...pages: readonly string[]): Promise<AccountSnapshot> => {
    for (const each of pages) proxy.inject(ACTION, iamAnswer(ACTION, each));
    return take();
  };
  const take = (): Promise<AccountSnapshot> => snapshotIam(scriptedIam(proxy, { account: ACCOUNT }), NOW);
  const codeOf = async (taken: Promise<unknown>): Promise<unknown> => {
    const error: unknown = await taken.catch((thrown: unknown) => thrown);
    return error instanceof AppError ? error.code : error;
  };

  it("has what decides, from all pages, in order", async () => {
    const document = policy(statement());
    const taken = await snapshot(
      pageXml(roleXml(`${ROLE}-z`, "%7Bbroken"), "", "<IsTruncated>true</IsTruncated><Marker>m</Marker>"),
      pageXml(roleXml(ROLE, encoded(document)), policyXml, LAST),
    );
    const role = (name: string, PolicyDocument: unknown) => ({
      Path: "/",
      RoleName: name,
      Arn: `arn:aws:iam::${ACCOUNT}:role/${name}`,
      AssumeRolePolicyDocument: policy(),
      RolePolicyList: [{ PolicyName: "p", PolicyDocument }],
      AttachedManagedPolicies: [],
      Tags: [{ Key: "team", Value: "a" }],
    });
    expect(taken).toEqual({
      RoleDetailList: [role("mcp-aws-ro", document), role("mcp-aws-ro-z", "%7Bbroken")],
      Policies: [
        {
          PolicyName: "limit",
          Arn: `arn:aws:iam::${ACCOUNT}:policy/limit`,
          DefaultVersionId: "v2",
          PolicyVersionList: [{ VersionId: "v2", IsDefaultVersion: true, Document: policy() }],
        },
      ],
      mcpctl: { version: 1, takenAt: "2026-11-20T10:00:00Z", account: ACCOUNT, isComplete: true },
    });
    expect(
      proxy
        .sent(ACTION)
        .map((body) => [body["Filter.member.1"], body["Filter.member.2"], body["Filter.member.3"], body["Marker"]]),
    ).toEqual([
      ["Role", "LocalManagedPolicy", "AWSManagedPolicy", undefined],
      ["Role", "LocalManagedPolicy", "AWSManagedPolicy", "m"],
    ]);
  });

  it("is read as complete facts", async () => {
    const facts = factsOf([await snapshot(pageXml(roleXml(ROLE, encoded(policy(statement()))), "", LAST))]);
    const outcome = (action: string): string => judgeIam(facts, ROLE, awsRequest(action)).reason;
    expect([outcome("ec2:DescribeInstances"), outcome("ec2:RunInstances")]).toEqual([
      "statement_allows",
      "no_statement",
    ]);
  });

  it.each([
    ["aws_access_denied", refuse("AccessDenied", 403)],
    ["aws_answer_unreadable", page(200)],
    ["aws_answer_unreadable", iamAnswer(ACTION, pageXml("", "", "<IsTruncated>true</IsTruncated>"))],
    ["aws_answer_unreadable", iamAnswer(ACTION, `<RoleDetailList/>${LAST}`)],
  ] as readonly [string, Fault][])("is none where AWS's answer is not whole: %s", async (code, fault) => {
    proxy.inject(ACTION, fault);
    expect(await codeOf(take())).toBe(code);
  });
});
