import { describe, expect, it } from "vitest";
import { judgeIam } from "../../../../src/lib/flow/iam/judge-iam.ts";
import {
  ACCOUNT,
  awsRequest,
  control,
  details,
  factsOf,
  managed,
  policy,
  role,
  ROLE,
  statement,
  type RoleParts,
} from "../../../support/iam-facts.ts";

const READ = awsRequest("ec2:DescribeInstances");
const BOUNDARY = "arn:aws:iam::111122223333:policy/limit";
const MANAGED = "arn:aws:iam::111122223333:policy/team/read-ec2";

/** `outcome reason` of a role with these parts. */
function ask(
  parts: RoleParts,
  { request = READ, policies = [] as ReturnType<typeof managed>[], more = [] as unknown[], isComplete = true } = {},
) {
  const { outcome, reason } = judgeIam(factsOf([details([role(parts)], policies), ...more], isComplete), ROLE, request);
  return `${outcome} ${reason}`;
}
const inline = (...statements: ReturnType<typeof statement>[]): RoleParts => ({ inline: { p: policy(...statements) } });

describe("a request to AWS, by files", () => {
  it("is allowed by a statement, which is told with its place", () => {
    const facts = factsOf([
      details([
        role({
          inline: {
            "mcp-aws-ro-inline": policy(
              statement({ Action: ["s3:GetObject"] }),
              statement({ Sid: "ReadEc2", Action: ["ec2:Get*", "ec2:Describe*"] }),
            ),
          },
        }),
      ]),
    ]);
    expect(judgeIam(facts, ROLE, READ)).toEqual({
      outcome: "allow",
      reason: "statement_allows",
      text: "policy mcp-aws-ro-inline, statement 2 (ReadEc2) allows ec2:Describe*",
      place: { file: "f0.json", line: 1, column: expect.any(Number) },
      source: "file",
      missing: [],
      boundary: null,
    });
  });

  it("is denied by a Deny, whatever allows it", () => {
    const deny = statement({ Effect: "Deny", Action: undefined, NotAction: ["iam:*", "s3:*"] });
    const facts = factsOf([details([role(inline(statement(), deny))])]);
    expect(judgeIam(facts, ROLE, READ)).toEqual({
      outcome: "deny",
      reason: "explicit_deny",
      text: "policy p, statement 2 denies all but iam:*, s3:*",
      place: { file: "f0.json", line: 1, column: expect.any(Number) },
      source: "file",
      missing: [],
      boundary: null,
    });
  });

  it("depends on what nobody knows before the request", () => {
    const condition = { StringEquals: { "aws:SourceVpc": "vpc-1" }, IpAddress: { "aws:SourceIp": "10.0.0.0/8" } };
    const facts = factsOf([details([role(inline(statement({ Sid: "Vpc", Condition: condition })))])], true);
    expect(judgeIam(facts, ROLE, READ)).toEqual({
      outcome: "unknown",
      reason: "depends_on_context",
      text: "whether policy p, statement 1 (Vpc) allows ec2:Describe* for ec2:DescribeInstances on * depends on aws:SourceVpc, aws:SourceIp",
      place: { file: "f0.json", line: 1, column: expect.any(Number) },
      source: "file",
      missing: ["the value of aws:SourceVpc in the request", "the value of aws:SourceIp in the request"],
      boundary: null,
    });
  });

  it.each([
    ["nothing", {}, "deny no_statement"],
    ["an Allow", inline(statement()), "allow statement_allows"],
    ["an Allow of another action", inline(statement({ Action: "ec2:Run*" })), "deny no_statement"],
    ["an action in another case", inline(statement({ Action: "EC2:describe*" })), "allow statement_allows"],
    ["a bare *", inline(statement({ Action: "*" })), "allow statement_allows"],
    ["NotAction of others", inline(statement({ Action: undefined, NotAction: "iam:*" })), "allow statement_allows"],
    ["NotAction of it", inline(statement({ Action: undefined, NotAction: "ec2:*" })), "deny no_statement"],
    [
      "NotResource of others",
      inline(statement({ Resource: undefined, NotResource: "arn:aws:s3:::b" })),
      "unknown argument_unknown",
    ],
    ["an Allow and a Deny", inline(statement(), statement({ Effect: "Deny" })), "deny explicit_deny"],
    [
      "a Deny of something else",
      inline(statement(), statement({ Effect: "Deny", Action: "s3:*" })),
      "allow statement_allows",
    ],
    [
      "a Deny that may apply",
      inline(statement(), statement({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } })),
      "unknown depends_on_context",
    ],
    [
      "a Deny whose operator is unknown",
      inline(statement(), statement({ Effect: "Deny", Condition: { StringFoo: { "aws:PrincipalArn": "x" } } })),
      "unknown depends_on_context",
    ],
    [
      "a sure Allow beside one that may be",
      inline(statement({ Condition: { Null: { "a:b": "true" } } }), statement()),
      "allow statement_allows",
    ],
    [
      "a condition on the role itself",
      inline(
        statement({
          Condition: {
            ArnLike: { "aws:PrincipalArn": "arn:aws:iam::*:role/mcp-*" },
            StringEquals: { "AWS:PrincipalAccount": ACCOUNT },
          },
        }),
      ),
      "allow statement_allows",
    ],
    [
      "a condition on another role",
      inline(statement({ Condition: { ArnLike: { "aws:PrincipalArn": "arn:aws:iam::*:role/x" } } })),
      "deny no_statement",
    ],
  ] as const)("of a role with %s: %s", (_what, parts, answer) => {
    expect(ask(parts)).toBe(answer);
  });

  it("is not denied for want of a statement while the facts may be incomplete", () => {
    const facts = factsOf([details([role()])]);
    expect(judgeIam(facts, ROLE, READ)).toEqual({
      outcome: "unknown",
      reason: "facts_incomplete",
      text: "no statement that is known of role mcp-aws-ro allows ec2:DescribeInstances on *",
      place: null,
      source: "nothing",
      missing: [
        "whether these are all roles and policies of account 111122223333 (a snapshot, or policy.complete: true)",
      ],
      boundary: null,
    });
    const mark = { version: 1, takenAt: "2026-11-20T10:00:00Z", account: ACCOUNT, isComplete: true };
    const outcome = (more: object): string =>
      judgeIam(factsOf([details([role()], [], { mcpctl: { ...mark, ...more } })]), ROLE, READ).outcome;
    expect(outcome({})).toBe("deny");
    expect(outcome({ isComplete: false })).toBe("unknown");
    expect(outcome({ account: "1" })).toBe("unknown");
    expect(outcome({ version: 2 })).toBe("unknown");
  });

  it("is not known while there are two snapshots of its account", () => {
    const mark = { version: 1, takenAt: "2026-11-20T10:00:00Z", account: ACCOUNT, isComplete: true };
    const allows = details([role(inline(statement()))], [], { mcpctl: mark });
    const both = (more: object): unknown => {
      const later = details([], [], { mcpctl: { ...mark, ...more } });
      const { outcome, reason, missing } = judgeIam(factsOf([allows, later]), ROLE, READ);
      return [outcome, reason, missing];
    };
    const known = ["allow", "statement_allows", []];
    expect(both({})).toEqual(known);
    expect(both({ takenAt: "2026-11-21T10:00:00Z", account: "999988887777" })).toEqual(known);
    expect(both({ takenAt: "2026-11-21T10:00:00Z" })).toEqual([
      "unknown",
      "facts_contradict",
      ["what cannot be relied on at f1.json:1:86 must be mended"],
    ]);
  });

  it.each([
    ["{id} of any instance", statement({ Resource: "arn:aws:ec2:*:*:instance/*" }), "allow"],
    ["{id} of one instance", statement({ Resource: "arn:aws:ec2:*:*:instance/i-1" }), "unknown"],
    ["{id} of no instance", statement({ Resource: "arn:aws:s3:::b/*" }), "deny"],
    [
      "an {id} like x:volume/y, across whose colon a star reaches",
      statement({ Resource: "arn:aws:ec2:*:*:volume/*" }),
      "unknown",
    ],
  ])("on what only arguments tell: %s", (_what, allow, outcome) => {
    const request = awsRequest("ec2:DescribeInstances", "arn:aws:ec2:eu-central-1:111122223333:instance/{id}");
    const verdict = judgeIam(factsOf([details([role(inline(allow))])], true), ROLE, request);
    expect([verdict.outcome, verdict.missing]).toEqual([outcome, outcome === "unknown" ? ["the argument id"] : []]);
  });

  it.each([
    ["ec2:Describe*", "allow statement_allows"],
    ["ec2:*", "unknown argument_unknown"],
    ["ec2:DescribeI*", "allow statement_allows"],
    ["ec2:Run*", "deny no_statement"],
  ])("of several actions at once, %s: %s", (action, answer) => {
    expect(ask(inline(statement()), { request: awsRequest(action) })).toBe(answer);
  });

  it("of several actions, of which one is denied, is unknown", () => {
    const parts = inline(statement(), statement({ Effect: "Deny", Action: "ec2:DescribeTags" }));
    expect(ask(parts, { request: awsRequest("ec2:Describe*") })).toBe("unknown argument_unknown");
    expect(ask(parts)).toBe("allow statement_allows");
  });

  it("fills policy variables with what is known of the role, in version 2012-10-17", () => {
    const request = awsRequest("s3:GetObject", "arn:aws:s3:::b/blue/x");
    const allow = statement({ Action: "s3:GetObject", Resource: "arn:aws:s3:::b/${aws:PrincipalTag/Team}/*" });
    const answers = [{ team: "blue" }, { team: "red" }, { other: "x" }, undefined].map((tags) =>
      ask({ ...inline(allow), ...(tags && { tags }) }, { request }),
    );
    expect(answers).toEqual([
      "allow statement_allows",
      "deny no_statement",
      "unknown argument_unknown",
      "unknown argument_unknown",
    ]);
    const old = { inline: { p: { Version: "2008-10-17", Statement: [allow] } }, tags: { team: "blue" } };
    expect(ask(old, { request })).toBe("deny no_statement");
  });

  it("takes no tag for known that EKS Pod Identity may give the session", () => {
    const allow = statement({ Condition: { StringEquals: { "aws:PrincipalTag/kubernetes-namespace": "a" } } });
    expect(ask({ ...inline(allow), tags: { "kubernetes-namespace": "a" } })).toBe("unknown depends_on_context");
  });

  describe("with managed policies", () => {
    it("is judged by their default version", () => {
      const policies = [managed(MANAGED, policy(statement()))];
      expect(ask({ attached: [MANAGED] }, { policies })).toBe("allow statement_allows");
      expect(ask({ attached: [MANAGED] }, { policies, request: awsRequest("s3:GetObject") })).toBe("deny no_statement");
    });

    it("is unknown while one that is attached is not there, whatever the others allow", () => {
      const parts = { ...inline(statement()), attached: ["arn:aws:iam::aws:policy/ReadOnlyAccess"] };
      const facts = factsOf([details([role(parts)])], true);
      expect(judgeIam(facts, ROLE, READ)).toEqual({
        outcome: "unknown",
        reason: "facts_incomplete",
        text: "not all policies that count are known",
        place: null,
        source: "nothing",
        missing: ["the document of policy ReadOnlyAccess, attached to role mcp-aws-ro"],
        boundary: null,
      });
      expect(ask({ ...inline(statement({ Effect: "Deny" })), attached: ["arn:aws:iam::aws:policy/X"] })).toBe(
        "deny explicit_deny",
      );
    });
  });

  describe("with a permissions boundary", () => {
    const parts = (...statements: ReturnType<typeof statement>[]) => ({ ...inline(...statements), boundary: BOUNDARY });
    const limit = (...statements: ReturnType<typeof statement>[]) => [managed(BOUNDARY, policy(...statements))];

    it.each([
      ["allows", limit(statement({ Action: "ec2:*" })), "allow statement_allows", "allow statement_allows"],
      ["does not", limit(statement({ Action: "s3:*" })), "deny boundary_limits", "deny boundary_limits"],
      ["denies", limit(statement(), statement({ Effect: "Deny" })), "deny explicit_deny", "deny explicit_deny"],
      [
        "may allow",
        limit(statement({ Condition: { Bool: { x: "true" } } })),
        "unknown depends_on_context",
        "unknown depends_on_context",
      ],
      ["is not there", [], "unknown facts_incomplete", "unknown facts_incomplete"],
    ])("that %s: %s", (_what, policies, answer, ofBoundary) => {
      const facts = factsOf([details([role(parts(statement()))], policies)], true);
      const { outcome, reason, boundary } = judgeIam(facts, ROLE, READ);
      expect([`${outcome} ${reason}`, `${boundary?.outcome} ${boundary?.reason}`]).toEqual([answer, ofBoundary]);
    });

    it("is not allowed by the boundary alone", () => {
      expect(ask(parts(), { policies: limit(statement()) })).toBe("deny no_statement");
    });
  });

  describe("under service control policies", () => {
    const all = control("FullAWSAccess", policy(statement({ Action: "*" })));
    const s3 = control("OnlyS3", policy(statement({ Action: "s3:*" })));
    const noEc2 = control("NoEc2", policy(statement({ Effect: "Deny", Action: "ec2:*" })));
    const noIam = control("NoIam", policy(statement({ Effect: "Deny", Action: "iam:*" })));

    it.each([
      ["all", [all], "allow statement_allows"],
      ["one that only denies other things", [noIam], "allow statement_allows"],
      ["one that denies it", [all, noEc2], "deny explicit_deny"],
      ["one that allows only other things", [s3], "deny scp_denies"],
      ["two, of which one allows it", [all, s3], "unknown facts_incomplete"],
      ["an empty one", [control("Empty", policy())], "deny scp_denies"],
    ] as const)("%s: %s", (_what, more, answer) => {
      expect(ask(inline(statement()), { more: [...more] })).toBe(answer);
    });

    it("may be others than those of the files, whatever a snapshot says of the account", () => {
      const mcpctl = { version: 1, takenAt: "2026-11-20T00:00:00Z", account: "111122223333", isComplete: true };
      const facts = factsOf([details([role(inline(statement()))], [], { mcpctl }), s3]);
      const { outcome, reason, missing } = judgeIam(facts, ROLE, READ);
      expect([outcome, reason, missing]).toEqual([
        "unknown",
        "facts_incomplete",
        ["which service control policies count for the account"],
      ]);
    });

    it("is at best unknown while one of them cannot be read, or is of another type", () => {
      const broken = { Policy: { PolicySummary: { Name: "B", Type: "SERVICE_CONTROL_POLICY" }, Content: "{" } };
      const other = { Policy: { PolicySummary: { Name: "R", Type: "RESOURCE_CONTROL_POLICY" }, Content: "{}" } };
      expect(ask(inline(statement()), { more: [broken] })).toBe("unknown facts_incomplete");
      expect(ask(inline(statement()), { more: [other] })).toBe("unknown facts_incomplete");
      expect(ask({}, { more: [broken] })).toBe("unknown facts_incomplete");
    });
  });

  it.each([
    ["its own account", "dynamodb:GetItem", "arn:aws:dynamodb:eu-central-1:111122223333:table/t", "allow"],
    ["no account", "s3:GetObject", "arn:aws:s3:::bucket/key", "allow"],
    ["another account", "dynamodb:GetItem", "arn:aws:dynamodb:{region}:999988887777:table/t", "unknown"],
    ["a KMS key", "kms:Decrypt", "arn:aws:kms:eu-central-1:111122223333:key/k", "unknown"],
    ["a list of KMS keys", "kms:ListKeys", "*", "allow"],
    ["a KMS key that an argument tells", "kms:Decrypt", "arn:aws:kms:eu-central-1:111122223333:{key}", "unknown"],
    ["any KMS key", "kms:*", "*", "unknown"],
    ["an account that an argument tells", "sqs:SendMessage", "arn:aws:sqs:eu-central-1:{account}:q", "unknown"],
    ["whatever an argument tells", "sqs:SendMessage", "{queue}", "unknown"],
    ["another role", "STS:assumeRole", "arn:aws:iam::111122223333:role/x", "unknown"],
    ["another role, among other actions", "sts:Assume*", "arn:aws:iam::111122223333:role/x", "unknown"],
  ])("on a resource of %s: %s", (_what, action, resource, expected) => {
    const may = (Effect: string): string =>
      ask(inline(statement({ Effect, Action: "*" })), { request: awsRequest(action, resource) });
    const [allowed, denied] = [may("Allow").split(" "), may("Deny")];
    expect([allowed[0], denied]).toEqual([expected, "deny explicit_deny"]);
    expect(allowed[1]).toBe(expected === "allow" ? "statement_allows" : "resource_policy");
  });

  describe("of a role that is not there", () => {
    const other = "arn:aws:iam::111122223333:role/other";

    it("is unknown, and denied where the facts of its account are complete", () => {
      const facts = (isComplete: boolean) => factsOf([details([role()])], isComplete);
      expect(judgeIam(facts(false), other, READ)).toEqual({
        outcome: "unknown",
        reason: "role_unknown",
        text: `no file tells of role ${other}`,
        place: null,
        source: "nothing",
        missing: [`role ${other} and its policies, in policy.iam of mcpctl.yaml`],
        boundary: null,
      });
      expect(judgeIam(facts(true), other, READ).reason).toBe("role_absent");
      expect(judgeIam(facts(true), "arn:aws:iam::999999999999:role/other", READ).reason).toBe("role_unknown");
      expect(judgeIam(facts(true), "mcp-aws-ro", READ).reason).toBe("role_unknown");
    });
  });
});
