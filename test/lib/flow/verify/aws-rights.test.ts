import { expect, it } from "vitest";
import { awsRights } from "../../../../src/lib/flow/verify/aws-rights.ts";
import { control, details, factsOf, managed, policy, role, ROLE, statement } from "../../../support/iam-facts.ts";
import { subjectOf, told } from "../../../support/verify-subject.ts";

const BACKEND = { one: `access: ro, iamRole: "${ROLE}"` };
const PROTECTED = "arn:aws:iam::111122223333:policy/p";

/** What is told of a role with this policy, or of these details. */
const verify = (facts: unknown, isComplete = true): readonly string[] =>
  told(awsRights(subjectOf(BACKEND, { iam: factsOf([facts], isComplete) })));
const withPolicy = (document: unknown): readonly string[] =>
  verify(details([role({ inline: { p: document } })])).map((line) => / may (.*), which/.exec(line)?.[1] ?? line);

it.each([
  ["reading", statement({ Action: ["ec2:Describe*", "s3:GetObject", "S3:listbucket", "logs:FilterLogEvents"] })],
  ["a denial", statement({ Effect: "Deny", Action: "*" })],
])("%s is read-only", (_, one) => {
  expect(withPolicy(policy(one))).toEqual([]);
});

it.each([
  ["a write", { Action: ["ec2:Describe*", "ec2:TerminateInstances"] }, "ec2:TerminateInstances"],
  ["everything", { Action: "*" }, "*"],
  ["a service", { Action: "s3:*" }, "s3:*"],
  ["a star that is more than reading", { Action: "s3:G*" }, "s3:G*"],
  ["another role", { Action: "sts:AssumeRole" }, "sts:AssumeRole"],
  ["a role for others", { Action: "iam:PassRole" }, "iam:PassRole"],
  ["credentials", { Action: "redshift:GetClusterCredentials" }, "redshift:GetClusterCredentials"],
  ["credentials among others", { Action: "sts:Get*" }, "sts:Get*"],
  ["a password", { Action: "lightsail:GetRelationalDatabase*" }, "lightsail:GetRelationalDatabase*"],
  [
    "a write under conditions",
    { Action: "s3:PutObject", Condition: { Bool: { "aws:SecureTransport": "true" } } },
    "s3:PutObject",
  ],
  ["a try that has effects", { Action: "elasticache:TestFailover" }, "elasticache:TestFailover"],
  ["everything but something", { Action: undefined, NotAction: "iam:*" }, "everything but some actions"],
  ["a write to all but one", { Action: "s3:PutObject", Resource: undefined, NotResource: "x" }, "s3:PutObject"],
])("%s is not", (_, elements, found) => {
  expect(withPolicy(policy(statement(elements)))).toEqual([found]);
});

it("looks into attached policies, at their version in force", () => {
  const attached = role({ attached: [PROTECTED] });
  expect(verify(details([attached], [managed(PROTECTED, policy(statement()))]))).toEqual([]);
  expect(verify(details([attached], [managed(PROTECTED, policy(statement({ Action: "s3:PutObject" })))]))).toEqual([
    expect.stringMatching(/^MC602 "one" is ro, and its IAM role may s3:PutObject, which may write: /),
  ]);
});

it.each([
  ["the same", { Action: "ec2:Terminate*" }, []],
  ["all but reads", { Action: undefined, NotAction: ["ec2:Describe*", "s3:*"] }, []],
  ["something else", { Action: "ec2:Run*" }, ["ec2:TerminateInstances"]],
  ["all but that", { Action: undefined, NotAction: "ec2:*" }, ["ec2:TerminateInstances"]],
  ["it of one thing", { Action: "ec2:*", Resource: "arn:aws:ec2:*:*:instance/x" }, ["ec2:TerminateInstances"]],
  ["it of nothing", { Action: "ec2:*", Resource: undefined, NotResource: "*" }, ["ec2:TerminateInstances"]],
  [
    "it at times",
    { Action: "ec2:*", Condition: { Bool: { "aws:SecureTransport": "false" } } },
    ["ec2:TerminateInstances"],
  ],
])("is judged with a statement that denies %s", (_, elements, expected) => {
  const writes = statement({ Action: "ec2:TerminateInstances" });
  const denial = statement({ Effect: "Deny", ...elements });
  expect(withPolicy(policy(writes, denial))).toEqual(expected);
  const iam = factsOf([details([role({ inline: { p: policy(writes) } })]), control("scp", policy(denial))], true);
  expect(told(awsRights(subjectOf(BACKEND, { iam })))).toHaveLength(expected.length);
});

it.each([
  ["reads alone", [statement({ Action: ["ec2:Describe*", "s3:Get*"] })], 0],
  ["other writes", [statement({ Action: ["ec2:Describe*", "s3:*"] })], 0],
  ["all but them", [statement({ Action: undefined, NotAction: "ec2:*" })], 0],
  ["what it denies", [statement({ Action: "*" }), statement({ Effect: "Deny", Action: "ec2:*" })], 0],
  ["some of them", [statement({ Action: "ec2:TerminateInstances" })], 1],
  ["all but others", [statement({ Action: undefined, NotAction: "ec2:Run*" })], 1],
])("is judged within a boundary that allows %s", (_, limits, found) => {
  const limited = role({ inline: { p: policy(statement({ Action: "ec2:*" })) }, boundary: PROTECTED });
  expect(verify(details([limited], [managed(PROTECTED, policy(...limits))]))).toHaveLength(found);
  expect(verify(details([limited]))).toEqual(["MC602? one: the document of the permissions boundary p"]);
});

it("is not decided without the role, its policies, or all there is", () => {
  expect(verify(details([]))).toEqual([`MC602? one: role ${ROLE} must be among the facts`]);
  expect(verify(details([role({ attached: [PROTECTED] })]))).toEqual([expect.stringMatching(/^MC602\? one: /)]);
  expect(verify(details([role({ inline: { p: policy(statement()) } })]), false)).toEqual([
    `MC602? one: all policies of ${ROLE} must be known`,
  ]);
  const twice = [details([role({ inline: { p: policy(statement()) } })]), details([role()])];
  expect(told(awsRights(subjectOf(BACKEND, { iam: factsOf(twice, true) })))).toEqual([
    `MC602? one: the facts must tell one thing of role ${ROLE}`,
  ]);
});

it("asks nothing of a backend that writes or has no role", () => {
  const iam = factsOf([details([role({ inline: { p: policy(statement({ Action: "*" })) } })])], true);
  const backends = { one: `access: rw, iamRole: "${ROLE}"`, two: "access: ro" };
  expect(told(awsRights(subjectOf(backends, { iam })))).toEqual([]);
  expect(awsRights(subjectOf(BACKEND)).skipped.map(({ code }) => code)).toEqual(["MC602"]);
});
