import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLiveAwsLayer, type LiveCluster } from "../../../src/lib/aws/live-layer.ts";
import { AppError } from "../../../src/lib/errors.ts";
import type { AwsVerdict } from "../../../src/lib/flow/requests.ts";
import { type FaultProxy, startFaultProxy } from "../../support/fault-proxy.ts";
import { account, iamAnswer, page, refuse } from "../../support/faults.ts";
import { ACCOUNT, awsRequest, policy, ROLE } from "../../support/iam-facts.ts";
import { scriptedIam } from "../../support/scripted-iam.ts";

const SIMULATE = "SimulatePrincipalPolicy";
const LIST = awsRequest("s3:ListBucket", "arn:aws:s3:::teambucket");
const ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE";
const POD = { namespace: "mcp", name: "aws-ro" };

/** As the example of the API reference has it, with these elements besides. */
function result(decision: string, elements = "", action = "s3:ListBucket"): string {
  return `<member>
    <MatchedStatements>${
      decision === "implicitDeny"
        ? ""
        : `<member><SourcePolicyId>team-read</SourcePolicyId>
           <EndPosition><Column>4</Column><Line>11</Line></EndPosition>
           <StartPosition><Column>16</Column><Line>4</Line></StartPosition></member>`
    }</MatchedStatements>
    <EvalResourceName>arn:aws:s3:::teambucket</EvalResourceName>
    <EvalDecision>${decision}</EvalDecision><EvalActionName>${action}</EvalActionName>
    ${elements.includes("MissingContextValues") ? "" : "<MissingContextValues/>"}${elements}
  </member>`;
}
const answered = (results: string, more = "<IsTruncated>false</IsTruncated>"): string =>
  `${more}<EvaluationResults>${results}</EvaluationResults>`;

/** The proxy alone stands in for AWS here: moto has no simulation. */
describe("AWS asked live", () => {
  let proxy: FaultProxy;

  beforeEach(async () => {
    proxy = await startFaultProxy();
    proxy.inject("GetCallerIdentity", account(ACCOUNT));
  });
  afterEach(async () => {
    await proxy.close();
    proxy.settle();
  });

  const layer = (cluster: Partial<LiveCluster> = {}) =>
    createLiveAwsLayer(scriptedIam(proxy, { account: ACCOUNT }), {
      oidcIssuer: ISSUER,
      clusterName: null,
      annotationOf: async () => ROLE,
      associations: [],
      ...cluster,
    });
  const ask = async (results: string): Promise<AwsVerdict | undefined> => {
    proxy.inject(SIMULATE, iamAnswer(SIMULATE, answered(results)));
    return (await layer().judge(ROLE, [LIST]))[0];
  };

  it("is told by the policy that decides", async () => {
    expect(await ask(result("allowed"))).toEqual({
      outcome: "allow",
      reason: "statement_allows",
      text: "AWS simulates s3:ListBucket on arn:aws:s3:::teambucket as allowed, by team-read",
      place: null,
      source: "live",
      missing: [],
      boundary: null,
    });
    expect(proxy.sent(SIMULATE)).toEqual([
      {
        Action: SIMULATE,
        Version: "2010-05-08",
        PolicySourceArn: ROLE,
        "ActionNames.member.1": "s3:ListBucket",
        "ResourceArns.member.1": "arn:aws:s3:::teambucket",
      },
    ]);
  });

  it.each([
    ["an explicit deny", result("explicitDeny"), "deny explicit_deny", null],
    ["an implicit deny", result("implicitDeny"), "deny no_statement", null],
    [
      "one of the organization",
      result(
        "implicitDeny",
        "<OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations></OrganizationsDecisionDetail>",
      ),
      "deny scp_denies",
      null,
    ],
    [
      "one of the boundary",
      result(
        "implicitDeny",
        "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>",
      ),
      "deny boundary_limits",
      "deny boundary_limits",
    ],
    [
      "an allow under a boundary",
      result(
        "allowed",
        "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>true</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>",
      ),
      "allow statement_allows",
      "allow statement_allows",
    ],
    [
      "an allow without a key",
      result("allowed", "<MissingContextValues><member>aws:SourceIp</member></MissingContextValues>"),
      "unknown depends_on_context",
      null,
    ],
    [
      "a deny without a key",
      result("explicitDeny", "<MissingContextValues><member>aws:SourceIp</member></MissingContextValues>"),
      "unknown depends_on_context",
      null,
    ],
    [
      "an allow without a key of the resource",
      result(
        "allowed",
        "<ResourceSpecificResults><member><EvalResourceName>x</EvalResourceName><EvalResourceDecision>allowed</EvalResourceDecision><MissingContextValues><member>aws:SourceIp</member></MissingContextValues></member></ResourceSpecificResults>",
      ),
      "unknown depends_on_context",
      null,
    ],
    ["a word that is new", result("perhaps"), "unknown no_answer", null],
    ["an answer about something else", result("allowed", "", "s3:GetObject"), "unknown no_answer", null],
    ["nothing", "", "unknown no_answer", null],
  ])("answers with %s", async (_what, results, expected, boundary) => {
    const verdict = await ask(results);
    const short = (each: { outcome: string; reason: string } | null | undefined): string | null =>
      each === null || each === undefined ? null : `${each.outcome} ${each.reason}`;
    expect([short(verdict), short(verdict?.boundary)]).toEqual([expected, boundary]);
  });

  it.each([
    ["explicitDeny", ["deny", "explicit_deny", "live"]],
    ["allowed", ["unknown", "resource_policy", "live", `the key policy of arn:aws:kms:eu-central-1:${ACCOUNT}:key/k`]],
  ])(
    "is no yes where the resource's own policy decides, which AWS does not simulate: %s",
    async (decision, expected) => {
      const request = awsRequest("kms:Decrypt", `arn:aws:kms:eu-central-1:${ACCOUNT}:key/k`);
      proxy.inject(SIMULATE, iamAnswer(SIMULATE, answered(result(decision, "", "kms:Decrypt"))));
      const [verdict] = await layer().judge(ROLE, [request]);
      expect([verdict?.outcome, verdict?.reason, verdict?.source, ...(verdict?.missing ?? [])]).toEqual(expected);
    },
  );

  it("reads all pages, and asks once for each resource", async () => {
    proxy.inject(
      SIMULATE,
      iamAnswer(SIMULATE, answered(result("allowed"), "<IsTruncated>true</IsTruncated><Marker>m</Marker>")),
    );
    proxy.inject(SIMULATE, iamAnswer(SIMULATE, answered(result("explicitDeny", "", "S3:getobject"))));
    proxy.inject(SIMULATE, iamAnswer(SIMULATE, answered(result("implicitDeny", "", "ec2:RunInstances"))));
    const asked = [LIST, awsRequest("ec2:RunInstances"), awsRequest("s3:GetObject", "arn:aws:s3:::teambucket"), LIST];
    const outcomes = (await layer().judge(ROLE, asked)).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(["allow", "deny", "deny", "allow"]);
    expect(
      proxy.sent(SIMULATE).map((body) => [body["ActionNames.member.2"], body["Marker"], body["ResourceArns.member.1"]]),
    ).toEqual([
      ["s3:GetObject", undefined, "arn:aws:s3:::teambucket"],
      ["s3:GetObject", "m", "arn:aws:s3:::teambucket"],
      [undefined, undefined, "*"],
    ]);
  });

  it("does not ask what is not wholly known", async () => {
    const asked = [
      awsRequest("s3:Get*"),
      awsRequest("s3:GetObject", "arn:aws:s3:::b/{key}"),
      awsRequest("s3:GetObject", "arn:aws:s3:::b/*"),
    ];
    const verdicts = await layer().judge(ROLE, asked);
    expect(verdicts.map(({ outcome, missing }) => [outcome, missing])).toEqual([
      ["unknown", ["which actions and resources s3:Get* on * means"]],
      ["unknown", ["the argument key"]],
      ["unknown", ["which actions and resources s3:GetObject on arn:aws:s3:::b/* means"]],
    ]);
    expect(proxy.sent(SIMULATE)).toEqual([]);
  });

  it("tells which right is missing, and of a role that is not there", async () => {
    proxy.inject(SIMULATE, refuse("AccessDenied", 403));
    expect(await layer().judge(ROLE, [LIST])).toEqual([
      {
        outcome: "unknown",
        reason: "not_authorized",
        text: "the AWS identity in use may not ask iam:SimulatePrincipalPolicy",
        place: null,
        source: "nothing",
        missing: [`iam:SimulatePrincipalPolicy on ${ROLE}`],
        boundary: null,
      },
    ]);
    proxy.inject("GetCallerIdentity", account(ACCOUNT));
    proxy.inject(SIMULATE, refuse("NoSuchEntity", 404));
    expect((await layer().judge(ROLE, [LIST])).map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ["deny", "role_absent"],
    ]);
  });

  it("is not asked of roles of another account", async () => {
    const other = ROLE.replace(ACCOUNT, "999999999999");
    expect(await layer().canAssume(other, POD)).toEqual({
      outcome: "unknown",
      reason: "other_account",
      text: `role ${other} is not of account ${ACCOUNT}, which the AWS credentials in use are of`,
      place: null,
      source: "nothing",
      missing: ["AWS credentials of the role's account"],
    });
    proxy.inject("GetCallerIdentity", account(ACCOUNT));
    expect((await layer().judge(other, [LIST]))[0]?.reason).toBe("other_account");
  });

  it.each([
    ["aws_failing", refuse("ServiceFailure", 500)],
    ["aws_answer_unreadable", page(200)],
    ["aws_request_invalid", refuse("InvalidInput", 400)],
  ])("fails with %s", async (code, fault) => {
    proxy.inject(SIMULATE, fault);
    const error: unknown = await layer()
      .judge(ROLE, [LIST])
      .catch((thrown: unknown) => thrown);
    expect(error instanceof AppError ? error.code : error).toBe(code);
  });

  describe("of a trust policy", () => {
    const trust = (subject: string): unknown =>
      policy({
        Effect: "Allow",
        Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/${ISSUER}` },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: { StringEquals: { [`${ISSUER}:sub`]: subject, [`${ISSUER}:aud`]: "sts.amazonaws.com" } },
      });
    const tellRole = (document: unknown, arn = ROLE): void =>
      proxy.inject(
        "GetRole",
        iamAnswer(
          "GetRole",
          `<Role><Path>/</Path><Arn>${arn}</Arn><RoleName>mcp-aws-ro</RoleName><RoleId>AROAEXAMPLE</RoleId>
           <CreateDate>2026-01-01T00:00:00Z</CreateDate>
           <AssumeRolePolicyDocument>${encodeURIComponent(JSON.stringify(document))}</AssumeRolePolicyDocument></Role>`,
        ),
      );

    it("judges as it is now", async () => {
      tellRole(trust("system:serviceaccount:mcp:aws-ro"));
      expect(await layer().canAssume(ROLE, POD)).toEqual({
        outcome: "allow",
        reason: "irsa_allows",
        text: "trust policy of role mcp-aws-ro, statement 1 allows sts:AssumeRoleWithWebIdentity",
        place: null,
        source: "live",
        missing: [],
      });
    });

    it.each([
      ["another subject", trust("system:serviceaccount:dev:aws-ro"), ROLE, "deny no_trust_statement live"],
      ["nobody", policy(), ROLE, "deny no_trust_statement live"],
      ["something that cannot be read", "{", ROLE, "unknown facts_incomplete nothing"],
      ["a role of that name in another path", policy(), ROLE.replace("role/", "role/team/"), "deny role_absent live"],
    ])("that trusts %s", async (_what, document, arn, expected) => {
      tellRole(document, arn);
      const { outcome, reason, source } = await layer().canAssume(ROLE, POD);
      expect(`${outcome} ${reason} ${source}`).toBe(expected);
    });

    it("tells which right is missing, and what is not known of the cluster", async () => {
      proxy.inject("GetRole", refuse("AccessDenied", 403));
      expect((await layer().canAssume(ROLE, POD)).missing).toEqual([`iam:GetRole on ${ROLE}`]);
      proxy.inject("GetCallerIdentity", account(ACCOUNT));
      tellRole(trust("system:serviceaccount:mcp:aws-ro"));
      expect((await layer({ oidcIssuer: null }).canAssume(ROLE, POD)).missing).toEqual([
        "policy.oidcIssuer in mcpctl.yaml",
      ]);
    });
  });
});
