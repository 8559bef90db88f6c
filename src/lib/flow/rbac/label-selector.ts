import { at, hasOnly, isJsonObject, textAt } from "../../json/members.ts";

/** A selector of labels as the API has it (metav1.LabelSelector), which `isSelector` took. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>> | null;
  readonly matchExpressions?: readonly Expression[] | null;
}

interface Expression {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values?: readonly string[] | null;
}

/** Would the API server take this as a selector? */
export function isSelector(value: unknown): value is LabelSelector {
  if (!isJsonObject(value) || !hasOnly(value, ["matchLabels", "matchExpressions"])) return false;
  const labels = at(value, "matchLabels") ?? {};
  const expressions = at(value, "matchExpressions") ?? [];
  return (
    isJsonObject(labels) &&
    Object.values(labels).every((label) => typeof label === "string") &&
    Array.isArray(expressions) &&
    expressions.every(isExpression)
  );
}

function isExpression(value: unknown): boolean {
  const values = at(value, "values") ?? [];
  if ((textAt(value, "key") ?? "") === "" || !Array.isArray(values)) return false;
  if (!values.every((item) => typeof item === "string")) return false;
  const operator = textAt(value, "operator");
  if (operator === "In" || operator === "NotIn") return values.length > 0;
  return (operator === "Exists" || operator === "DoesNotExist") && values.length === 0;
}

/** Are these labels selected? An empty selector selects everything, and NotIn what lacks the label, too. */
export function selects(selector: LabelSelector, labels: ReadonlyMap<string, string>): boolean {
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels.get(key) === value) &&
    (selector.matchExpressions ?? []).every((expression) => holds(expression, labels))
  );
}

function holds({ key, operator, values }: Expression, labels: ReadonlyMap<string, string>): boolean {
  const label = labels.get(key);
  switch (operator) {
    case "In":
      return label !== undefined && (values ?? []).includes(label);
    case "NotIn":
      return label === undefined || !(values ?? []).includes(label);
    case "Exists":
      return label !== undefined;
    case "DoesNotExist":
      return label === undefined;
  }
}
