/** What narrows a grant: `allow` null means every tool that is not denied; `*` in a pattern stands for any text. */
export interface ToolRule {
  readonly allow: readonly string[] | null;
  readonly deny: readonly string[];
}

/** May this tool be called under the rule? Deny wins; names are compared exactly, case included. */
export function isToolAllowed(rule: ToolRule, tool: string): boolean {
  if (rule.deny.some((pattern) => matchesGlob(pattern, tool))) return false;
  return rule.allow === null || rule.allow.some((pattern) => matchesGlob(pattern, tool));
}

/** Does `text` match, `*` standing for any run of characters and everything else for itself? Never backtracks far. */
export function matchesGlob(pattern: string, text: string): boolean {
  if (!pattern.includes("*")) return pattern === text;
  const parts = pattern.split("*");
  const head = parts[0] as string;
  const tail = parts.at(-1) as string;
  if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
  let from = head.length;
  const limit = text.length - tail.length;
  for (const part of parts.slice(1, -1)) {
    const at = text.indexOf(part, from);
    if (at < 0 || at + part.length > limit) return false;
    from = at + part.length;
  }
  return true;
}
