/** What expressions may name: `inputs`, `steps`, `github`. */
export interface Context {
  readonly [name: string]: unknown;
}

type Value = string | boolean;

/** The text with each `${{ expression }}` replaced by its value. */
export function resolveText(text: string, context: Context): string {
  return text.replace(/\$\{\{(.*?)\}\}/g, (_whole, expression: string) => String(evaluate(expression, context)));
}

/**
 * The part of the language of GitHub's expressions that action.yml needs: names, texts, `==`, `!=`, `&&`, `!` and the status
 * functions; `hasFailed` in the context tells the job's status. @throws Error for anything else
 */
export function evaluate(expression: string, context: Context): Value {
  const parts = expression.split("&&").map((part) => part.trim());
  if (parts.length === 1) return comparison(parts[0] as string, context);
  return parts.every((part) => isTrue(comparison(part, context)));
}

export function isTrue(value: Value): boolean {
  return value !== "" && value !== false;
}

function comparison(text: string, context: Context): Value {
  const [left, operator, right] = text.split(/\s*(==|!=)\s*/);
  if (operator === undefined) return term(text, context);
  const isSame = String(term(left as string, context)) === String(term(right as string, context));
  return (operator === "==") === isSame;
}

function term(text: string, context: Context): Value {
  if (text.startsWith("!")) return !isTrue(term(text.slice(1), context));
  if (text === "success()") return context["hasFailed"] !== true;
  if (text === "cancelled()") return false;
  const literal = /^'([^']*)'$/.exec(text)?.[1];
  if (literal !== undefined) return literal;
  if (!/^(inputs|steps|github)(\.[\w-]+)+$/.test(text)) throw new Error(`cannot evaluate ${text}`);
  let value: unknown = context;
  for (const name of text.split(".")) value = (value as Context | undefined)?.[name];
  // What is not there is an empty text.
  if (value === undefined) return "";
  if (typeof value !== "string") throw new Error(`${text} is no text`);
  return value;
}
