import {
  DescribeParametersCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  type Parameter,
  type ParameterMetadata,
  PutParameterCommand,
} from "@aws-sdk/client-ssm";
import type { AwsSession } from "../aws/session.ts";
import { type AwsCall, errorName } from "../aws/to-app-error.ts";
import { AppError } from "../errors.ts";

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

export interface NewParameter {
  readonly name: string;
  readonly value: string;
  readonly description: string;
  readonly kmsKeyId: string | undefined;
}

/** Creates a SecureString and never changes one; `busy` when AWS was just changing it for somebody else. */
export async function putParameter(session: AwsSession, made: NewParameter): Promise<"created" | "exists" | "busy"> {
  const command = new PutParameterCommand({
    Name: made.name,
    Value: made.value,
    Description: made.description,
    Type: "SecureString",
    Overwrite: false,
    ...(made.kmsKeyId === undefined ? {} : { KeyId: made.kmsKeyId }),
  });
  return session.run({ action: "ssm:PutParameter", resource: made.name }, async (ssm, signal) => {
    try {
      await ssm.send(command, withSignal(signal));
      return "created";
    } catch (error) {
      if (errorName(error) === "ParameterAlreadyExists") return "exists";
      if (errorName(error) === "TooManyUpdates") return "busy";
      throw error;
    }
  });
}

/** The parameter, decrypted, or null. */
export async function getParameter(session: AwsSession, name: string): Promise<Parameter | null> {
  const command = new GetParameterCommand({ Name: name, WithDecryption: true });
  return session.run({ action: "ssm:GetParameter", resource: name }, async (ssm, signal) => {
    try {
      return (await ssm.send(command, withSignal(signal))).Parameter ?? null;
    } catch (error) {
      if (errorName(error) === "ParameterNotFound") return null;
      throw error;
    }
  });
}

/** Every parameter below the path, decrypted, ten a page (AWS's most). */
export async function getParametersBelow(session: AwsSession, path: string): Promise<readonly Parameter[]> {
  const call = { action: "ssm:GetParametersByPath", resource: path };
  return everyPage(call, (token) =>
    session.run(call, async (ssm, signal) => {
      const input = { Path: path, Recursive: true, WithDecryption: true, MaxResults: 10, ...nextToken(token) };
      const answer = await ssm.send(new GetParametersByPathCommand(input), withSignal(signal));
      return { items: answer.Parameters ?? [], next: answer.NextToken };
    }),
  );
}

/** The metadata, without values, of every parameter below the path, fifty a page (AWS's most). */
export async function describeParametersBelow(
  session: AwsSession,
  path: string,
): Promise<readonly ParameterMetadata[]> {
  // IAM knows no narrower resource for this action.
  const call = { action: "ssm:DescribeParameters", resource: "*" };
  const below = { ParameterFilters: [{ Key: "Path", Option: "Recursive", Values: [path] }], MaxResults: 50 };
  return everyPage(call, (token) =>
    session.run(call, async (ssm, signal) => {
      const answer = await ssm.send(
        new DescribeParametersCommand({ ...below, ...nextToken(token) }),
        withSignal(signal),
      );
      return { items: answer.Parameters ?? [], next: answer.NextToken };
    }),
  );
}

/** Follows the token, never the count: AWS may answer an empty page in the middle. */
async function everyPage<T>(
  call: AwsCall,
  fetch: (token: string | undefined) => Promise<Page<T>>,
): Promise<readonly T[]> {
  const items: T[] = [];
  const seen = new Set<string>();
  let token: string | undefined;
  do {
    const page = await fetch(token);
    items.push(...page.items);
    token = page.next || undefined;
    if (token !== undefined && seen.has(token)) {
      throw new AppError(
        "unavailable",
        "aws_answer_unreadable",
        `${call.action} on ${call.resource} repeats a page for ever.`,
      );
    }
    if (token !== undefined) seen.add(token);
  } while (token !== undefined);
  return items;
}

function nextToken(token: string | undefined): { readonly NextToken?: string } {
  return token === undefined ? {} : { NextToken: token };
}

function withSignal(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
