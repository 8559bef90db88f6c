import { describe, expect, it } from "vitest";
import { judgeIam } from "../../../../src/lib/flow/iam/judge-iam.ts";
import type { AwsVerdict } from "../../../../src/lib/flow/requests.ts";
import { ACCOUNT, awsRequest, details, factsOf, policy, role, ROLE, statement } from "../../../support/iam-facts.ts";
import { callerOf, plan, type PlanPart } from "../../../support/terraform-plan.ts";

const READ = awsRequest("ec2:DescribeInstances");
const ALLOW = JSON.stringify(policy(statement()));
const OTHER = JSON.stringify(policy(statement({ Action: "s3:*" })));
const TRUST = JSON.stringify({ Version: "2012-10-17", Statement: [] });
const POLICY = "arn:aws:iam::111122223333:policy/p";

/** A role that the plan makes: what AWS tells of it is known after apply. */
const NEW: PlanPart = {
  address: "aws_iam_role.ro",
  values: { name: "mcp-aws-ro", path: "/", assume_role_policy: TRUST, permissions_boundary: null, tags_all: {} },
  unknown: { arn: true, id: true, inline_policy: true, managed_policy_arns: true },
  arguments: { name: null, assume_role_policy: null },
};
const byId: PlanPart = {
  address: "aws_iam_role_policy.p",
  values: { name: "p", policy: ALLOW },
  unknown: { id: true, role: true },
  arguments: { role: ["aws_iam_role.ro.id", "aws_iam_role.ro"], policy: null },
};
const byName: PlanPart = { address: "aws_iam_role_policy.p", values: { name: "p", policy: ALLOW, role: "mcp-aws-ro" } };
const attachment: PlanPart = {
  address: "aws_iam_role_policy_attachment.p",
  values: { role: "mcp-aws-ro" },
  unknown: { policy_arn: true },
  arguments: { policy_arn: ["aws_iam_policy.p.arn", "aws_iam_policy.p"] },
};
const managed: PlanPart = { address: "aws_iam_policy.p", values: { name: "p", policy: ALLOW }, unknown: { arn: true } };
const values = (changes: object) => ({ ...NEW, values: { ...NEW.values, ...changes } });
const unknown = (changes: object) => ({ ...NEW, unknown: { ...NEW.unknown, ...changes } });

/** A role that is there and stays, with this list of its own policies. */
const there = (inline: readonly object[], arns: readonly string[] = []): PlanPart => ({
  ...NEW,
  values: { ...NEW.values, arn: ROLE, inline_policy: inline, managed_policy_arns: arns },
  unknown: {},
  actions: ["no-op"],
});

function verdictOf(parts: readonly PlanPart[], more: object = callerOf(ACCOUNT)): AwsVerdict {
  return judgeIam(factsOf([plan(parts, { ...more })], true), ROLE, READ);
}
const answer = (...parts: readonly PlanPart[]): string => {
  const { outcome, reason } = verdictOf(parts);
  return `${outcome} ${reason}`;
};

describe("a Terraform plan", () => {
  it.each(["aws_iam_role_policies_exclusive", "aws_iam_role_policy_attachments_exclusive"])(
    "may take policies away from a role that is there: %s",
    (type) => {
      const exclusive = (role_name: string): PlanPart => ({ address: `${type}.x`, values: { role_name } });
      const has = there([{ name: "old", policy: ALLOW }]);
      expect(answer(has, exclusive("mcp-aws-ro"))).toBe("unknown facts_incomplete");
      expect(answer(has, exclusive("other"))).toBe("allow statement_allows");
      expect(answer(NEW, byName, exclusive("mcp-aws-ro"))).toBe("allow statement_allows");
    },
  );

  it.each([
    ["a role", "aws_iam_role.ro", { name: "mcp-aws-ro" }],
    ["a policy of it", "aws_iam_role_policy.p", { role: "mcp-aws-ro", name: "p", policy: ALLOW }],
    ["an attachment", "aws_iam_role_policy_attachment.p", { role: "mcp-aws-ro", policy_arn: POLICY }],
    ["an attachment for many", "aws_iam_policy_attachment.p", { roles: ["mcp-aws-ro"], policy_arn: POLICY }],
  ])("that takes %s away leaves it open what another file tells of the role", (_what, address, before) => {
    const account = details([role({ inline: { p: policy(statement()) } })]);
    const of = (changed: object): string => {
      const gone = plan([{ address, values: {}, before: { ...before, ...changed }, actions: ["delete"] }]);
      return judgeIam(factsOf([account, gone], true), ROLE, READ).outcome;
    };
    expect([of({}), of({ name: "x", role: "x", roles: ["x"] })]).toEqual(["unknown", "allow"]);
  });

  it.each([{ errored: true }, { complete: false }])("that does not tell all proves nothing absent: %o", (more) => {
    const { outcome, reason } = verdictOf([NEW], { ...callerOf(ACCOUNT), ...more });
    expect(`${outcome} ${reason}`).toBe("unknown facts_incomplete");
    // What it would deny may be missing as well.
    expect(verdictOf([NEW, byName], { ...callerOf(ACCOUNT), ...more }).outcome).toBe("unknown");
  });

  it.each([
    ["nothing else", [NEW], "deny no_statement"],
    ["a policy that names it", [NEW, byName], "allow statement_allows"],
    ["a policy that refers to its id", [NEW, byId], "allow statement_allows"],
    ["an attached policy of the plan", [NEW, attachment, managed], "allow statement_allows"],
    [
      "an attachment for many",
      [NEW, managed, { ...attachment, address: "aws_iam_policy_attachment.p", values: { roles: ["x", "mcp-aws-ro"] } }],
      "allow statement_allows",
    ],
    [
      "an attached policy of AWS",
      [
        NEW,
        byName,
        { ...attachment, values: { role: "mcp-aws-ro", policy_arn: "arn:aws:iam::aws:policy/X" }, unknown: {} },
      ],
      "unknown facts_incomplete",
    ],
    [
      "a policy whose text is known after apply",
      [NEW, { ...byName, values: { name: "p", role: "mcp-aws-ro" }, unknown: { policy: true } }],
      "unknown facts_incomplete",
    ],
    [
      "a policy of a role that cannot be told",
      [NEW, byName, { ...byId, address: "aws_iam_role_policy.q", arguments: { role: ["var.role"] } }],
      "unknown facts_incomplete",
    ],
    [
      "a policy of one role or another",
      [
        NEW,
        byName,
        {
          ...byId,
          address: "aws_iam_role_policy.q",
          arguments: { role: ["aws_iam_role.ro.id", "aws_iam_role.rw.id"] },
        },
      ],
      "unknown facts_incomplete",
    ],
    [
      "a policy of another role",
      [NEW, { ...byName, values: { ...byName.values, role: "other" } }],
      "deny no_statement",
    ],
    [
      "a boundary that does not allow it",
      [
        values({ permissions_boundary: POLICY }),
        byName,
        { ...managed, values: { name: "p", policy: OTHER, arn: POLICY }, unknown: {} },
      ],
      "deny boundary_limits",
    ],
    [
      "a boundary of the plan",
      [
        {
          ...unknown({ permissions_boundary: true }),
          arguments: { permissions_boundary: ["aws_iam_policy.p.arn", "aws_iam_policy.p"] },
        },
        byName,
        managed,
      ],
      "allow statement_allows",
    ],
    [
      "a boundary known after apply",
      [{ ...unknown({ permissions_boundary: true }), arguments: { permissions_boundary: ["var.boundary"] } }, byName],
      "unknown facts_incomplete",
    ],
    [
      "inline policies known after apply",
      [{ ...NEW, arguments: { inline_policy: ["local.policies"] } }, byName],
      "unknown facts_incomplete",
    ],
    [
      "a configuration that does not show it",
      [{ ...NEW, address: "module.a.aws_iam_role.ro" }, byName],
      "allow statement_allows",
    ],
  ] as const)("gives a new role %s", (_what, parts, expected) => {
    expect(answer(...(parts as readonly PlanPart[]))).toBe(expected);
  });

  it.each([
    ["its own policies", there([{ name: "p", policy: ALLOW }]), [], "allow statement_allows"],
    ["an empty block", there([{ name: "", policy: "" }]), [], "deny no_statement"],
    ["none", there([]), [], "deny no_statement"],
    [
      "a policy that the plan changes",
      there([{ name: "p", policy: ALLOW }]),
      [{ ...byName, values: { ...byName.values, policy: OTHER }, actions: ["update"], before: byName.values }],
      "deny no_statement",
    ],
    [
      "a policy that the plan deletes",
      there([{ name: "p", policy: ALLOW }]),
      [{ ...byName, actions: ["delete"], before: byName.values }],
      "deny no_statement",
    ],
    ["a policy that cannot be read", there([{ name: "p", policy: "{" }]), [byName], "allow statement_allows"],
    ["another policy that cannot be read", there([{ name: "q", policy: "{" }]), [byName], "unknown facts_incomplete"],
    [
      "an attached policy",
      there([], [POLICY]),
      [{ ...managed, values: { ...managed.values, arn: POLICY }, unknown: {} }],
      "allow statement_allows",
    ],
    [
      "an attachment that the plan deletes",
      there([], [POLICY]),
      [{ ...attachment, actions: ["delete"], before: { role: "mcp-aws-ro", policy_arn: POLICY } }],
      "deny no_statement",
    ],
  ] as const)("gives a role that is there %s", (_what, own, parts, expected) => {
    expect(answer(own, ...(parts as readonly PlanPart[]))).toBe(expected);
  });

  it("does not take for none what is known after apply, where the configuration is not shown", () => {
    const verdict = verdictOf([NEW, byName], { ...callerOf(ACCOUNT), configuration: {} });
    expect([verdict.outcome, verdict.missing]).toEqual(["unknown", ["policies of aws_iam_role.ro, known after apply"]]);
  });

  it("does not take for none what it does not say a word of", () => {
    const { inline_policy: _, ...rest } = there([]).values as Record<string, unknown>;
    expect(answer({ ...there([]), values: rest }, byName)).toBe("unknown facts_incomplete");
  });

  it("resolves references in the module where they stand", () => {
    const inModule = (part: PlanPart, module: string): PlanPart => ({ ...part, address: `${module}.${part.address}` });
    expect(answer(...[NEW, attachment, managed].map((part) => inModule(part, "module.a[0]")))).toBe(
      "allow statement_allows",
    );
    expect(answer(inModule(NEW, "module.a"), inModule(attachment, "module.a"), managed)).toBe(
      "unknown facts_incomplete",
    );
  });

  it("leaves open which of several instances is meant", () => {
    const instances = [0, 1].map((index) => ({
      ...NEW,
      address: `aws_iam_role.ro[${index}]`,
      values: { ...NEW.values, name: index === 0 ? "mcp-aws-ro" : "y" },
    }));
    expect(answer(...instances, byId)).toBe("unknown facts_incomplete");
    expect(answer(...instances, byName)).toBe("allow statement_allows");
  });

  it("is for the account that its data source, its resources or its OIDC providers tell", () => {
    const trusting = (account: string) =>
      values({
        assume_role_policy: JSON.stringify({
          Version: "2012-10-17",
          Statement: [
            {
              Effect: "Allow",
              Action: "sts:AssumeRoleWithWebIdentity",
              Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/x` },
            },
          ],
        }),
      });
    const old: PlanPart = {
      address: "aws_iam_policy.old",
      values: { name: "o", policy: ALLOW, arn: POLICY },
      actions: ["no-op"],
    };
    expect(verdictOf([trusting(ACCOUNT), byName], {}).outcome).toBe("allow");
    expect(verdictOf([NEW, byName, old], {}).outcome).toBe("allow");
    expect(verdictOf([trusting("999999999999"), byName], {}).outcome).toBe("unknown");
    expect(verdictOf([trusting("999999999999"), byName, old], {}).missing).toEqual([
      "which account f0.json is for (a data source aws_caller_identity in it would tell)",
    ]);
    expect(verdictOf([NEW, byName], {})).toEqual({
      outcome: "unknown",
      reason: "role_unknown",
      text: `no file tells of role ${ROLE}`,
      place: null,
      source: "nothing",
      missing: ["which account f0.json is for (a data source aws_caller_identity in it would tell)"],
      boundary: null,
    });
  });

  it("makes unknown what it attaches to a role that another file tells", () => {
    const facts = factsOf(
      [details([role({ inline: { p: policy(statement()) } })]), plan([byName], callerOf(ACCOUNT))],
      true,
    );
    const { outcome, missing } = judgeIam(facts, ROLE, READ);
    expect([outcome, missing]).toEqual(["unknown", ["what role mcp-aws-ro has once f1.json is applied"]]);
  });

  it("tells the path of a role, and where a policy stands", () => {
    const facts = factsOf([plan([{ ...values({ path: "/mcp/" }) }, byName], callerOf(ACCOUNT))]);
    const verdict = judgeIam(facts, "arn:aws:iam::111122223333:role/mcp/mcp-aws-ro", READ);
    const text = JSON.stringify(plan([{ ...values({ path: "/mcp/" }) }, byName], callerOf(ACCOUNT)));
    expect([verdict.outcome, text.slice((verdict.place?.column ?? 0) - 1).startsWith(JSON.stringify(ALLOW))]).toEqual([
      "allow",
      true,
    ]);
  });
});
