import { AppError } from "../errors.ts";
import {
  ACCESS_DENIED,
  type AwsFailure,
  CREDENTIALS_INVALID,
  FAILING,
  FAILURE_BY_NAME,
  KEY_UNUSABLE,
  NETWORK_CODE_PREFIXES,
  NETWORK_CODES,
  REQUEST_INVALID,
  THROTTLED,
  TIMED_OUT,
  UNREACHABLE,
  UNREADABLE_ANSWER,
} from "./error-table.ts";

/** The call that failed, in IAM's words: `ssm:PutParameter` on `/mcp-gateway/keys/...`. */
export interface AwsCall {
  readonly action: string;
  readonly resource: string;
}

/**
 * What does a failure of an AWS call mean? Decided by the SDK's error name, HTTP status or Node's error code,
 * never by message text; the SDK's error, which may quote the request, stays in `cause`.
 */
export function toAppError(error: unknown, call: AwsCall): AppError {
  if (error instanceof AppError) return error;
  const asked = `${call.action} on ${call.resource}`;
  if (errorName(error) === "AbortError") return interrupted(call, error);
  const failure = classify(error);
  return new AppError(failure.kind, failure.code, `${asked} ${failure.says}.`, { hint: failure.hint, cause: error });
}

/** The caller's signal ended the call; whether AWS carried it out is not known. */
export function interrupted(call: AwsCall, cause: unknown): AppError {
  return new AppError("interrupted", "interrupted", `Interrupted during ${call.action} on ${call.resource}.`, {
    cause,
  });
}

/** What came in answer cannot be used: it `says`, like "is no answer of AWS". */
export function unreadableAnswer({ action, resource }: AwsCall, says: string): AppError {
  const { kind, code, hint } = UNREADABLE_ANSWER;
  return new AppError(kind, code, `${action} on ${resource}: what came ${says}.`, { hint });
}

/** The name that SDK and service give an error, or null. */
export function errorName(error: unknown): string | null {
  return error instanceof Error ? error.name : null;
}

function classify(error: unknown): AwsFailure {
  const status = httpStatus(error);
  // First, since the SDK also calls a connection that was cut a TimeoutError.
  if (status === null && isNetworkCode(nodeCode(error))) return UNREACHABLE;
  const name = errorName(error) ?? "";
  const known = FAILURE_BY_NAME.get(name);
  if (known) return known;
  if (name.startsWith("KMS")) return KEY_UNUSABLE;
  if (status === null) return nodeCode(error) === "ETIMEDOUT" ? TIMED_OUT : UNREADABLE_ANSWER;
  if (status === 429) return THROTTLED;
  if (status >= 500) return FAILING;
  if (status === 401) return CREDENTIALS_INVALID;
  if (status === 403) return ACCESS_DENIED;
  return status >= 400 ? REQUEST_INVALID : UNREADABLE_ANSWER;
}

function isNetworkCode(code: string): boolean {
  return NETWORK_CODES.has(code) || NETWORK_CODE_PREFIXES.test(code);
}

function httpStatus(error: unknown): number | null {
  const metadata = member(error, "$metadata");
  const status = member(metadata, "httpStatusCode");
  return typeof status === "number" ? status : null;
}

function nodeCode(error: unknown): string {
  const code = member(error, "code");
  return typeof code === "string" ? code : "";
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
