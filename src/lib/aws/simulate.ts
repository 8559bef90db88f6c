import { type EvaluationResult, SimulatePrincipalPolicyCommand } from "@aws-sdk/client-iam";
import { accountOf } from "../flow/iam/iam-facts.ts";
import { resourceDoubt } from "../flow/iam/judge-iam.ts";
import { holesOf, textOf } from "../flow/template.ts";
import type { AwsRequest, AwsVerdict } from "../flow/requests.ts";
import { showAwsRequest } from "../flow/tool-need.ts";
import { unknownVerdict, type Verdict } from "../flow/verdict.ts";
import { ACCESS_DENIED } from "./error-table.ts";
import { AppError } from "../errors.ts";
import type { IamSession } from "./iam-session.ts";
import { simulationVerdict } from "./simulation-verdict.ts";
import { errorName, unreadableAnswer } from "./to-app-error.ts";

const ACTION = "iam:SimulatePrincipalPolicy";
/** Actions of one call; the answer has pages besides. */
const MAX_ACTIONS = 100;
/** More pages than any answer for so many actions has. */
const MAX_PAGES = 100;

/** What AWS answers of several actions on one resource: by action in lower case; or why there is no answer. */
type Simulated = ReadonlyMap<string, EvaluationResult> | Verdict;

/**
 * What does AWS itself say of these requests? One call for each resource. A request that is not wholly known is not
 * asked, for AWS would answer about its letters.
 * @throws AppError for a failure that is no answer
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
 */
export async function simulate(
  session: IamSession,
  roleArn: string,
  requests: readonly AwsRequest[],
): Promise<readonly AwsVerdict[]> {
  const elsewhere = await otherAccount(session, roleArn);
  if (elsewhere !== null) return requests.map(() => ({ ...elsewhere, boundary: null }));
  const asked = Map.groupBy(requests.filter(isAskable), ({ resource }) => textOf(resource) as string);
  const answers = new Map<string, Simulated>();
  for (const [resource, group] of asked) answers.set(resource, await askAll(session, { roleArn, resource, group }));
  return requests.map((request) => {
    if (!isAskable(request)) return { ...notAskable(request), boundary: null };
    const answer = answers.get(textOf(request.resource) as string) as Simulated;
    if ("outcome" in answer) return { ...answer, boundary: null };
    const verdict = simulationVerdict(request, answer.get(request.action.toLowerCase()) ?? null);
    const doubt = verdict.outcome === "allow" ? resourceDoubt(request, accountOf(roleArn) ?? "") : null;
    return doubt === null ? verdict : { ...doubt, source: "live", boundary: verdict.boundary };
  });
}

function isAskable({ action, resource }: AwsRequest): boolean {
  const text = textOf(resource);
  return !/[*?]/.test(action) && text !== null && (text === "*" || !/[*?]/.test(text));
}

function notAskable(request: AwsRequest): Verdict {
  const holes = holesOf(request.resource).map((hole) => `the argument ${hole}`);
  const missing = holes.length > 0 ? holes : [`which actions and resources ${showAwsRequest(request)} means`];
  return unknownVerdict("argument_unknown", `AWS is asked of single actions and resources alone`, missing);
}

/** AWS simulates roles of the caller's own account. Null where the role is one. */
export async function otherAccount(session: IamSession, roleArn: string): Promise<Verdict | null> {
  await session.verify();
  const { account = "" } = session.known();
  if (accountOf(roleArn) === account) return null;
  const text = `role ${roleArn} is not of account ${account}, which the AWS credentials in use are of`;
  return unknownVerdict("other_account", text, [`AWS credentials of the role's account`]);
}

interface Group {
  readonly roleArn: string;
  readonly resource: string;
  readonly group: readonly AwsRequest[];
}

async function askAll(session: IamSession, { roleArn, resource, group }: Group): Promise<Simulated> {
  const actions = [...new Set(group.map(({ action }) => action))];
  const found = new Map<string, EvaluationResult>();
  for (let from = 0; from < actions.length; from += MAX_ACTIONS) {
    const some = actions.slice(from, from + MAX_ACTIONS);
    const results = await askSome(session, { roleArn, resource, actions: some });
    if ("outcome" in results) return results;
    for (const result of results) found.set((result.EvalActionName ?? "").toLowerCase(), result);
  }
  return found;
}

interface Call {
  readonly roleArn: string;
  readonly resource: string;
  readonly actions: readonly string[];
}

async function askSome(session: IamSession, call: Call): Promise<readonly EvaluationResult[] | Verdict> {
  const asked = { action: ACTION, resource: call.roleArn };
  try {
    return await session.run(asked, async (iam, signal) => {
      const results: EvaluationResult[] = [];
      let Marker: string | undefined;
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const answer = await iam.send(commandOf(call, Marker), { ...(signal && { abortSignal: signal }) });
        // The SDK takes a page that is not AWS's for an answer without anything in it.
        if (answer.EvaluationResults === undefined) throw unreadableAnswer(asked, "is no answer of AWS");
        results.push(...answer.EvaluationResults);
        Marker = answer.IsTruncated === true ? answer.Marker : undefined;
        if (Marker === undefined) return results;
      }
      throw unreadableAnswer(asked, "has no end of pages");
    });
  } catch (error) {
    return unanswered(error, call.roleArn, ACTION);
  }
}

function commandOf({ roleArn, resource, actions }: Call, Marker: string | undefined): SimulatePrincipalPolicyCommand {
  return new SimulatePrincipalPolicyCommand({
    PolicySourceArn: roleArn,
    ActionNames: [...actions],
    ResourceArns: [resource],
    ...(Marker !== undefined && { Marker }),
  });
}

/** An answer of a kind: a role that is not there, and a right that the caller lacks. @throws AppError for other failures */
export function unanswered(error: unknown, roleArn: string, action: string): Verdict {
  if (errorName((error as Error).cause) === "NoSuchEntityException")
    return {
      outcome: "deny",
      reason: "role_absent",
      text: `AWS has no role ${roleArn}`,
      place: null,
      source: "live",
      missing: [],
    };
  if (error instanceof AppError && error.code === ACCESS_DENIED.code)
    return unknownVerdict("not_authorized", `the AWS identity in use may not ask ${action}`, [
      `${action} on ${roleArn}`,
    ]);
  throw error;
}
