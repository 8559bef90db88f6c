import type { Match } from "../template.ts";
import { allOf, anyOf, negated } from "./match-name.ts";
import { OPERATORS, type Operator } from "./operators.ts";
import type { Condition } from "./policy.ts";
import { hasVariables, lower, partsOf } from "./policy-variables.ts";

/** The values of a key of the request; `unknown` where nobody can tell before the request is made. */
export type KeyValues = readonly string[] | "absent" | "unknown";

/** What is known of a request beside action and resource; names of keys are asked in lower case. */
export interface RequestContext {
  valuesOf(key: string): KeyValues;
}

/** Nothing is known. */
export const NO_CONTEXT: RequestContext = { valuesOf: () => "unknown" };

const OPERATOR_NAME = /^(ForAllValues:|ForAnyValue:)?([A-Za-z]+?)(IfExists)?$/;

/**
 * Is this condition met? A key that nobody knows makes it `maybe`, and so does whatever AWS has not documented.
 * `areVariables`: `${...}` in its values means a value of the request.
 */
export function matchCondition(condition: Condition, context: RequestContext, areVariables: boolean): Match {
  const found = context.valuesOf(condition.name);
  if (found === "unknown" || condition.values.length === 0) return "maybe";
  if (condition.operator === "Null") return matchNull(condition.values, found);
  const [, set, name = "", ifExists] = OPERATOR_NAME.exec(condition.operator) ?? [];
  const operator = OPERATORS.get(name);
  if (operator === undefined) return "maybe";
  const isIfExists = ifExists !== undefined;
  if (found === "absent") return matchAbsent(operator, set, isIfExists);
  const matches = found.map((value) => matchValue(operator, condition.values, value, { context, areVariables }));
  if (set === "ForAllValues:") return allOf(matches);
  if (set === "ForAnyValue:") return anyOf(matches);
  // AWS says of many values under an operator for one only that they should not be.
  return matches.length === 1 ? (matches[0] as Match) : "maybe";
}

function matchNull(wanted: readonly string[], found: KeyValues): Match {
  const matches = wanted.map((text): Match => {
    if (lower(text) !== "true" && lower(text) !== "false") return "maybe";
    return (lower(text) === "true") === (found === "absent") ? "yes" : "no";
  });
  return anyOf(matches);
}

function matchAbsent({ isNegated }: Operator, set: string | undefined, isIfExists: boolean): Match {
  if (set === "ForAllValues:") return "yes";
  if (set === "ForAnyValue:") return isIfExists ? "maybe" : "no";
  return isIfExists || isNegated ? "yes" : "no";
}

interface Around {
  readonly context: RequestContext;
  readonly areVariables: boolean;
}

function matchValue(operator: Operator, wanted: readonly string[], found: string, around: Around): Match {
  const match = anyOf(wanted.map((text) => matchOne(operator, text, found, around)));
  return operator.isNegated ? negated(match) : match;
}

function matchOne(operator: Operator, wanted: string, found: string, { context, areVariables }: Around): Match {
  if (!areVariables || !hasVariables(wanted)) return operator.compare([{ glob: wanted }], found);
  if (!operator.takesVariables) return "maybe";
  return operator.compare(
    partsOf(wanted, (key) => soleValue(context.valuesOf(key))),
    found,
  );
}

/** What a variable stands for; null where that is not known, or not one text. */
export function soleValue(values: KeyValues): string | null {
  return typeof values !== "string" && values.length === 1 ? (values[0] as string) : null;
}
