import { describe, expect, it } from "vitest";
import { judgeIam } from "../../../../src/lib/flow/iam/judge-iam.ts";
import {
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

const READ = awsRequest("ec2:DescribeInstances");
const allowing = { inline: { p: policy(statement()) } };
const outcome = (...values: readonly unknown[]): string => judgeIam(factsOf(values, true), ROLE, READ).outcome;
const messages = (...values: readonly unknown[]): readonly string[] =>
  factsOf(values).findings.map(({ message }) => message);

describe("the facts of IAM", () => {
  it("are read from pages, whose policies may be on another page than their roles", () => {
    const arn = "arn:aws:iam::111122223333:policy/p";
    const first = details([role({ attached: [arn] })], [], { IsTruncated: true, Marker: "m" });
    const last = details([], [managed(arn, policy(statement()))], { IsTruncated: false });
    expect([outcome(first, last), outcome(last, first), outcome(first)]).toEqual(["allow", "allow", "unknown"]);
    expect(factsOf([first, last], true).isComplete("111122223333")).toBe(true);
    for (const IsTruncated of [true, "true"])
      expect(factsOf([details([role()], [], { IsTruncated })], true).isComplete("111122223333")).toBe(false);
    const other = details([role({ arn: "arn:aws:iam::999988887777:role/x" })]);
    expect(factsOf([first, other], true).isComplete("111122223333")).toBe(false);
    expect(factsOf([first, last, other], true).isComplete("111122223333")).toBe(true);
  });

  it("hold documents as objects, as JSON, and as URL-encoded JSON", () => {
    const document = policy(statement({ Sid: "Ä" }));
    const forms = [document, JSON.stringify(document), encodeURIComponent(JSON.stringify(document))];
    expect(forms.map((form) => outcome(details([role({ inline: { p: form } })])))).toEqual(["allow", "allow", "allow"]);
  });

  it("tell where a statement stands: in a file that is laid out, on its line", () => {
    const facts = factsOf([details([role({ arn: ROLE.replace("ro", "x") }), role(allowing)])]);
    const { place } = judgeIam(facts, ROLE, READ);
    const text = JSON.stringify(details([role({ arn: ROLE.replace("ro", "x") }), role(allowing)]));
    expect(text.slice((place?.column ?? 0) - 1).startsWith('{"Effect":"Allow","Action":"ec2:Describe*"')).toBe(true);
  });

  it("may tell a role twice alike, and not twice differently", () => {
    const one = details([role(allowing)]);
    const two = details([role({ inline: { p: policy(statement({ Action: "s3:*" })) } })]);
    expect(outcome(one, structuredClone(one))).toBe("allow");
    expect(outcome(one, two)).toBe("unknown");
    expect(messages(one, two)).toEqual(["role mcp-aws-ro stands elsewhere, too, and differs"]);
    expect(judgeIam(factsOf([one, two, one], true), ROLE, READ)).toEqual({
      outcome: "unknown",
      reason: "facts_contradict",
      text: `files tell different things of role ${ROLE}`,
      place: null,
      source: "nothing",
      missing: ["what cannot be relied on at f1.json:1:61 must be mended"],
      boundary: null,
    });
  });

  it("may tell a managed policy twice alike, and not twice differently", () => {
    const arn = "arn:aws:iam::111122223333:policy/p";
    const page = (action: string) =>
      details([role({ attached: [arn] })], [managed(arn, policy(statement({ Action: action })))]);
    expect(outcome(page("ec2:*"), page("ec2:*"))).toBe("allow");
    expect(outcome(page("ec2:*"), page("*"))).toBe("unknown");
    expect(messages(page("ec2:*"), page("*"))).toEqual(["policy p stands elsewhere, too, and differs"]);
  });

  it.each([
    ["no Statement", {}, "statement 1: a statement is an object"],
    ["a Version of the future", { Version: "2030-01-01", Statement: [] }, "this Version is unknown"],
    ["a number", 7, "a policy is an object"],
    ["an element of its own", policy(statement({ Efect: "Deny" })), 'statement 1: there is no element "Efect"'],
    [
      "__proto__",
      JSON.parse('{"Statement":{"__proto__":{},"Effect":"Allow"}}'),
      'statement 1: there is no element "__proto__"',
    ],
    ["another Effect", policy(statement({ Effect: "allow" })), "statement 1: its Effect is neither Allow nor Deny"],
    [
      "no Action",
      policy(statement({ Action: undefined })),
      "statement 1: it has not exactly one of Action and NotAction",
    ],
    ["both", policy(statement({ NotAction: "s3:*" })), "statement 1: it has not exactly one of Action and NotAction"],
    [
      "no Resource",
      policy(statement({ Resource: undefined })),
      "statement 1: it has not exactly one of Resource and NotResource",
    ],
    [
      "a list of numbers",
      policy(statement({ Action: [7] })),
      "statement 1: its Action is neither a text nor a list of texts",
    ],
    [
      "an empty list",
      policy(statement({ Action: [] })),
      "statement 1: its Action is neither a text nor a list of texts",
    ],
    [
      "a very long Action",
      policy(statement({ Action: "a".repeat(3_000) })),
      "statement 1: a text of its Action is too long",
    ],
    [
      "a Principal",
      policy(statement(), statement({ Principal: "*" })),
      "statement 2: a policy of an identity names no Principal",
    ],
    ["a list as Condition", policy(statement({ Condition: [] })), "statement 1: its Condition is no object"],
    [
      "an operator without keys",
      policy(statement({ Condition: { Bool: "x" } })),
      "statement 1: an operator of its Condition has no object of keys",
    ],
    [
      "an object as value",
      policy(statement({ Condition: { Bool: { k: {} } } })),
      'statement 1: the values of "k" are no texts',
    ],
    [
      "a value without end",
      policy(statement({ Condition: { StringLike: { k: "*a".repeat(6_000) } } })),
      "statement 1: a value of its Condition is too long",
    ],
  ])("do not take a policy with %s", (_what, document, problem) => {
    const parts = { inline: { good: policy(statement()), bad: document } };
    expect(messages(details([role(parts)]))).toEqual([`AWS takes no policy like policy bad: ${problem}`]);
    expect(outcome(details([role(parts)]))).toBe("unknown");
    const denied = { inline: { ...parts.inline, no: policy(statement({ Effect: "Deny" })) } };
    expect(outcome(details([role(denied)]))).toBe("deny");
  });

  it.each([
    ["no JSON", "{", "policy bad is no JSON"],
    ["a name twice", '{"Statement":[],"Statement":[]}', "policy bad is no JSON"],
    ["broken percent signs", "%7B%ZZ", "policy bad is no JSON"],
    ["great depth", `{"Statement":${"[".repeat(200)}${"]".repeat(200)}}`, "policy bad is no JSON"],
  ])("do not take a policy that is a text with %s", (_what, text, message) => {
    expect(messages(details([role({ inline: { bad: text } })]))).toEqual([message]);
    expect(outcome(details([role({ inline: { ...allowing.inline, bad: text } })]))).toBe("unknown");
  });

  it.each([["RolePolicyList"], ["AttachedManagedPolicies"]])("are incomplete for a role without %s", (name) => {
    const { [name]: _, ...rest } = role(allowing);
    const verdict = judgeIam(factsOf([details([rest])], true), ROLE, READ);
    expect([verdict.outcome, verdict.missing]).toEqual(["unknown", [`${name} of role mcp-aws-ro`]]);
  });

  it.each([
    ["a role without an ARN", details([{ RoleName: "x" }]), "this role has no Arn or no RoleName"],
    [
      "a role with the ARN of a user",
      details([role({ arn: "arn:aws:iam::111122223333:user/x" })]),
      "this role's ARN is no ARN of a role",
    ],
    [
      "a policy without a default version",
      details([], [{ Arn: "a", PolicyName: "x" }]),
      "policy x does not show its default version",
    ],
    [
      "a policy that names no version, nor do its versions",
      details([], [{ Arn: "a", PolicyName: "x", PolicyVersionList: [{ Document: policy(statement()) }] }]),
      "policy x does not show its default version",
    ],
    [
      "a snapshot of another version",
      { ...details([]), mcpctl: { version: 2, takenAt: "t", account: "111122223333", isComplete: true } },
      "this snapshot is of a form that is not known here",
    ],
    ["a mark that is none", { ...details([]), mcpctl: null }, "this snapshot is of a form that is not known here"],
    ["a policy without an ARN", details([], [{ PolicyName: "x" }]), "this policy has no Arn"],
    ["Policies that are none", details([], 7 as never), "Policies is no list"],
    ["something else", { hello: "world" }, "this is no output of AWS or Terraform that is known here"],
    ["a list", [1], "this is no output of AWS or Terraform that is known here"],
  ])("tell of %s, and prove nothing by absence then", (_what, value, message) => {
    const good = details([role()]);
    expect(messages(good, value)).toEqual([message]);
    expect(judgeIam(factsOf([good], true), ROLE, READ).outcome).toBe("deny");
    expect(judgeIam(factsOf([good, value], true), ROLE, READ).outcome).toBe("unknown");
  });

  it("allow nothing beside a file that nobody understands, for it may be one that denies", () => {
    expect(outcome(details([role(allowing)]), { hello: "world" })).toBe("unknown");
  });

  it("read ten thousand statements, and what JavaScript has names for", () => {
    const many = Array.from({ length: 10_000 }, (_, index) => statement({ Action: `ec2:X${index}*` }));
    expect(outcome(details([role({ inline: { p: policy(...many, statement()) } })]))).toBe("allow");
    const named = JSON.parse(JSON.stringify(role({ inline: { constructor: policy(statement()) } })));
    expect(outcome(details([named]), control("toString", policy(statement({ Action: "*" }))))).toBe("allow");
  });
});
