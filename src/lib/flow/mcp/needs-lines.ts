import { isJsonObject } from "../../json/members.ts";
import type { ToolNeeds } from "../../policy/registry.ts";

/** What to write into a tool's entry, and null for what to take out of it. */
export type ToolEdit = { readonly [Member in keyof ToolNeeds]?: ToolNeeds[Member] | null };

const MEMBERS = ["kubernetes", "aws", "beyond", "declared"] as const satisfies readonly (keyof ToolNeeds)[];

/** The members that an edit writes, in the order in which they should stand, each as lines of YAML. */
export function memberLines(edit: ToolEdit): ReadonlyMap<keyof ToolNeeds, readonly string[]> {
  const lines = new Map<keyof ToolNeeds, readonly string[]>();
  for (const member of MEMBERS) {
    const value = edit[member];
    if (value !== undefined && value !== null) lines.set(member, linesOf(member, value));
  }
  return lines;
}

/** Lists of more than nothing get a line for each item; all else fits into one. */
function linesOf(name: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.length > 0) {
    return [`${scalar(name)}:`, ...value.map((item) => `  - ${inline(item)}`)];
  }
  if (!isJsonObject(value) || !holdsList(value)) return [`${scalar(name)}: ${inline(value)}`];
  return [`${scalar(name)}:`, ...indented(Object.entries(value).flatMap(([member, each]) => linesOf(member, each)))];
}

/** A name or text as YAML of every version reads it; in quotes where in doubt. */
export function scalar(text: string): string {
  const isPlain = /^[A-Za-z][A-Za-z0-9_./-]*$/.test(text) && !WORDS.test(text) && !DIGEST.test(text);
  return isPlain ? text : JSON.stringify(text);
}

export function indented(lines: readonly string[], by = 2): readonly string[] {
  return lines.map((line) => `${" ".repeat(by)}${line}`);
}

/** Some look like numbers; all are written alike. */
const DIGEST = /^[0-9a-f]{12}$/;
const WORDS = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

function inline(value: unknown): string {
  if (typeof value === "string") return scalar(value);
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (!isJsonObject(value)) return String(value);
  return `{ ${Object.entries(value)
    .map(([name, member]) => `${scalar(name)}: ${inline(member)}`)
    .join(", ")} }`;
}

function holdsList(value: Readonly<Record<string, unknown>>): boolean {
  return Object.values(value).some((each) =>
    Array.isArray(each) ? each.length > 0 : isJsonObject(each) && holdsList(each),
  );
}
