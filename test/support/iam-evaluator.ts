import type { PolicyDocument, PolicyStatement } from "../../src/lib/aws/key-policies.ts";
import type { Answer, RecordedCall } from "./fault-proxy.ts";
import { refuse } from "./faults.ts";

/** One request as IAM sees it. */
export interface IamRequest {
  readonly action: string;
  readonly resource: string;
  /** Condition keys of the request; a key that is absent matches no operator but the negated ones. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

/**
 * May this be done with these identity policies alone? An explicit deny wins, and what no statement allows is denied.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 * @throws Error on an element or operator that it does not know
 */
export function isAllowed(policies: readonly PolicyDocument[], request: IamRequest): boolean {
  const applying = policies.flatMap(({ Statement }) => Statement).filter((statement) => applies(statement, request));
  if (applying.some(({ Effect }) => Effect === "Deny")) return false;
  return applying.length > 0;
}

const KNOWN = new Set(["Sid", "Effect", "Action", "Resource", "Condition"]);

function applies(statement: PolicyStatement, { action, resource, context = {} }: IamRequest): boolean {
  for (const element of Object.keys(statement))
    if (!KNOWN.has(element)) throw new Error(`this evaluator does not know ${element}`);
  if (!statement.Action.some((pattern) => matches(pattern.toLowerCase(), action.toLowerCase()))) return false;
  if (!statement.Resource.some((pattern) => matches(pattern, resource))) return false;
  return Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => holds(operator, context[key], wanted)),
  );
}

function holds(operator: string, found: string | readonly string[] | undefined, wanted: readonly string[]): boolean {
  const values = found === undefined ? [] : [found].flat();
  switch (operator) {
    case "StringEquals":
      return values.some((value) => wanted.includes(value));
    case "StringLike":
      return values.some((value) => wanted.some((pattern) => matches(pattern, value)));
    case "ForAnyValue:StringEquals":
      return values.some((value) => wanted.includes(value));
    // Negated: true where the key is absent.
    case "ArnNotLike":
      return !values.some((value) => wanted.some((pattern) => matches(pattern, value)));
    default:
      throw new Error(`this evaluator does not know the operator ${operator}`);
  }
}

/** `*` stands for any text, also across slashes, and `?` for one character. */
function matches(pattern: string, text: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`, "s").test(text);
}

/** What a guard before a server answers to whoever has these policies: a refusal, or null to let the call through. */
export function guardBy(policies: readonly PolicyDocument[], region: string, account: string) {
  return async (call: RecordedCall): Promise<Answer | null> => {
    const denied = requestsOf(call, region, account).some((request) => !isAllowed(policies, request));
    return denied ? ((await refuse("AccessDeniedException")(call, () => Promise.reject(new Error()))) as Answer) : null;
  };
}

/** Each parameter that a call is about is judged by itself. */
function requestsOf({ action, service, body }: RecordedCall, region: string, account: string): readonly IamRequest[] {
  // GetCallerIdentity needs no right.
  if (service === "sts") return [];
  const arn = (name: unknown): string => `arn:aws:ssm:${region}:${account}:parameter${String(name)}`;
  if (action === "DescribeParameters") return [{ action: `ssm:${action}`, resource: "*" }];
  const names = [body["Names"] ?? body["Name"] ?? body["Path"]].flat();
  const context = {
    "ssm:Overwrite": String(body["Overwrite"] === true),
    ...(body["Policies"] === undefined ? {} : { "ssm:Policies": "true" }),
  };
  return names.map((name) => ({ action: `ssm:${action}`, resource: arn(name), context }));
}
