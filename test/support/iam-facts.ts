import { readDocuments } from "../../src/lib/flow/document.ts";
import { readIamFacts, type IamFacts } from "../../src/lib/flow/iam/iam-facts.ts";
import type { AwsRequest } from "../../src/lib/flow/requests.ts";
import { parseTemplate } from "../../src/lib/flow/template.ts";

export const ACCOUNT = "111122223333";
export const ROLE = "arn:aws:iam::111122223333:role/mcp-aws-ro";

type Json = Readonly<Record<string, unknown>>;

/** A statement that allows `ec2:Describe*` on everything, with these elements instead; undefined ones are left out. */
export function statement(elements: Json = {}): Json {
  const whole = { Effect: "Allow", Action: "ec2:Describe*", Resource: "*", ...elements };
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined));
}

export function policy(...statements: readonly Json[]): Json {
  return { Version: "2012-10-17", Statement: statements };
}

export interface RoleParts {
  readonly inline?: Readonly<Record<string, unknown>>;
  readonly attached?: readonly string[];
  readonly boundary?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly trust?: unknown;
  readonly arn?: string;
}

/** A role as `aws iam get-account-authorization-details` prints it. */
export function role({
  inline = {},
  attached = [],
  boundary,
  tags,
  trust = policy(),
  arn = ROLE,
}: RoleParts = {}): Json {
  return {
    Path: "/",
    RoleName: arn.slice(arn.lastIndexOf("/") + 1),
    Arn: arn,
    AssumeRolePolicyDocument: trust,
    RolePolicyList: Object.entries(inline).map(([PolicyName, PolicyDocument]) => ({ PolicyName, PolicyDocument })),
    AttachedManagedPolicies: attached.map((PolicyArn) => ({ PolicyName: PolicyArn.slice(-5), PolicyArn })),
    ...(boundary === undefined
      ? {}
      : { PermissionsBoundary: { PermissionsBoundaryType: "Policy", PermissionsBoundaryArn: boundary } }),
    ...(tags === undefined ? {} : { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }),
  };
}

export function managed(arn: string, Document: unknown): Json {
  return {
    PolicyName: arn.slice(arn.lastIndexOf("/") + 1),
    Arn: arn,
    DefaultVersionId: "v2",
    PolicyVersionList: [
      { VersionId: "v1", IsDefaultVersion: false, Document: policy(statement({ Action: "*" })) },
      { VersionId: "v2", IsDefaultVersion: true, Document },
    ],
  };
}

export function details(roles: readonly Json[], policies: readonly Json[] = [], more: Json = {}): Json {
  return { UserDetailList: [], GroupDetailList: [], RoleDetailList: roles, Policies: policies, ...more };
}

/** A service control policy as `aws organizations describe-policy` prints it. */
export function control(Name: string, document: unknown): Json {
  return {
    Policy: { PolicySummary: { Id: "p-1", Name, Type: "SERVICE_CONTROL_POLICY" }, Content: JSON.stringify(document) },
  };
}

/** The facts of files with these values, `f0.json` and so on. @throws when one cannot be read */
export function factsOf(values: readonly unknown[], isComplete = false): IamFacts {
  const documents = values.flatMap((value, index) => {
    const reading = readDocuments(`f${index}.json`, Buffer.from(JSON.stringify(value)));
    if (reading.findings[0] !== undefined) throw new Error(reading.findings[0].message);
    return reading.documents;
  });
  return readIamFacts(documents, { isComplete });
}

export function awsRequest(action: string, resource = "*"): AwsRequest {
  return { action, resource: parseTemplate(resource) };
}
