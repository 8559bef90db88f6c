import { describe, expect, it } from "vitest";
import { judgeIam } from "../../../../src/lib/flow/iam/judge-iam.ts";
import { judgeTrust } from "../../../../src/lib/flow/iam/judge-trust.ts";
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
} from "../../../support/iam-facts.ts";
import { callerOf, plan } from "../../../support/terraform-plan.ts";

type Step = string | number;

const READ = awsRequest("ec2:DescribeInstances");
const POD = { namespace: "mcp", name: "aws-ro" };
const ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE";
const BOUNDARY = "arn:aws:iam::111122223333:policy/limit";
const TRUST = policy(
  {
    Effect: "Allow",
    Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/${ISSUER}` },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition: { StringEquals: { [`${ISSUER}:sub`]: "system:serviceaccount:mcp:aws-ro" } },
  },
  { Effect: "Allow", Principal: { Service: "pods.eks.amazonaws.com" }, Action: ["sts:AssumeRole", "sts:TagSession"] },
);
const ASSOCIATION = { association: { clusterName: "prod", namespace: "mcp", serviceAccount: "aws-ro", roleArn: ROLE } };
const PARTS = { inline: { p: policy(statement()) }, boundary: BOUNDARY, trust: TRUST, tags: { team: "a" } };

/** From AWS, and as a plan of Terraform. */
const SETS: readonly (readonly [string, readonly unknown[]])[] = [
  [
    "from AWS",
    [
      details([role(PARTS)], [managed(BOUNDARY, policy(statement({ Action: "*" })))]),
      control("All", policy(statement({ Action: "*" }))),
      ASSOCIATION,
    ],
  ],
  [
    "of a plan",
    [
      plan(
        [
          {
            address: "aws_iam_role.ro",
            values: {
              name: "mcp-aws-ro",
              path: "/",
              assume_role_policy: JSON.stringify(TRUST),
              permissions_boundary: null,
            },
            unknown: { arn: true, inline_policy: true, managed_policy_arns: true },
          },
          {
            address: "aws_iam_role_policy.p",
            values: { name: "p", policy: JSON.stringify(policy(statement())) },
            unknown: { role: true },
            arguments: { role: ["aws_iam_role.ro.id", "aws_iam_role.ro"] },
          },
        ],
        callerOf(ACCOUNT),
      ),
      ASSOCIATION,
    ],
  ],
];

const pathsOf = (value: unknown, path: readonly Step[] = []): readonly (readonly Step[])[] =>
  typeof value !== "object" || value === null
    ? [path]
    : [
        path,
        ...Object.entries(value).flatMap(([name, child]) =>
          pathsOf(child, [...path, Array.isArray(value) ? Number(name) : name]),
        ),
      ];

function replaced(value: unknown, [step, ...rest]: readonly Step[], by: unknown): unknown {
  if (step === undefined) return by;
  const change = (name: Step, child: unknown): unknown => (name === step ? replaced(child, rest, by) : child);
  if (Array.isArray(value)) return value.map((child, index) => change(index, child));
  return Object.fromEntries(Object.entries(value as object).map(([name, child]) => [name, change(name, child)]));
}

function answers(files: readonly unknown[], isComplete: boolean): readonly string[] {
  const facts = factsOf(files, isComplete);
  const pod = { oidcIssuer: ISSUER, annotation: ROLE, clusterName: "prod" };
  return [judgeIam(facts, ROLE, READ).outcome, judgeTrust(facts, ROLE, POD, pod).outcome];
}

describe.each(SETS)("facts %s in which something is broken", (_what, files) => {
  it("allow, while nothing is", () => {
    expect(answers(files, false)).toEqual(["allow", "allow"]);
  });

  it.each([[null], [7], [true], ["x"], ["*"], [[]], [{}], [{ __proto__: null, constructor: "x" }]])(
    "never throw, nor deny without being complete: %j",
    (by) => {
      const seen = new Set<string>();
      for (const path of pathsOf(files)) {
        if (path.length === 0) continue;
        const [may, become] = answers(replaced(files, path, by) as readonly unknown[], false);
        seen.add(`${may} ${become}`);
      }
      // A role that an association names instead is a word, not the want of one.
      expect([...seen].filter((each) => each.startsWith("deny"))).toEqual([]);
      expect(seen.size).toBeGreaterThan(1);
    },
  );
});

describe("a trust policy of which something is deleted", () => {
  const deny = { Effect: "Deny", Principal: "*", Action: "*", Condition: { Bool: { "aws:SecureTransport": "false" } } };
  const statements = (TRUST as { Statement: Record<string, unknown>[] }).Statement;
  const trusting = (kept: readonly unknown[]): unknown =>
    details([role({ ...PARTS, trust: { Version: "2012-10-17", Statement: kept } })]);
  const outcome = (kept: readonly unknown[], more: readonly unknown[], isComplete: boolean): string =>
    judgeTrust(factsOf([trusting(kept), ...more], isComplete), ROLE, POD, {
      oidcIssuer: ISSUER,
      annotation: ROLE,
      clusterName: "prod",
    }).outcome;

  it("turns to yes by a Deny alone, and to no only where the facts are complete", () => {
    const [irsa, pods] = statements;
    expect(outcome([irsa, pods], [ASSOCIATION], false)).toBe("allow");
    expect(outcome([pods], [ASSOCIATION], false)).toBe("allow");
    expect(outcome([pods], [], false)).toBe("unknown");
    expect(outcome([], [ASSOCIATION], false)).toBe("unknown");
    expect(outcome([], [ASSOCIATION], true)).toBe("deny");
    expect(outcome([irsa, deny], [], false)).toBe("unknown");
    expect(outcome([irsa, { ...deny, Condition: {} }], [], false)).toBe("unknown");
  });
});
