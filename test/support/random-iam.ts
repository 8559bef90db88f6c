import type { RequestContext } from "../../src/lib/flow/iam/conditions.ts";
import type { IamFacts } from "../../src/lib/flow/iam/iam-facts.ts";
import { ACCOUNT, control, details, factsOf, managed, role } from "./iam-facts.ts";
import { seededNumbers } from "./seeded.ts";

type Json = Readonly<Record<string, unknown>>;

/** A request, and everything that AWS would know of it. */
export interface KnownRequest {
  readonly action: string;
  readonly resource: string;
  /** By the key as AWS writes it; a key that is not here is not in the request. */
  readonly context: Readonly<Record<string, readonly string[]>>;
}

/** Policies of every kind, and a request to ask them about. */
export interface RandomCase {
  readonly inline: readonly Json[];
  readonly boundary: Json | null;
  readonly controls: readonly Json[];
  readonly request: KnownRequest;
}

const REQUESTS = [
  ["ec2:DescribeInstances", "*"],
  ["ec2:TerminateInstances", "arn:aws:ec2:eu-central-1:111122223333:instance/i-1"],
  ["s3:GetObject", "arn:aws:s3:::data/team/a/report"],
  ["s3:ListBucket", "arn:aws:s3:::data"],
  ["ssm:GetParameter", "arn:aws:ssm:eu-central-1:111122223333:parameter/mcp/key"],
  ["sqs:SendMessage", "arn:aws:sqs:eu-central-1:111122223333:orders"],
  ["iam:PassRole", "arn:aws:iam::111122223333:role/team/a"],
] as const;
const ACTIONS = [
  "*",
  "ec2:*",
  "ec2:Describe*",
  "EC2:terminateinstances",
  "s3:Get*",
  "s3:*",
  "s3:?etObject",
  "ssm:GetParameter",
  "sqs:Send*",
  "iam:*",
  "iam:PassRole",
  "lambda:*",
];
const RESOURCES = [
  "*",
  "arn:aws:ec2:*:*:instance/*",
  "arn:aws:ec2:eu-central-1:111122223333:instance/i-1",
  "arn:aws:s3:::data",
  "arn:aws:s3:::data/*",
  "arn:aws:s3:::data/${aws:PrincipalTag/team}/*",
  "arn:aws:s3:::*/team/?/report",
  "arn:aws:ssm:eu-*:111122223333:parameter/mcp/*",
  "arn:aws:sqs:*:${aws:PrincipalAccount}:orders",
  "arn:aws:iam::*:role/team/*",
];

/** For each key, values that a request has, and lines of conditions on it. */
const KEYS: Readonly<Record<string, readonly (readonly [string, readonly string[]])[]>> = {
  "aws:SourceIp": [
    ["IpAddress", ["10.0.0.0/8"]],
    ["NotIpAddress", ["10.0.0.0/8", "192.168.0.0/16"]],
    ["IpAddressIfExists", ["192.168.0.0/16"]],
  ],
  "aws:RequestedRegion": [
    ["StringEquals", ["eu-central-1"]],
    ["StringNotEquals", ["eu-central-1", "eu-west-1"]],
    ["StringLike", ["eu-*"]],
    ["StringNotLikeIfExists", ["us-*"]],
    ["Null", ["true"]],
  ],
  "aws:PrincipalTag/team": [
    ["StringEquals", ["team"]],
    ["StringEqualsIgnoreCase", ["TEAM"]],
    ["StringNotEquals", ["other"]],
    ["StringEqualsIfExists", ["${aws:PrincipalTag/team}"]],
    ["Null", ["false"]],
  ],
  "aws:MultiFactorAuthAge": [
    ["NumericLessThan", ["3600"]],
    ["NumericGreaterThanEqualsIfExists", ["3600"]],
    ["NumericNotEquals", ["60"]],
  ],
  "aws:CurrentTime": [
    ["DateGreaterThan", ["2026-01-01T00:00:00Z"]],
    ["DateLessThanEquals", ["2026-01-01T00:00:00Z"]],
  ],
  "aws:SecureTransport": [
    ["Bool", ["false"]],
    ["Bool", ["true"]],
    ["BoolIfExists", ["true"]],
  ],
  "aws:PrincipalOrgPaths": [
    ["ForAnyValue:StringLike", ["o-1/r-1/ou-1/*"]],
    ["ForAllValues:StringLike", ["o-1/*", "o-2/*"]],
    ["ForAnyValue:StringNotEquals", ["o-1/r-1/ou-1/"]],
  ],
  "aws:SourceArn": [
    ["ArnLike", ["arn:aws:sns:*:111122223333:*"]],
    ["ArnNotEquals", ["arn:aws:sns:eu-central-1:111122223333:t"]],
  ],
};
const VALUES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "aws:SourceIp": [["10.1.2.3"], ["192.168.1.1"]],
  "aws:RequestedRegion": [["eu-central-1"], ["us-east-1"]],
  "aws:PrincipalTag/team": [["team"], ["other"]],
  "aws:MultiFactorAuthAge": [["60"], ["7200"]],
  "aws:CurrentTime": [["2026-11-20T10:00:00Z"], ["2025-01-01T00:00:00Z"]],
  "aws:SecureTransport": [["true"], ["false"]],
  "aws:PrincipalOrgPaths": [["o-1/r-1/ou-1/"], ["o-1/r-1/ou-1/", "o-2/r-2/"], ["o-3/x/"]],
  "aws:SourceArn": [["arn:aws:sns:eu-central-1:111122223333:t"], ["arn:aws:sns:eu-central-1:999999999999:t"]],
};

/** Policies and a request made up from the seed, in most of what the language of policies has. */
export function randomCase(seed: number): RandomCase {
  const below = seededNumbers(seed);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const some = <T>(from: readonly T[], most: number): readonly T[] =>
    Array.from({ length: 1 + below(most) }, () => pick(from));
  const condition = (): Json => {
    const key = pick(Object.keys(KEYS));
    const [operator, values] = pick(KEYS[key] ?? []);
    return {
      [operator]: {
        [below(3) === 0 ? key.toLowerCase() : key]: values.length === 1 && below(2) === 0 ? values[0] : values,
      },
    };
  };
  const statement = (denies: number): Json => ({
    Effect: below(10) < denies ? "Deny" : "Allow",
    [below(6) === 0 ? "NotAction" : "Action"]: some(ACTIONS, 3),
    [below(8) === 0 ? "NotResource" : "Resource"]: some(RESOURCES, 3),
    ...(below(2) === 0 ? {} : { Condition: below(4) === 0 ? { ...condition(), ...condition() } : condition() }),
  });
  const policy = (most: number, denies: number): Json => ({
    Version: below(8) === 0 ? "2008-10-17" : "2012-10-17",
    Statement: Array.from({ length: 1 + below(most) }, () => statement(denies)),
  });
  const [action, resource] = pick(REQUESTS);
  const context = Object.entries(VALUES).flatMap(([key, values]) =>
    below(3) === 0 ? [] : [[key, pick(values)] as const],
  );
  return {
    inline: Array.from({ length: below(3) + 1 }, () => policy(4, 2)),
    boundary: below(3) === 0 ? policy(3, 1) : null,
    controls: below(3) === 0 ? [policy(2, 3)] : [],
    request: { action, resource, context: { ...Object.fromEntries(context), "aws:PrincipalAccount": [ACCOUNT] } },
  };
}

const BOUNDARY = "arn:aws:iam::111122223333:policy/limit";

/** The files that tell of the policies of a case. */
export function filesOfCase({ inline, boundary, controls }: RandomCase): readonly Json[] {
  const parts = { inline: Object.fromEntries(inline.map((each, index) => [`p${index}`, each])) };
  const one = role(boundary === null ? parts : { ...parts, boundary: BOUNDARY });
  const limits = boundary === null ? [] : [managed(BOUNDARY, boundary)];
  return [details([one], limits), ...controls.map((each, index) => control(`c${index}`, each))];
}

export function factsOfCase(random: RandomCase, isComplete: boolean): IamFacts {
  return factsOf(filesOfCase(random), isComplete);
}

/** What is known of the request of a case: all keys that it has, and that it has no others, as far as they are `told`. */
export function contextOfCase({ request }: RandomCase, told: (key: string) => boolean): RequestContext {
  const values = new Map(Object.entries(request.context).map(([key, found]) => [key.toLowerCase(), found]));
  return { valuesOf: (key) => (told(key) ? (values.get(key) ?? "absent") : "unknown") };
}
