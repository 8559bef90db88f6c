import type { ErrorKind } from "../errors.ts";

/** What an AWS failure means to a person; `says` continues the sentence `ssm:PutParameter on /path ...`. */
export interface AwsFailure {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly says: string;
  readonly hint: string;
}

export const CREDENTIALS_MISSING: AwsFailure = {
  kind: "unauthenticated",
  code: "aws_credentials_missing",
  says: "needs AWS credentials, and none could be loaded",
  hint: "Log in (for example `aws sso login`), or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
};

export const CREDENTIALS_EXPIRED: AwsFailure = {
  kind: "unauthenticated",
  code: "aws_credentials_expired",
  says: "was refused: the AWS credentials have expired",
  hint: "Log in again, for example with `aws sso login`, and repeat the command.",
};

export const CREDENTIALS_INVALID: AwsFailure = {
  kind: "unauthenticated",
  code: "aws_credentials_invalid",
  says: "was refused: AWS does not accept these credentials",
  hint: "Check which profile or access key is in use, and that this machine's clock is right.",
};

export const ACCESS_DENIED: AwsFailure = {
  kind: "forbidden",
  code: "aws_access_denied",
  says: "was refused: the AWS identity in use lacks that right",
  hint: "Grant the right named in the message, and for SecureString under a key of your own kms:Encrypt and kms:Decrypt on it.",
};

export const KEY_UNUSABLE: AwsFailure = {
  kind: "unavailable",
  code: "kms_key_unusable",
  says: "failed: the KMS key cannot be used",
  hint: "Check that the key exists in this account and region and is enabled: `aws kms describe-key --key-id KEY`.",
};

export const THROTTLED: AwsFailure = {
  kind: "unavailable",
  code: "aws_throttled",
  says: "was throttled by AWS in every attempt",
  hint: "Wait a minute and repeat the command; other callers of this account share its Parameter Store quota.",
};

export const TIMED_OUT: AwsFailure = {
  kind: "unavailable",
  code: "aws_timeout",
  says: "got no answer from AWS in time",
  hint: "Check the network, a proxy, and the endpoint and region in use, then repeat the command.",
};

export const UNREACHABLE: AwsFailure = {
  kind: "unavailable",
  code: "aws_unreachable",
  says: "could not reach AWS",
  hint: "Check the network, a proxy, and the endpoint and region in use, then repeat the command.",
};

export const FAILING: AwsFailure = {
  kind: "unavailable",
  code: "aws_failing",
  says: "failed inside AWS in every attempt",
  hint: "Repeat the command; if it stays so, look at the AWS Health Dashboard.",
};

export const UNREADABLE_ANSWER: AwsFailure = {
  kind: "unavailable",
  code: "aws_answer_unreadable",
  says: "got an answer that is not AWS's",
  hint: "Check the endpoint in use, and what stands between this machine and AWS; --debug shows the cause.",
};

export const LIMIT_REACHED: AwsFailure = {
  kind: "invalid",
  code: "aws_limit_reached",
  says: "was refused: a limit of this AWS account is reached",
  hint: "Remove parameters that are no longer needed, or raise the account's quota.",
};

export const REQUEST_INVALID: AwsFailure = {
  kind: "invalid",
  code: "aws_request_invalid",
  says: "was refused by AWS as invalid",
  hint: "Check the store's path, KMS key, account and region in the configuration; --debug shows what AWS said.",
};

/** By the error's name, which SDK and service keep stable; names of both protocols, with and without `Exception`. */
export const FAILURE_BY_NAME: ReadonlyMap<string, AwsFailure> = new Map(
  (
    [
      [
        CREDENTIALS_MISSING,
        [
          "CredentialsProviderError",
          "TokenProviderError",
          "MissingAuthenticationToken",
          "MissingAuthenticationTokenException",
        ],
      ],
      [CREDENTIALS_EXPIRED, ["ExpiredToken", "ExpiredTokenException", "RequestExpired"]],
      [
        CREDENTIALS_INVALID,
        [
          "UnrecognizedClientException",
          "InvalidClientTokenId",
          "InvalidSignatureException",
          "SignatureDoesNotMatch",
          "IncompleteSignature",
          "IncompleteSignatureException",
          "InvalidAccessKeyId",
          "InvalidToken",
          "AuthFailure",
          "RequestTimeTooSkewed",
          "RequestInTheFuture",
          "UnauthorizedException",
          "InvalidGrantException",
          "InvalidIdentityToken",
          "InvalidIdentityTokenException",
          "IDPRejectedClaim",
          "IDPRejectedClaimException",
        ],
      ],
      [
        ACCESS_DENIED,
        [
          "AccessDenied",
          "AccessDeniedException",
          "KMSAccessDeniedException",
          "NotAuthorized",
          "OptInRequired",
          "UnauthorizedOperation",
          "RegionDisabledException",
        ],
      ],
      [KEY_UNUSABLE, ["InvalidKeyId", "DisabledException", "KeyUnavailableException", "IncorrectKeyException"]],
      [
        THROTTLED,
        [
          "Throttling",
          "ThrottlingException",
          "ThrottledException",
          "KMSThrottlingException",
          "RequestLimitExceeded",
          "RequestThrottled",
          "RequestThrottledException",
          "SlowDown",
          "TooManyRequestsException",
          "TooManyUpdates",
        ],
      ],
      [TIMED_OUT, ["TimeoutError", "RequestTimeout", "RequestTimeoutException"]],
      [LIMIT_REACHED, ["ParameterLimitExceeded", "LimitExceededException", "ServiceQuotaExceededException"]],
    ] as const
  ).flatMap(([failure, names]) => names.map((name) => [name, failure] as const)),
);

/** Codes that Node gives where no HTTP answer came: sockets and name lookup, then TLS and HTTP parsing by prefix. */
export const NETWORK_CODES: ReadonlySet<string> = new Set([
  "EADDRNOTAVAIL",
  "EAI_AGAIN",
  "EAI_FAIL",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "EPROTO",
]);
export const NETWORK_CODE_PREFIXES = /^(?:CERT_|DEPTH_ZERO_|ERR_SSL_|ERR_TLS_|HPE_|SELF_SIGNED_|UNABLE_TO_)/;
