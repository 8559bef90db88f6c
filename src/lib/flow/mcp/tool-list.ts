import type { Declared } from "../../policy/registry.ts";
import { readDeclaration } from "./declared-needs.ts";
import { isPlainName, shortText } from "./short-text.ts";

/** A tool as its server lists it. */
export interface ListedTool {
  readonly name: string;
  readonly declared: Declared;
  /** Why something that it says is not used; null where all of it is. */
  readonly problem: string | null;
}

export interface ToolList {
  /** By name, in the server's order. */
  readonly tools: ReadonlyMap<string, ListedTool>;
  /** Entries that cannot be kept: what they call themselves, fit to be shown, and why. */
  readonly unusable: readonly { readonly name: string; readonly problem: string }[];
}

/** The longest name that the registry takes. */
const MAX_NAME = 256;

/** What do the entries of a `tools/list` say? A name twice is no way to tell two tools apart: nothing is known of either. */
export function readToolList(entries: readonly unknown[]): ToolList {
  const tools = new Map<string, ListedTool>();
  const unusable: { readonly name: string; readonly problem: string }[] = [];
  for (const entry of entries) {
    const name = nameOf(entry);
    if (name === null) unusable.push({ name: "", problem: "it has no name" });
    else if (!isPlainName(name, MAX_NAME))
      unusable.push({ name: shortText(name, 80), problem: "its name is unusable" });
    else if (tools.has(name)) tools.set(name, { name, declared: {}, problem: "the server lists it twice" });
    else tools.set(name, { name, ...readDeclaration(entry) });
  }
  return { tools, unusable };
}

function nameOf(entry: unknown): string | null {
  if (typeof entry !== "object" || entry === null || !("name" in entry)) return null;
  return typeof entry.name === "string" ? entry.name : null;
}
