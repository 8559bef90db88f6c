import { describe, expect, it } from "vitest";
import { judgeTrust, type PodFacts } from "../../../../src/lib/flow/iam/judge-trust.ts";
import type { Verdict } from "../../../../src/lib/flow/verdict.ts";
import { ACCOUNT, details, factsOf, role, ROLE } from "../../../support/iam-facts.ts";
import { callerOf, plan } from "../../../support/terraform-plan.ts";

const ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE";
const OTHER_ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/OTHER";
const PROVIDER = `arn:aws:iam::111122223333:oidc-provider/${ISSUER}`;
const POD = { namespace: "mcp", name: "aws-ro" };
const SUBJECT = "system:serviceaccount:mcp:aws-ro";
const IRSA: PodFacts = { oidcIssuer: `https://${ISSUER}`, clusterName: null, annotation: ROLE };

const ASSOCIATE = "https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html";
const CROSS = "https://docs.aws.amazon.com/eks/latest/userguide/cross-account-access.html";
const OPERATORS =
  "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html";
const CONDITION = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html";
const KEYS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html";
const PRINCIPAL = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html";
const NOT_PRINCIPAL = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html";
const LOGIC = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html";
const POD_ROLE = "https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html";
const POD_TAGS = "https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html";
const STS = "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html";

type Json = Readonly<Record<string, unknown>>;

/** The statement of EKS's guide, with these elements instead. */
function irsa(elements: Json = {}): Json {
  const Condition = { StringEquals: { [`${ISSUER}:sub`]: SUBJECT, [`${ISSUER}:aud`]: "sts.amazonaws.com" } };
  const whole = {
    Effect: "Allow",
    Principal: { Federated: PROVIDER },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition,
  };
  return Object.fromEntries(Object.entries({ ...whole, ...elements }).filter(([, value]) => value !== undefined));
}

function pods(elements: Json = {}): Json {
  const Action = ["sts:AssumeRole", "sts:TagSession"];
  return { Effect: "Allow", Principal: { Service: "pods.eks.amazonaws.com" }, Action, ...elements };
}

const when = (operator: string, values: Json): Json => ({ Condition: { [operator]: values } });
const subject = (operator: string, value: unknown): Json =>
  irsa({
    Condition: {
      [operator]: { [`${ISSUER}:sub`]: value },
      "ForAllValues:StringEquals": { [`${ISSUER}:aud`]: "sts.amazonaws.com" },
    },
  });

interface Asked {
  readonly pod?: Partial<PodFacts>;
  readonly more?: readonly unknown[];
  readonly isComplete?: boolean;
}

function judge(statements: readonly Json[], { pod = {}, more = [], isComplete = true }: Asked = {}): Verdict {
  const trust = { Version: "2012-10-17", Statement: statements };
  return judgeTrust(factsOf([details([role({ trust })]), ...more], isComplete), ROLE, POD, { ...IRSA, ...pod });
}
const answer = (statements: readonly Json[], asked: Asked = {}): string => {
  const { outcome, reason } = judge(statements, asked);
  return `${outcome} ${reason}`;
};

function association(changes: Json = {}): Json {
  return {
    association: { clusterName: "prod", namespace: "mcp", serviceAccount: "aws-ro", roleArn: ROLE, ...changes },
  };
}

describe("a trust policy for IRSA", () => {
  it.each([
    ["as EKS's guide has it", [irsa()], "allow irsa_allows", ASSOCIATE],
    [
      "with a pattern for the subject",
      [subject("StringLike", "system:serviceaccount:mcp:*")],
      "allow irsa_allows",
      ASSOCIATE,
    ],
    [
      "with a star under StringEquals",
      [subject("StringEquals", "system:serviceaccount:mcp:*")],
      "deny no_trust_statement",
      OPERATORS,
    ],
    [
      "with one of two subjects",
      [subject("StringEquals", ["system:serviceaccount:mcp:x", SUBJECT])],
      "allow irsa_allows",
      CONDITION,
    ],
    [
      "with the subject of another namespace",
      [subject("StringEquals", "system:serviceaccount:dev:aws-ro")],
      "deny no_trust_statement",
      ASSOCIATE,
    ],
    [
      "with the subject of another name",
      [subject("StringEquals", "system:serviceaccount:mcp:aws")],
      "deny no_trust_statement",
      ASSOCIATE,
    ],
    [
      "with a subject in another case",
      [subject("StringEquals", SUBJECT.toUpperCase())],
      "deny no_trust_statement",
      OPERATORS,
    ],
    ["without an audience", [irsa(when("StringEquals", { [`${ISSUER}:sub`]: SUBJECT }))], "allow irsa_allows", KEYS],
    [
      "with another audience",
      [irsa(when("StringEquals", { [`${ISSUER}:sub`]: SUBJECT, [`${ISSUER}:aud`]: "x" }))],
      "deny no_trust_statement",
      ASSOCIATE,
    ],
    ["without conditions", [irsa({ Condition: undefined })], "allow irsa_allows", CONDITION],
    [
      "with https:// in the condition's key",
      [irsa(when("StringEquals", { [`https://${ISSUER}:sub`]: SUBJECT }))],
      "unknown depends_on_context",
      KEYS,
    ],
    [
      "with the key of another cluster's issuer",
      [irsa(when("StringEquals", { [`${OTHER_ISSUER}:sub`]: SUBJECT }))],
      "deny no_trust_statement",
      OPERATORS,
    ],
    [
      "with the provider of another cluster",
      [irsa({ Principal: { Federated: `arn:aws:iam::111122223333:oidc-provider/${OTHER_ISSUER}` } })],
      "deny no_trust_statement",
      PRINCIPAL,
    ],
    [
      "with the provider of another account",
      [irsa({ Principal: { Federated: PROVIDER.replace(ACCOUNT, "999999999999") } })],
      "deny no_trust_statement",
      CROSS,
    ],
    [
      "with https:// in the provider's ARN",
      [irsa({ Principal: { Federated: `arn:aws:iam::111122223333:oidc-provider/https://${ISSUER}` } })],
      "deny no_trust_statement",
      PRINCIPAL,
    ],
    [
      "with two providers",
      [irsa({ Principal: { Federated: ["accounts.google.com", PROVIDER] } })],
      "allow irsa_allows",
      PRINCIPAL,
    ],
    ["with everyone as Principal", [irsa({ Principal: "*" })], "unknown depends_on_context", PRINCIPAL],
    [
      "with an account as Principal",
      [irsa({ Principal: { AWS: "arn:aws:iam::111122223333:root" } })],
      "deny no_trust_statement",
      PRINCIPAL,
    ],
    ["for sts:AssumeRole alone", [irsa({ Action: "sts:AssumeRole" })], "deny no_trust_statement", STS],
    ["for sts:AssumeRole*", [irsa({ Action: "sts:AssumeRole*" })], "allow irsa_allows", ASSOCIATE],
    [
      "for an action in another case",
      [irsa({ Action: "STS:assumerolewithwebidentity" })],
      "allow irsa_allows",
      ASSOCIATE,
    ],
    [
      "with a Deny for another subject",
      [irsa(), irsa({ Effect: "Deny", ...when("StringNotEquals", { [`${ISSUER}:sub`]: SUBJECT }) })],
      "allow irsa_allows",
      LOGIC,
    ],
    [
      "with a Deny for this subject",
      [irsa(), irsa({ Effect: "Deny", Condition: undefined })],
      "deny explicit_deny",
      LOGIC,
    ],
    [
      "with a Deny for other addresses",
      [irsa(), irsa({ Effect: "Deny", ...when("NotIpAddress", { "aws:SourceIp": "10.0.0.0/8" }) })],
      "unknown depends_on_context",
      LOGIC,
    ],
    [
      "with a condition on the address",
      [irsa(when("IpAddress", { "aws:SourceIp": "10.0.0.0/8" }))],
      "unknown depends_on_context",
      LOGIC,
    ],
    [
      "with NotPrincipal of another",
      [irsa({ Effect: "Deny", Principal: undefined, NotPrincipal: { Federated: PROVIDER } }), irsa()],
      "unknown depends_on_context",
      NOT_PRINCIPAL,
    ],
    [
      "with an Allow for NotPrincipal",
      [irsa({ Principal: undefined, NotPrincipal: { AWS: "111122223333" } })],
      "unknown depends_on_context",
      NOT_PRINCIPAL,
    ],
    ["with nothing", [], "deny no_trust_statement", LOGIC],
  ] as const)("%s", (_what, statements, expected, page) => {
    expect([answer(statements), page]).toEqual([expected, page]);
  });

  it("is told with the statement, its place, and what is wider than need be", () => {
    expect(judge([irsa()])).toEqual({
      outcome: "allow",
      reason: "irsa_allows",
      text: "trust policy of role mcp-aws-ro, statement 1 allows sts:AssumeRoleWithWebIdentity",
      place: { file: "f0.json", line: 1, column: expect.any(Number) },
      source: "file",
      missing: [],
    });
    const texts = [
      subject("StringLike", "system:serviceaccount:*:aws-ro"),
      irsa({ Condition: undefined }),
      irsa(when("StringEquals", { [`${ISSUER}:sub`]: SUBJECT })),
    ].map((statement) => judge([statement]).text.split("; ").slice(1));
    expect(texts).toEqual([
      ["its subject is the pattern system:serviceaccount:*:aws-ro"],
      [
        "it has no condition on the subject: every ServiceAccount of the cluster can",
        "it has no condition on the audience",
      ],
      ["it has no condition on the audience"],
    ]);
  });

  it("is told as not known what would decide it", () => {
    expect(judge([irsa()], { pod: { oidcIssuer: null } })).toEqual({
      outcome: "unknown",
      reason: "issuer_unknown",
      text: "the OIDC issuer of the cluster is not known; the trust policy of role mcp-aws-ro does not accept pods.eks.amazonaws.com for sts:AssumeRole",
      place: null,
      source: "nothing",
      missing: ["policy.oidcIssuer in mcpctl.yaml"],
    });
    expect(judge([irsa()], { pod: { annotation: "unknown" } }).missing).toEqual([
      "the annotation eks.amazonaws.com/role-arn of ServiceAccount mcp/aws-ro, for tokens whose audience is sts.amazonaws.com",
    ]);
    expect(answer([], { pod: { annotation: "unknown" } })).toBe("deny no_trust_statement");
    expect(answer([irsa()], { pod: { annotation: null } })).toBe("deny other_role");
    expect(answer([irsa()], { pod: { annotation: `${ROLE}x` } })).toBe("deny other_role");
    expect(answer([irsa()], { pod: { oidcIssuer: `${ISSUER}/` } })).toBe("allow irsa_allows");
  });

  it("is no proof that nothing else is trusted, unless it is complete", () => {
    expect(answer([], { isComplete: false })).toBe("unknown facts_incomplete");
    expect(answer([irsa({ Effect: "Deny" })], { isComplete: false })).toBe("unknown association_unknown");
  });

  it.each([
    ["a Resource", irsa({ Resource: "*" }), "a trust policy has no Resource"],
    ["no Principal", irsa({ Principal: undefined }), "it has not exactly one of Principal and NotPrincipal"],
    ["a list as Principal", irsa({ Principal: [PROVIDER] }), "its Principal is neither * nor an object"],
    [
      "a number as Principal",
      irsa({ Principal: { AWS: 7 } }),
      'its Principal of type "AWS" is no text or list of texts',
    ],
  ])("with %s is none that AWS takes", (_what, statement, problem) => {
    const facts = factsOf([details([role({ trust: { Version: "2012-10-17", Statement: [statement] } })])], true);
    expect(facts.findings.map(({ message }) => message)).toEqual([
      `AWS takes no policy like trust policy of role mcp-aws-ro: statement 1: ${problem}`,
    ]);
    expect(judgeTrust(facts, ROLE, POD, IRSA).outcome).toBe("unknown");
  });
});

describe("a trust policy for EKS Pod Identity", () => {
  const prod: Asked = { pod: { annotation: null, clusterName: "prod" }, more: [association()] };
  const tag = (name: string, value: string): Json => when("StringEquals", { [`aws:RequestTag/${name}`]: value });

  it.each([
    ["as EKS's guide has it", [pods()], "allow pod_identity_allows", POD_ROLE],
    [
      "in two statements",
      [pods({ Action: "sts:AssumeRole" }), pods({ Action: "sts:TagSession" })],
      "allow pod_identity_allows",
      POD_ROLE,
    ],
    ["without sts:TagSession", [pods({ Action: "sts:AssumeRole" })], "deny other_role", POD_ROLE],
    ["without sts:AssumeRole", [pods({ Action: "sts:TagSession" })], "deny other_role", POD_ROLE],
    ["for another service", [pods({ Principal: { Service: "eks.amazonaws.com" } })], "deny other_role", POD_ROLE],
    ["for this namespace", [pods(tag("kubernetes-namespace", "mcp"))], "allow pod_identity_allows", POD_ROLE],
    ["for another namespace", [pods(tag("kubernetes-namespace", "dev"))], "deny other_role", POD_TAGS],
    [
      "for this ServiceAccount",
      [pods(tag("kubernetes-service-account", "aws-ro"))],
      "allow pod_identity_allows",
      POD_ROLE,
    ],
    ["for another ServiceAccount", [pods(tag("kubernetes-service-account", "x"))], "deny other_role", POD_TAGS],
    ["for this cluster", [pods(tag("eks-cluster-name", "prod"))], "allow pod_identity_allows", POD_TAGS],
    ["for another cluster", [pods(tag("eks-cluster-name", "dev"))], "deny other_role", POD_TAGS],
    ["for one pod", [pods(tag("kubernetes-pod-name", "x"))], "unknown depends_on_context", POD_TAGS],
    [
      "for a source account",
      [pods(when("StringEquals", { "aws:SourceAccount": ACCOUNT }))],
      "unknown depends_on_context",
      POD_ROLE,
    ],
    ["with a Deny", [pods(), pods({ Effect: "Deny", Action: "sts:*" })], "deny other_role", LOGIC],
  ] as const)("%s", (_what, statements, expected, page) => {
    expect([answer(statements, prod), page]).toEqual([expected, page]);
  });

  it("is told with the association", () => {
    expect(judge([pods()], prod)).toEqual({
      outcome: "allow",
      reason: "pod_identity_allows",
      text: "EKS Pod Identity gives ServiceAccount mcp/aws-ro the role in cluster prod; trust policy of role mcp-aws-ro, statement 1 allows sts:AssumeRole",
      place: { file: "f0.json", line: 1, column: expect.any(Number) },
      source: "file",
      missing: [],
    });
  });

  it.each([
    ["no association", [], "unknown association_unknown"],
    ["one of another namespace", [association({ namespace: "dev" })], "unknown association_unknown"],
    ["one of another cluster", [association({ clusterName: "dev" })], "unknown association_unknown"],
    ["one with another role", [association({ roleArn: `${ROLE}x` })], "deny other_role"],
    [
      "one in a list, without its role",
      [{ associations: [association({ roleArn: undefined })["association"]] }],
      "unknown association_unknown",
    ],
    [
      "one in a list, and described",
      [{ associations: [association({ roleArn: undefined })["association"]] }, association()],
      "allow pod_identity_allows",
    ],
    ["one that goes on to another role", [association({ targetRoleArn: `${ROLE}x` })], "unknown role_chained"],
    ["one with a policy of its own", [association({ policy: "{}" })], "unknown session_policy"],
    ["one without session tags", [association({ disableSessionTags: true })], "allow pod_identity_allows"],
    ["two with different roles", [association(), association({ roleArn: `${ROLE}x` })], "unknown facts_contradict"],
    ["two with different limits", [association(), association({ policy: "{}" })], "unknown facts_contradict"],
    ["one that is told twice", [association(), association()], "allow pod_identity_allows"],
    ["one without a name", [association({ serviceAccount: 7 })], "unknown association_unknown"],
  ] as const)("needs an association: %s", (_what, more, expected) => {
    expect(answer([pods()], { ...prod, more })).toBe(expected);
  });

  it("has no tags to match where the association turns them off", () => {
    const statements = [pods(tag("kubernetes-namespace", "mcp"))];
    expect(answer(statements, { ...prod, more: [association({ disableSessionTags: true })] })).toBe("deny other_role");
  });

  it("may do without sts:TagSession where the association turns tags off", () => {
    const ask = (disableSessionTags: boolean): string =>
      answer([pods({ Action: "sts:AssumeRole" })], { ...prod, more: [association({ disableSessionTags })] });
    expect([true, false].map(ask)).toEqual(["unknown session_tags_off", "deny other_role"]);
  });

  it("is for the cluster that is asked about, and unknown without its name", () => {
    const { outcome, missing } = judge([pods()], { ...prod, pod: { annotation: null } });
    expect([outcome, missing]).toEqual([
      "unknown",
      [
        "whether ServiceAccount mcp/aws-ro has an EKS Pod Identity association (aws eks describe-pod-identity-association, in policy.iam)",
        "policy.eksCluster in mcpctl.yaml",
      ],
    ]);
  });

  it("and IRSA may each do, and neither while they name different roles", () => {
    const both = [pods(), irsa()];
    expect(answer(both, { more: [association()], pod: { clusterName: "prod" } })).toBe("allow irsa_allows");
    expect(answer(both, { more: [association({ roleArn: `${ROLE}x` })], pod: { clusterName: "prod" } })).toBe(
      "unknown two_roles",
    );
    expect(answer(both, { more: [association()], pod: { clusterName: "prod", annotation: `${ROLE}x` } })).toBe(
      "unknown two_roles",
    );
    expect(answer(both, { more: [association({ roleArn: undefined })], pod: { clusterName: "prod" } })).toBe(
      "unknown association_unknown",
    );
    expect(
      answer(both, { more: [association({ roleArn: `${ROLE}x`, clusterName: "dev" })], pod: { clusterName: "prod" } }),
    ).toBe("allow irsa_allows");
  });

  it("is found in a plan, whose association refers to a role of the plan", () => {
    const values = {
      name: "mcp-aws-ro",
      path: "/",
      assume_role_policy: JSON.stringify({ Version: "2012-10-17", Statement: [pods()] }),
    };
    const facts = factsOf([
      plan(
        [
          { address: "aws_iam_role.ro", values, unknown: { arn: true } },
          {
            address: "aws_eks_pod_identity_association.ro",
            values: { cluster_name: "prod", namespace: "mcp", service_account: "aws-ro" },
            unknown: { role_arn: true },
            arguments: { role_arn: ["aws_iam_role.ro.arn", "aws_iam_role.ro"] },
          },
        ],
        callerOf(ACCOUNT),
      ),
    ]);
    const pod = { oidcIssuer: null, annotation: null, clusterName: "prod" };
    expect(judgeTrust(facts, ROLE, POD, pod).reason).toBe("pod_identity_allows");
  });
});
