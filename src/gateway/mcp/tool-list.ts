import { itemSpans, memberSpan } from "../../lib/json/raw-json.ts";
import { parseJson } from "../../lib/json/parse-json.ts";
import { foldCase } from "./fold-case.ts";
import { isToolAllowed, type ToolRule } from "../../lib/policy/tools.ts";

/**
 * The one word that every list of tools has, in any case (with the long s as text and as bytes), and what could hide it:
 * escapes, and encodings of two bytes.
 */
const MAY_LIST = /tool(?:s|\u017f|\u00c5\u00bf)|\\u|\0/i;

/** Could there be tools in this text, or is it no message? Most are known at once to need no filter, and empty data primes a client for resumption; bytes may be read as latin1. */
export function mayListTools(text: string): boolean {
  return text !== "" && (!text.startsWith("{") || MAY_LIST.test(text));
}

/**
 * The same answer, showing only the tools that may be called, in their order, and private to this caller (a shared
 * cache must not serve it to others). Text that lists no tools comes back unchanged; null when it cannot be read surely.
 */
export function filterTools(text: string, rule: ToolRule, isModern: boolean): string | null {
  const reading = parseJson(text);
  if (!reading.ok || typeof reading.value !== "object" || reading.value === null || Array.isArray(reading.value))
    return null;
  if (hasVariant(reading.value, "result")) return null;
  const result = (reading.value as { readonly result?: { readonly tools?: unknown } | null }).result;
  if (typeof result !== "object" || result === null) return text;
  if (hasVariant(result, "tools")) return null;
  if (!("tools" in result)) return text;
  if (!Array.isArray(result.tools)) return null;
  const resultSpan = memberSpan(text, 0, "result");
  const toolsSpan = resultSpan === null ? null : memberSpan(text, resultSpan.start, "tools");
  if (resultSpan === null || toolsSpan === null) return null;
  const tools = result.tools as readonly unknown[];
  const kept = itemSpans(text, toolsSpan.start)
    .filter((_, index) => isShown(tools[index], rule))
    .map(({ start, end }) => text.slice(start, end));
  const scope = memberSpan(text, resultSpan.start, "cacheScope");
  const edits = [{ ...toolsSpan, with: `[${kept.join(",")}]` }];
  if (scope !== null) edits.push({ ...scope, with: '"private"' });
  else if (isModern)
    edits.push({ start: resultSpan.start + 1, end: resultSpan.start + 1, with: '"cacheScope":"private",' });
  return applied(text, edits);
}

/** Whether a name stands in another case: a client that does not mind the case would read what was not filtered. */
function hasVariant(value: object, name: string): boolean {
  return Object.keys(value).some((key) => key !== name && foldCase(key) === name);
}

function isShown(tool: unknown, rule: ToolRule): boolean {
  if (typeof tool !== "object" || tool === null) return false;
  const { name } = tool as { readonly name?: unknown };
  return typeof name === "string" && !hasVariant(tool, "name") && isToolAllowed(rule, name);
}

function applied(
  text: string,
  edits: readonly { readonly start: number; readonly end: number; readonly with: string }[],
): string {
  let done = text;
  for (const edit of edits.toSorted((a, b) => b.start - a.start))
    done = done.slice(0, edit.start) + edit.with + done.slice(edit.end);
  return done;
}
