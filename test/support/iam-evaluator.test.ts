import { describe, expect, it } from "vitest";
import type { PolicyStatement } from "../../src/lib/aws/key-policies.ts";
import { evaluateIam, type IamRequest } from "./iam-evaluator.ts";

const ASKED: IamRequest = { action: "ssm:PutParameter", resource: "arn:aws:ssm:r:1:parameter/a/b" };
const allow = (rest: Partial<PolicyStatement> = {}): PolicyStatement => ({
  Sid: "A",
  Effect: "Allow",
  Action: ["ssm:PutParameter"],
  Resource: ["*"],
  ...rest,
});
const ask = (statements: readonly PolicyStatement[], context?: IamRequest["context"]) =>
  evaluateIam(
    [{ Version: "2012-10-17", Statement: statements }],
    context === undefined ? ASKED : { ...ASKED, context },
  );

describe("the evaluator of IAM policies", () => {
  it.each([
    ["nothing", [], "not allowed"],
    ["an Allow", [allow()], "allowed"],
    ["a Deny after an Allow", [allow(), allow({ Effect: "Deny" })], "denied"],
    ["a Deny before an Allow", [allow({ Effect: "Deny" }), allow()], "denied"],
    ["a Deny alone", [allow({ Effect: "Deny" })], "denied"],
    ["a Deny of something else", [allow(), allow({ Effect: "Deny", Action: ["ssm:DeleteParameter"] })], "allowed"],
    ["an action of another case", [allow({ Action: ["SSM:putparameter"] })], "allowed"],
    ["an action with a star", [allow({ Action: ["ssm:Put*"] })], "allowed"],
    ["an action that merely begins so", [allow({ Action: ["ssm:Put"] })], "not allowed"],
    ["one of two actions", [allow({ Action: ["x:y", "ssm:PutParamete?"] })], "allowed"],
    ["a resource", [allow({ Resource: ["arn:aws:ssm:r:1:parameter/a/b"] })], "allowed"],
    ["a resource of another case", [allow({ Resource: ["arn:aws:ssm:r:1:parameter/A/b"] })], "not allowed"],
    ["a star across /", [allow({ Resource: ["arn:aws:ssm:r:1:parameter/*"] })], "allowed"],
    ["a star without the /", [allow({ Resource: ["arn:aws:ssm:r:1:parameter/a/b/*"] })], "not allowed"],
    ["a mark for one character", [allow({ Resource: ["arn:aws:ssm:r:1:parameter/a/?"] })], "allowed"],
    ["two marks for one character", [allow({ Resource: ["arn:aws:ssm:r:1:parameter/a/b?"] })], "not allowed"],
    ["a dot that is no wildcard", [allow({ Resource: ["arn:aws:ssm:r:1:parameter.a.b"] })], "not allowed"],
  ] as const)("lets %s decide", (_what, statements, answer) => {
    expect(ask(statements)).toBe(answer);
  });

  it.each([
    ["StringEquals", "k", "v", { k: "v" }, true],
    ["StringEquals", "K", "v", { k: "v" }, true],
    ["StringEquals", "k", "v", { k: "V" }, false],
    ["StringEquals", "k", "v*", { k: "vv" }, false],
    ["StringEquals", "k", ["u", "v"], { k: "v" }, true],
    ["StringEquals", "k", "v", {}, false],
    ["StringEqualsIfExists", "k", "v", {}, true],
    ["StringEqualsIfExists", "k", "v", { k: "u" }, false],
    ["StringLike", "k", "v*", { k: "v/v" }, true],
    ["StringLike", "k", "v*", { k: "u" }, false],
    ["Bool", "k", "true", { k: "True" }, true],
    ["Bool", "k", "true", { k: "false" }, false],
    ["Null", "k", "true", {}, true],
    ["Null", "k", "true", { k: "v" }, false],
    ["Null", "k", "false", { k: "v" }, true],
    ["ForAnyValue:StringEquals", "k", "v", { k: ["u", "v"] }, true],
    ["ForAnyValue:StringEquals", "k", "v", { k: ["u"] }, false],
    ["ForAnyValue:StringEquals", "k", "v", { k: [] }, false],
    ["ForAnyValue:StringEquals", "k", "v", {}, false],
    ["ForAnyValue:StringLike", "k", "v*", { k: ["u", "vv"] }, true],
    ["ArnLike", "k", "arn:aws:iam::*:role/p", { k: "arn:aws:iam::1:role/p" }, true],
    ["ArnNotLike", "k", "arn:aws:iam::*:role/p", { k: "arn:aws:iam::1:role/p" }, false],
    ["ArnNotLike", "k", "arn:aws:iam::*:role/p", { k: "arn:aws:iam::1:role/q" }, true],
    ["ArnNotLike", "k", "a:*/p", {}, true],
  ] as const)("reads %s of %s and %o in %o", (operator, key, expected, context, isMet) => {
    const statement = allow({ Condition: { [operator]: { [key]: [expected].flat() } } });
    expect(ask([statement], context)).toBe(isMet ? "allowed" : "not allowed");
    expect(ask([allow(), { ...statement, Effect: "Deny" }], context)).toBe(isMet ? "denied" : "allowed");
  });

  it("wants every operator and every key of a condition", () => {
    const both = allow({ Condition: { StringEquals: { a: ["1"], b: ["2"] }, Bool: { c: ["true"] } } });
    expect(ask([both], { a: "1", b: "2", c: "true" })).toBe("allowed");
    expect(ask([both], { a: "1", b: "3", c: "true" })).toBe("not allowed");
    expect(ask([both], { a: "1", b: "2", c: "false" })).toBe("not allowed");
  });

  it.each([
    ["an element that IAM does not know", { Actions: ["x:y"] }, "there is no element"],
    ["an operator that IAM does not know", { Condition: { StringFoo: { k: ["v"] } } }, "open"],
    ["a variable without a value", { Resource: ["arn:aws:ssm:r:1:parameter/${aws:username}"] }, "open"],
    ["many values under an operator for one", { Condition: { StringEquals: { many: ["v"] } } }, "open"],
  ])("throws at %s", (_what, rest, message) => {
    expect(() => ask([{ ...allow(), ...rest }], { k: "v", many: ["u", "v"] })).toThrow(message);
  });
});
