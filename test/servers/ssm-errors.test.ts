import { type AddressInfo, createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FAILURE_BY_NAME } from "../../src/lib/aws/error-table.ts";
import { AppError } from "../../src/lib/errors.ts";
import { openSsmStore } from "../../src/lib/stores/ssm-store.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { account, denyAccess, json, page, refuse, SERVICE_TEXT } from "../support/faults.ts";
import { createEntry, readEntry } from "../../src/lib/keys/key-store.ts";
import { TEST_CREDENTIALS } from "../support/moto.ts";

const PATH = "/mcp-gateway/keys";
const ENTRY = { role: "dev-readonly", hash: "ab".repeat(32), part: "record" } as const;
const NAME = `${PATH}/dev-readonly/${ENTRY.hash}`;
const NOTE = { action: "create", at: "2026-11-20T10:00:00Z", reason: "said-by-the-operator" } as const;

/** What AWS may answer, over the wire and through the SDK: the proxy alone stands in for AWS here. */
describe("an SSM store whose AWS call fails", () => {
  let proxy: FaultProxy;

  beforeEach(async () => {
    proxy = await startFaultProxy();
  });
  afterEach(async () => {
    await proxy.close();
    proxy.settle();
  });

  const open = (endpoint = proxy.url) =>
    openSsmStore(
      { path: PATH, region: "eu-central-1", account: "111122223333" },
      { env: {}, client: { endpoint, credentials: TEST_CREDENTIALS, maxAttempts: 1 }, pause: async () => undefined },
    );
  /** What is throttled is tried ten times before it fails. */
  const timesOf = (code: string | undefined): number => (code === "aws_throttled" ? 10 : 1);
  const readWith = async (fault: Fault, code?: string): Promise<AppError> => {
    proxy.inject("GetCallerIdentity", account("111122223333"));
    proxy.inject("GetParameters", fault, timesOf(code));
    return failure(readEntry(open(), ENTRY));
  };

  it.each([
    ["unauthenticated", "aws_credentials_missing", "MissingAuthenticationTokenException", 400],
    ["unauthenticated", "aws_credentials_expired", "ExpiredTokenException", 400],
    ["unauthenticated", "aws_credentials_expired", "RequestExpired", 400],
    ["unauthenticated", "aws_credentials_invalid", "UnrecognizedClientException", 400],
    ["unauthenticated", "aws_credentials_invalid", "InvalidSignatureException", 400],
    ["unauthenticated", "aws_credentials_invalid", "IncompleteSignatureException", 400],
    ["unauthenticated", "aws_credentials_invalid", "NeverHeardOf", 401],
    ["forbidden", "aws_access_denied", "AccessDeniedException", 400],
    ["forbidden", "aws_access_denied", "KMSAccessDeniedException", 400],
    ["forbidden", "aws_access_denied", "NeverHeardOf", 403],
    ["unavailable", "kms_key_unusable", "InvalidKeyId", 400],
    ["unavailable", "kms_key_unusable", "KMSInvalidStateException", 400],
    ["unavailable", "kms_key_unusable", "KMSDisabledException", 400],
    ["unavailable", "kms_key_unusable", "KMSNotFoundException", 400],
    ["unavailable", "aws_throttled", "ThrottlingException", 400],
    ["unavailable", "aws_throttled", "KMSThrottlingException", 400],
    ["unavailable", "aws_throttled", "RequestLimitExceeded", 503],
    ["unavailable", "aws_throttled", "NeverHeardOf", 429],
    ["unavailable", "aws_failing", "InternalServerError", 500],
    ["unavailable", "aws_failing", "ServiceUnavailable", 503],
    ["unavailable", "aws_timeout", "RequestTimeoutException", 400],
    ["invalid", "aws_limit_reached", "ParameterLimitExceeded", 400],
    ["invalid", "aws_request_invalid", "ValidationException", 400],
    ["invalid", "aws_request_invalid", "HierarchyLevelLimitExceededException", 400],
    ["invalid", "aws_request_invalid", "NeverHeardOf", 400],
  ])("is %s (%s) on %s with status %i", async (kind, code, name, status) => {
    const error = await readWith(refuse(name, status), code);
    expect({ kind: error.kind, code: error.code }).toEqual({ kind, code });
    expect(error.hint).toBeTruthy();
  });

  it.each([...FAILURE_BY_NAME])("says of %s what the table says", async (name, expected) => {
    const { kind, code, hint, message } = await readWith(refuse(name), expected.code);
    const told = `ssm:GetParameters on ${NAME} ${expected.says}.`;
    expect({ kind, code, hint, message }).toEqual({
      kind: expected.kind,
      code: expected.code,
      hint: expected.hint,
      message: told,
    });
  });

  it.each([
    ["sts:GetCallerIdentity on the credentials in use", "GetCallerIdentity"],
    [`ssm:PutParameter on ${NAME}`, "PutParameter"],
    [`ssm:GetParameters on ${NAME}`, "GetParameters"],
    [`ssm:GetParametersByPath on ${PATH}`, "GetParametersByPath"],
    ["ssm:DescribeParameters on *", "DescribeParameters"],
  ])("names the missing right: %s", async (right, action) => {
    if (action !== "GetCallerIdentity") proxy.inject("GetCallerIdentity", account("111122223333"));
    proxy.inject(action, denyAccess());
    const store = open();
    const work = {
      GetCallerIdentity: () => store.verify(),
      PutParameter: () => createEntry(store, ENTRY, "dev-readonly/a", NOTE),
      GetParameters: () => readEntry(store, ENTRY),
      GetParametersByPath: () => store.list(),
      DescribeParameters: () => store.history([ENTRY]),
    }[action];
    const { kind, message } = await failure(work?.() ?? Promise.resolve());
    expect({ kind, message }).toEqual({
      kind: "forbidden",
      message: `${right} was refused: the AWS identity in use lacks that right.`,
    });
  });

  it.each([
    ["ExpiredToken", 403, "aws_credentials_expired"],
    ["InvalidClientTokenId", 403, "aws_credentials_invalid"],
    ["SignatureDoesNotMatch", 403, "aws_credentials_invalid"],
    ["AccessDenied", 403, "aws_access_denied"],
    ["Throttling", 400, "aws_throttled"],
    ["InternalFailure", 500, "aws_failing"],
  ])("understands %s (%i) in the protocol of STS too", async (name, status, code) => {
    proxy.inject("GetCallerIdentity", refuse(name, status), timesOf(code));
    expect((await failure(open().verify())).code).toBe(code);
  });

  it.each([
    ["a page with status 200", page(200), "aws_answer_unreadable"],
    ["a page with status 502", page(502), "aws_failing"],
    ["a connection cut", (() => "cut") satisfies Fault, "aws_unreachable"],
  ])("is unavailable on %s", async (_what, fault, code) => {
    const error = await readWith(fault);
    expect({ kind: error.kind, code: error.code }).toEqual({ kind: "unavailable", code });
  });

  it("is unavailable where nothing listens", async () => {
    const error = await failure(readEntry(open(await closedPort()), ENTRY));
    expect({ kind: error.kind, code: error.code }).toEqual({ kind: "unavailable", code: "aws_unreachable" });
  });

  it("is unavailable where AWS names no account", async () => {
    proxy.inject("GetCallerIdentity", () => ({
      status: 200,
      contentType: "text/xml",
      body: "<GetCallerIdentityResponse/>",
    }));
    await expect(open().verify()).rejects.toMatchObject({ kind: "unavailable", code: "aws_answer_unreadable" });
  });

  it("keeps what AWS said, the value and the credentials out of message and hint", async () => {
    for (const fault of [refuse("ValidationException"), denyAccess(), page(200), page(500)]) {
      proxy.inject("GetCallerIdentity", account("111122223333"));
      proxy.inject("PutParameter", fault);
      const error = await failure(createEntry(open(), ENTRY, "dev-readonly/said-by-the-caller", NOTE));
      const shown = `${error.message} ${error.hint}`;
      for (const secret of [SERVICE_TEXT, "said-by", TEST_CREDENTIALS.accessKeyId, "Signature", "Credential="]) {
        expect(shown).not.toContain(secret);
      }
      expect(error.cause).toBeInstanceOf(Error);
    }
  });

  it("corrects a clock that is wrong by an hour, as the SDK does", async () => {
    const ahead = new Date(Date.now() + 3_600_000);
    const skewed: Fault = () => ({
      ...json({ __type: "InvalidSignatureException", message: "Signature expired: clock skew" }, 400),
      headers: { date: ahead.toUTCString() },
    });
    proxy.inject("GetParameters", skewed);
    proxy.inject("GetParameters", () => json({ Parameters: [{ Name: NAME, Value: "dev-readonly/a", Version: 1 }] }));
    const store = openSsmStore(
      { path: PATH, region: "eu-central-1" },
      { env: {}, client: { endpoint: proxy.url, credentials: TEST_CREDENTIALS } },
    );
    expect((await readEntry(store, ENTRY))?.value).toBe("dev-readonly/a");
    const [first, second] = proxy.calls.map(({ signedAt }) => signedAt);
    expect((second as number) - (first as number)).toBeGreaterThan(3_500_000);
  });
});

async function failure(work: Promise<unknown>): Promise<AppError> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error(`not an AppError: ${String(error)}`);
  return error;
}

async function closedPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return `http://127.0.0.1:${port}`;
}
