import type { PolicyDocument, PolicyStatement } from "../../src/lib/aws/key-policies.ts";

/** One question to IAM. A call that touches several parameters asks several, and each must be allowed. */
export interface IamRequest {
  readonly action: string;
  readonly resource: string;
  /** Condition keys of the request; a list for keys of many values. A key that is not here is missing. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

export type IamAnswer = "allowed" | "denied" | "not allowed";

type Operator = (wanted: string, found: string) => boolean;

const ELEMENTS = new Set(["Sid", "Effect", "Action", "Resource", "Condition"]);
const OPERATORS: Readonly<Record<string, Operator>> = {
  StringEquals: (wanted, found) => wanted === found,
  StringLike: matches,
  ArnLike: matches,
  Bool: (wanted, found) => wanted.toLowerCase() === found.toLowerCase(),
};

/**
 * What do these policies, attached to one identity, answer? `denied` by a Deny, `not allowed` by nobody's Allow.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 * @throws Error on what it does not know of the language, whether or not it would have decided
 */
export function evaluateIam(policies: readonly PolicyDocument[], request: IamRequest): IamAnswer {
  const statements = policies.flatMap(({ Statement }) => Statement);
  const effects = statements.filter((statement) => applies(statement, request)).map(({ Effect }) => Effect);
  if (effects.includes("Deny")) return "denied";
  return effects.includes("Allow") ? "allowed" : "not allowed";
}

function applies(statement: PolicyStatement, { action, resource, context = {} }: IamRequest): boolean {
  requireKnown(statement);
  // All of them, so that an unknown operator throws wherever it stands.
  const conditions = Object.entries(statement.Condition ?? {}).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, wanted]) => holds(operator, wanted, valuesOf(context, key))),
  );
  return (
    statement.Action.some((pattern) => matches(pattern.toLowerCase(), action.toLowerCase())) &&
    statement.Resource.some((pattern) => matches(pattern, resource)) &&
    conditions.every(Boolean)
  );
}

function requireKnown(statement: PolicyStatement): void {
  const unknown = Object.keys(statement).find((name) => !ELEMENTS.has(name));
  if (unknown !== undefined) throw new Error(`this evaluator does not know ${unknown}`);
  if (JSON.stringify(statement).includes("${")) throw new Error("this evaluator does not know policy variables");
}

/** Condition keys have no case. */
function valuesOf(context: Readonly<Record<string, string | readonly string[]>>, key: string) {
  const found = Object.entries(context).find(([name]) => name.toLowerCase() === key.toLowerCase());
  return found === undefined ? null : [found[1]].flat();
}

function holds(name: string, wanted: readonly string[], found: readonly string[] | null): boolean {
  if (name === "Null") return wanted.includes(String(found === null));
  // Negated: true where the key is missing.
  if (name === "ArnNotLike") return !holds("ArnLike", wanted, found);
  const [, anyValue, plain = "", ifExists] = /^(ForAnyValue:)?(.*?)(IfExists)?$/.exec(name) ?? [];
  const operator = Object.hasOwn(OPERATORS, plain) ? OPERATORS[plain] : undefined;
  if (operator === undefined) throw new Error(`this evaluator does not know the operator ${name}`);
  if (found === null) return ifExists !== undefined;
  if (anyValue === undefined && found.length !== 1) throw new Error(`${name} meets a key of ${found.length} values`);
  return found.some((value) => wanted.some((pattern) => operator(pattern, value)));
}

/** `*` stands for any text, also across slashes, and `?` for one character. */
function matches(pattern: string, text: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`, "s").test(text);
}
