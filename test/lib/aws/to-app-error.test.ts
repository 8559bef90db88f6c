import { expect, it } from "vitest";
import { type AwsCall, toAppError } from "../../../src/lib/aws/to-app-error.ts";
import { AppError } from "../../../src/lib/errors.ts";

const CALL: AwsCall = { action: "ssm:PutParameter", resource: "/mcp-gateway/keys/dev-readonly/ab" };

it.each([
  ["ENOTFOUND", "aws_unreachable"],
  ["EAI_AGAIN", "aws_unreachable"],
  ["ECONNREFUSED", "aws_unreachable"],
  ["ECONNRESET", "aws_unreachable"],
  ["CERT_HAS_EXPIRED", "aws_unreachable"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "aws_unreachable"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "aws_unreachable"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "aws_unreachable"],
  ["HPE_INVALID_CONSTANT", "aws_unreachable"],
  ["ETIMEDOUT", "aws_timeout"],
  ["EACCES", "aws_answer_unreadable"],
])("Node's %s without an answer is unavailable: %s", (code, expected) => {
  const cause = Object.assign(new Error("said-by-the-system"), { code });
  const error = toAppError(cause, CALL);
  expect({ kind: error.kind, code: error.code, cause: error.cause }).toEqual({
    kind: "unavailable",
    code: expected,
    cause,
  });
});

it.each([
  ["a connection cut", "ECONNRESET", "aws_unreachable"],
  ["a broken pipe", "EPIPE", "aws_unreachable"],
  ["an answer that took too long", "ETIMEDOUT", "aws_timeout"],
])("tells %s apart, which the SDK all calls TimeoutError", (_what, code, expected) => {
  expect(toAppError(sdkError("TimeoutError", { code }), CALL).code).toBe(expected);
});

it.each([
  ["CredentialsProviderError", "aws_credentials_missing"],
  ["TokenProviderError", "aws_credentials_missing"],
  ["ExpiredTokenException", "aws_credentials_expired"],
])("takes the SDK's own %s as unauthenticated", (name, code) => {
  const error = toAppError(sdkError(name, {}), CALL);
  expect({ kind: error.kind, code: error.code }).toEqual({ kind: "unauthenticated", code });
});

it("takes AbortError as the interruption", () => {
  const cause = sdkError("AbortError", {});
  const error = toAppError(cause, CALL);
  expect({ kind: error.kind, message: error.message, cause: error.cause }).toEqual({
    kind: "interrupted",
    message: "Interrupted during ssm:PutParameter on /mcp-gateway/keys/dev-readonly/ab.",
    cause,
  });
});

it("leaves an AppError as it is", () => {
  const error = new AppError("conflict", "test", "there already");
  expect(toAppError(error, CALL)).toBe(error);
});

it.each([["a text"], [null], [undefined], [42], [{ $metadata: "odd", code: 7 }]])(
  "makes something of %o, too",
  (thrown) => {
    expect(toAppError(thrown, CALL)).toMatchObject({ kind: "unavailable", code: "aws_answer_unreadable" });
  },
);

it("judges by name and status, never by text", () => {
  const cause = sdkError("Odd", { $metadata: { httpStatusCode: 500 } }, "AccessDeniedException: ExpiredToken");
  expect(toAppError(cause, CALL).code).toBe("aws_failing");
});

function sdkError(name: string, members: Readonly<Record<string, unknown>>, message = "said-by-the-sdk"): Error {
  return Object.assign(new Error(message), { name, ...members });
}
