import type { Backend } from "../registry.ts";
import type { ToolRule } from "../tools.ts";

/** A tool that no list is likely to name: it stands for all that nobody thought of. */
const UNHEARD_OF = "any_other_tool";

/** Which tools are worth asking about: those that the registry names, an example of every pattern, and one unheard of. */
export function knownTools(backend: Backend | undefined, rules: readonly (ToolRule | null)[]): readonly string[] {
  const patterns = rules.flatMap((rule) => (rule === null ? [] : [...(rule.allow ?? []), ...rule.deny]));
  return [...new Set([...Object.keys(backend?.tools ?? {}), ...patterns.flatMap(examplesOf), UNHEARD_OF])];
}

/** Texts that the pattern matches: its own, and with something where each `*` is. */
function examplesOf(pattern: string): readonly string[] {
  if (!pattern.includes("*")) return [pattern];
  return [pattern.replaceAll("*", ""), pattern.replaceAll("*", "x")].filter((text) => text !== "");
}
