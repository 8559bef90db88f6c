import {
  DeleteParametersCommand,
  DescribeParametersCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  type Parameter,
  type ParameterMetadata,
  PutParameterCommand,
} from "@aws-sdk/client-ssm";
import type { SsmSession } from "../aws/ssm-session.ts";
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
export async function putParameter(session: SsmSession, made: NewParameter): Promise<"created" | "exists" | "busy"> {
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

/** Those of these parameters that there are, decrypted, ten a call (AWS's most); in no order. */
export async function getParameters(session: SsmSession, names: readonly string[]): Promise<readonly Parameter[]> {
  return inTens(names, async (ten) =>
    session.run({ action: "ssm:GetParameters", resource: resourceOf(ten) }, async (ssm, signal) => {
      const command = new GetParametersCommand({ Names: [...ten], WithDecryption: true });
      return (await ssm.send(command, withSignal(signal))).Parameters ?? [];
    }),
  );
}

/** Deletes them, ten a call (AWS's most); one that is not there is deleted. */
export async function deleteParameters(session: SsmSession, names: readonly string[]): Promise<void> {
  await inTens(names, async (ten) =>
    session.run({ action: "ssm:DeleteParameters", resource: resourceOf(ten) }, async (ssm, signal) => {
      await ssm.send(new DeleteParametersCommand({ Names: [...ten] }), withSignal(signal));
      return [];
    }),
  );
}

/** Every parameter below the path, decrypted, ten a page (AWS's most), each page given to `read` as it comes. */
export async function getParametersBelow<T>(
  session: SsmSession,
  path: string,
  read: (page: readonly Parameter[]) => readonly T[],
  isDecrypted = true,
): Promise<readonly T[]> {
  const call = { action: "ssm:GetParametersByPath", resource: path };
  return everyPage(call, (token) =>
    session.run(call, async (ssm, signal) => {
      const input = { Path: path, Recursive: true, WithDecryption: isDecrypted, MaxResults: 10, ...nextToken(token) };
      const answer = await ssm.send(new GetParametersByPathCommand(input), withSignal(signal));
      return { items: read(answer.Parameters ?? []), next: answer.NextToken };
    }),
  );
}

/** Which parameters to describe: all below a path, or these, of which AWS takes 50 a call. */
export type Described = { readonly path: string } | { readonly names: readonly string[] };

/** The metadata, without values, of parameters, fifty a page (AWS's most), each page given to `read` as it comes. */
export async function describeParameters<T>(
  session: SsmSession,
  described: Described,
  read: (page: readonly ParameterMetadata[]) => readonly T[],
): Promise<readonly T[]> {
  // IAM knows no narrower resource for this action.
  const call = { action: "ssm:DescribeParameters", resource: "*" };
  const filter =
    "path" in described
      ? { Key: "Path", Option: "Recursive", Values: [described.path] }
      : { Key: "Name", Option: "Equals", Values: [...described.names] };
  return everyPage(call, (token) =>
    session.run(call, async (ssm, signal) => {
      const command = new DescribeParametersCommand({
        ParameterFilters: [filter],
        MaxResults: 50,
        ...nextToken(token),
      });
      const answer = await ssm.send(command, withSignal(signal));
      return { items: read(answer.Parameters ?? []), next: answer.NextToken };
    }),
  );
}

/** What to name a call by that is about several parameters: IAM's refusal is about one of them. */
function resourceOf(names: readonly string[]): string {
  return names.length === 1 ? (names[0] as string) : `${names[0]} and ${names.length - 1} more`;
}

async function inTens<T>(
  names: readonly string[],
  work: (ten: readonly string[]) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const results: T[] = [];
  for (let at = 0; at < names.length; at += 10) results.push(...(await work(names.slice(at, at + 10))));
  return results;
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
