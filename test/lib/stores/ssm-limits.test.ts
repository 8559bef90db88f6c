import { describe, expect, it } from "vitest";
import { checkSsmPath, checkSsmValue } from "../../../src/lib/stores/ssm-limits.ts";

const levels = (count: number): string => "/a".repeat(count);
const long = (length: number): string => `/${"p".repeat(length - 1)}`;

describe("checkSsmPath", () => {
  it.each(["/mcp-gateway/keys", "/a", "/A.b_c-9", "/team/aws/ssm", "/my-aws", levels(13), long(810)])(
    "accepts %s",
    (path) => {
      expect(() => checkSsmPath(path)).not.toThrow();
    },
  );

  it.each([
    ["", "must begin with /"],
    ["mcp/keys", "must begin with /"],
    ["/", "must not end with / or hold an empty level"],
    ["/mcp/", "must not end with / or hold an empty level"],
    ["/mcp//keys", "must not end with / or hold an empty level"],
    ["/mcp keys", "may hold only a-z A-Z 0-9 . _ - and /"],
    ["/schlüssel", "may hold only a-z A-Z 0-9 . _ - and /"],
    ["/mcp\n", "may hold only a-z A-Z 0-9 . _ - and /"],
    ["/mcp{{a}}", "may hold only a-z A-Z 0-9 . _ - and /"],
    ["/aws/keys", "must not begin with aws or ssm, which AWS reserves"],
    ["/AWSome", "must not begin with aws or ssm, which AWS reserves"],
    ["/SsM", "must not begin with aws or ssm, which AWS reserves"],
    [levels(14), "has more than 13 levels"],
    [long(811), "is longer than 810 characters"],
  ])("refuses %j: it %s", (path, problem) => {
    expect(() => checkSsmPath(path)).toThrow(
      expect.objectContaining({
        name: "AppError",
        kind: "invalid",
        code: "ssm_path_invalid",
        message: `The store's path ${JSON.stringify(path.slice(0, 200))} ${problem}.`,
      }),
    );
  });

  it("leaves the longest entry below the longest path within AWS's 1,011 characters and 15 levels", () => {
    const arn = "arn:aws-us-gov:ssm:ap-northeast-99:111122223333:parameter";
    const below = `/${"r".repeat(63)}/${"0".repeat(64)}.revoked`;
    expect(`${arn}${long(810)}${below}`.length).toBeLessThanOrEqual(1011);
    expect(`${levels(13)}${below}`.split("/").length - 1).toBe(15);
  });
});

describe("checkSsmValue", () => {
  it.each(["x", "dev-readonly/a?exp=2027-02-18T09:00:00Z", "x".repeat(4096), "ü".repeat(2048), "{a}", "{ {"])(
    "accepts %s",
    (value) => {
      expect(() => checkSsmValue(value)).not.toThrow();
    },
  );

  it.each([
    ["ssm_value_empty", ""],
    ["ssm_value_too_long", "x".repeat(4097)],
    ["ssm_value_too_long", "ü".repeat(2049)],
    ["ssm_value_braces", "a{{b"],
    ["ssm_value_braces", "a}}b"],
  ])("refuses with %s, without quoting it", (code, value) => {
    expect(() => checkSsmValue(value)).toThrow(expect.objectContaining({ name: "AppError", kind: "invalid", code }));
    expect(() => checkSsmValue(value)).not.toThrow(/a[{}]|x{9}|ü/);
  });
});
