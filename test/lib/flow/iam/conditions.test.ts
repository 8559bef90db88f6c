import { describe, expect, it } from "vitest";
import { matchCondition, NO_CONTEXT, type KeyValues } from "../../../../src/lib/flow/iam/conditions.ts";
import type { Match } from "../../../../src/lib/flow/template.ts";

const match = (operator: string, values: string | readonly string[], found: KeyValues, variables = true): Match =>
  matchCondition(
    { operator, key: "A:Key", name: "a:key", values: [values].flat() },
    { valuesOf: (key) => (key === "a:key" ? found : key === "a:known" ? ["v"] : "unknown") },
    variables,
  );

describe("a condition", () => {
  it.each([
    ["StringEquals", "v", ["v"], "yes"],
    ["StringEquals", "v", ["V"], "no"],
    ["StringEquals", "v*", ["vv"], "no"],
    ["StringEquals", "v*", ["v*"], "yes"],
    ["StringEquals", ["u", "v"], ["v"], "yes"],
    ["StringNotEquals", "v", ["v"], "no"],
    ["StringNotEquals", ["u", "v"], ["w"], "yes"],
    ["StringNotEquals", ["u", "v"], ["v"], "no"],
    ["StringEqualsIgnoreCase", "v", ["V"], "yes"],
    ["StringNotEqualsIgnoreCase", "v", ["V"], "no"],
    ["StringLike", "v*", ["v/v"], "yes"],
    ["StringLike", "v?", ["v"], "no"],
    ["StringNotLike", "v*", ["u"], "yes"],
    ["ArnLike", "arn:aws:iam::*:role/*", ["arn:aws:iam::1:role/a/b"], "yes"],
    ["ArnEquals", "arn:aws:iam::1:role/*", ["arn:aws:iam::1:role/a"], "yes"],
    ["ArnLike", "arn:aws:iam::*:role/x", ["arn:aws:iam::1:user/x:role/x"], "no"],
    ["ArnLike", "arn:aws:*:role/x", ["arn:aws:iam::1:role/x"], "maybe"],
    ["ArnLike", "*", ["arn:aws:iam::1:role/x"], "maybe"],
    ["ArnNotLike", "arn:aws:iam::*:role/x", ["arn:aws:iam::1:role/y"], "yes"],
    ["ArnLike", "arn:aws:iam::1:role/x", ["no arn"], "no"],
    ["NumericEquals", "10", ["10.0"], "yes"],
    ["NumericNotEquals", "10", ["11"], "yes"],
    ["NumericLessThan", "10", ["9"], "yes"],
    ["NumericLessThan", "10", ["10"], "no"],
    ["NumericLessThanEquals", "10", ["10"], "yes"],
    ["NumericGreaterThan", "10", ["11"], "yes"],
    ["NumericGreaterThanEquals", "10", ["9"], "no"],
    ["NumericEquals", "10", ["ten"], "maybe"],
    ["DateLessThan", "2026-01-02T00:00:00Z", ["2026-01-01T23:59:59Z"], "yes"],
    ["DateGreaterThan", "1767225600", ["2026-01-01T00:00:01Z"], "yes"],
    ["DateEquals", "2026-01-01", ["2026-01-01T00:00:00"], "yes"],
    ["DateEquals", "2026-01-01T01:00:00+01:00", ["2026-01-01T00:00:00Z"], "yes"],
    ["DateLessThan", "tomorrow", ["2026-01-01"], "maybe"],
    ["Bool", "true", ["True"], "yes"],
    ["Bool", "true", ["false"], "no"],
    ["Bool", "yes", ["true"], "maybe"],
    ["BinaryEquals", "QQ==", ["QQ=="], "yes"],
    ["BinaryEquals", "QQ==", ["qq=="], "no"],
    ["IpAddress", "10.0.0.0/8", ["10.9.8.7"], "yes"],
    ["IpAddress", "10.0.0.0/8", ["11.0.0.0"], "no"],
    ["IpAddress", "10.0.0.1", ["10.0.0.1"], "yes"],
    ["IpAddress", ["10.0.0.0/8", "2001:db8::/32"], ["2001:db8:1::1"], "yes"],
    ["IpAddress", "0.0.0.0/0", ["::1"], "no"],
    ["NotIpAddress", "10.0.0.0/8", ["11.0.0.0"], "yes"],
    ["IpAddress", "10.0.0.0/40", ["10.0.0.0"], "maybe"],
    ["IpAddress", "10.0.0.256", ["10.0.0.0"], "maybe"],
    ["IpAddress", "::1::", ["::1"], "maybe"],
  ] as const)("%s of %j and %j: %s", (operator, values, found, answer) => {
    expect(match(operator, values, found)).toBe(answer);
  });

  // "If the key that you specify in a policy condition is not present in the request context, the values do not match",
  // and negated operators then match; sets and IfExists as in the pages on operators and on multivalued keys.
  it.each([
    ["StringEquals", "no"],
    ["StringNotEquals", "yes"],
    ["StringEqualsIfExists", "yes"],
    ["ArnNotLike", "yes"],
    ["NotIpAddress", "yes"],
    ["IpAddress", "no"],
    ["NumericLessThan", "no"],
    ["Bool", "no"],
    ["BoolIfExists", "yes"],
    ["ForAllValues:StringEquals", "yes"],
    ["ForAnyValue:StringEquals", "no"],
    ["ForAnyValue:StringNotEquals", "no"],
    ["ForAnyValue:StringEqualsIfExists", "maybe"],
  ] as const)("%s of a key that is not there: %s", (operator, answer) => {
    expect(match(operator, "true", "absent")).toBe(answer);
  });

  it.each([
    ["ForAllValues:StringEquals", ["a", "b"], ["a"], "yes"],
    ["ForAllValues:StringEquals", ["a", "b"], ["a", "c"], "no"],
    ["ForAllValues:StringEquals", ["a"], [], "yes"],
    ["ForAnyValue:StringEquals", ["a", "b"], ["c", "a"], "yes"],
    ["ForAnyValue:StringEquals", ["a", "b"], ["c"], "no"],
    ["ForAnyValue:StringEquals", ["a"], [], "no"],
    ["ForAllValues:StringNotLike", ["a*"], ["b", "c"], "yes"],
    ["ForAllValues:StringNotLike", ["a*"], ["b", "ab"], "no"],
    ["ForAnyValue:StringLike", ["a*"], ["b", "ab"], "yes"],
    ["StringEquals", ["a"], ["a", "b"], "maybe"],
    ["StringEquals", [], ["a"], "maybe"],
  ] as const)("%s of %j and the values %j: %s", (operator, values, found, answer) => {
    expect(match(operator, values, found)).toBe(answer);
  });

  it.each([
    ["true", "absent", "yes"],
    ["false", "absent", "no"],
    ["true", ["v"], "no"],
    ["false", ["v"], "yes"],
    ["perhaps", ["v"], "maybe"],
    ["true", "unknown", "maybe"],
  ] as const)("Null of %s and %j: %s", (value, found, answer) => {
    expect(match("Null", value, found)).toBe(answer);
  });

  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
  it.each([
    ["StringEquals", "${a:known}", ["v"], "yes"],
    ["StringEquals", "${A:KNOWN}", ["w"], "no"],
    ["StringLike", "${a:known}*", ["vw"], "yes"],
    ["StringLike", "x-${a:other}", ["x-1"], "maybe"],
    ["StringLike", "x-${a:other}", ["y-1"], "no"],
    ["StringLike", "a${*}b", ["a*b"], "yes"],
    ["StringLike", "a${*}b", ["acb"], "no"],
    ["StringLike", "a${?}${$}", ["a?$"], "yes"],
    ["StringEquals", "${a:known, 'else'}", ["v"], "yes"],
    ["StringEquals", "${a:other, 'else'}", ["else"], "maybe"],
    ["StringLike", "${a:known", ["v"], "maybe"],
    ["ArnLike", "arn:aws:iam::1:role/${a:known}", ["arn:aws:iam::1:role/v"], "yes"],
    ["ArnLike", "arn:aws:iam::1:role/${a:other}", ["arn:aws:iam::1:role/v"], "maybe"],
    ["NumericEquals", "${a:known}", ["1"], "maybe"],
  ] as const)("%s of the variable %s and %j: %s", (operator, value, found, answer) => {
    expect(match(operator, value, found)).toBe(answer);
  });

  it("has no variables before version 2012-10-17", () => {
    expect(match("StringEquals", "${a:known}", ["v"], false)).toBe("no");
    expect(match("StringEquals", "${a:known}", ["${a:known}"], false)).toBe("yes");
  });

  it.each([
    "stringequals",
    "StringFoo",
    "constructor",
    "__proto__",
    "",
    "ForSomeValues:StringEquals",
    "StringEqualsIfexists",
  ])("is not decided under the operator %j, which AWS does not document", (operator) => {
    expect(match(operator, "v", ["v"])).toBe("maybe");
    expect(match(operator, "v", "absent")).toBe("maybe");
  });

  it("is not decided by a key that nobody told", () => {
    const operators = ["StringEquals", "StringNotEquals", "StringEqualsIfExists", "ForAllValues:StringEquals", "Null"];
    const matches = operators.map((operator) =>
      matchCondition({ operator, key: "k", name: "k", values: ["v"] }, NO_CONTEXT, true),
    );
    expect(matches).toEqual(operators.map(() => "maybe"));
  });
});
