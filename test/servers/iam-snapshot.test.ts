import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  IAMClient,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { beforeAll, describe, expect, it } from "vitest";
import { openIamSession } from "../../src/lib/aws/iam-session.ts";
import { snapshotIam } from "../../src/lib/aws/snapshot-iam.ts";
import { judgeIam } from "../../src/lib/flow/iam/judge-iam.ts";
import { awsRequest, factsOf, policy, statement } from "../support/iam-facts.ts";
import { MOTO_ACCOUNT, motoAvailable, type MotoServer, startMoto, TEST_CREDENTIALS } from "../support/moto.ts";

const REGION = "eu-central-1";
const ROLE = `arn:aws:iam::${MOTO_ACCOUNT}:role/mcp/mcp-aws-ro`;
const NOW = Date.parse("2026-11-20T10:00:00Z");

describe.skipIf(!motoAvailable())("a snapshot of IAM on moto", () => {
  let moto: MotoServer;
  let iam: IAMClient;

  beforeAll(async () => {
    moto = await startMoto();
    iam = new IAMClient({ region: REGION, endpoint: moto.url, credentials: TEST_CREDENTIALS });
    return async () => {
      iam.destroy();
      await moto.stop();
    };
  });

  it("holds a role with all that is attached to it, and answers from it", async () => {
    const text = (...statements: readonly ReturnType<typeof statement>[]): string =>
      JSON.stringify(policy(...statements));
    await iam.send(new CreateRoleCommand({ RoleName: "mcp-aws-ro", Path: "/mcp/", AssumeRolePolicyDocument: text() }));
    await iam.send(
      new PutRolePolicyCommand({
        RoleName: "mcp-aws-ro",
        PolicyName: "inline",
        PolicyDocument: text(statement({ Sid: "ReadEc2" })),
      }),
    );
    const create = async (PolicyName: string, Action: string): Promise<string> => {
      const made = await iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument: text(statement({ Action })) }));
      return made.Policy?.Arn ?? "";
    };
    const PolicyArn = await create("read-s3", "s3:Get*");
    await iam.send(new AttachRolePolicyCommand({ RoleName: "mcp-aws-ro", PolicyArn }));
    const PermissionsBoundary = await create("limit", "ec2:*");
    await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName: "mcp-aws-ro", PermissionsBoundary }));

    const session = openIamSession(
      { region: REGION, account: MOTO_ACCOUNT },
      { env: {}, client: { endpoint: moto.url, credentials: TEST_CREDENTIALS } },
    );
    const taken = await snapshotIam(session, NOW);
    expect(taken.mcpctl).toEqual({
      version: 1,
      takenAt: "2026-11-20T10:00:00Z",
      account: MOTO_ACCOUNT,
      isComplete: true,
    });
    const facts = factsOf([taken]);
    expect(facts.findings).toEqual([]);
    const answer = (action: string): string => judgeIam(facts, ROLE, awsRequest(action)).reason;
    expect(["ec2:DescribeInstances", "ec2:RunInstances", "s3:GetObject"].map(answer)).toEqual([
      "statement_allows",
      "no_statement",
      "boundary_limits",
    ]);
  });
});
