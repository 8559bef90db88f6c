import { isMap, type Pair, type YAMLMap } from "yaml";
import type { Fix } from "../../policy/source.ts";
import { indented, memberLines, scalar, type ToolEdit } from "./needs-lines.ts";
import { openFlow } from "./open-flow.ts";
import {
  applyChanges,
  commentsOf,
  contentEnd,
  isEmptyValue,
  lineEnd,
  lineEndOf,
  lineStart,
  pairAt,
  parsePlaces,
  startOf,
} from "./yaml-places.ts";

export type ToolEdits = ReadonlyMap<string, ToolEdit>;

/** Something stands where these edits would have to be that no line can be changed in, like an alias. */
class NotEditable extends Error {}

/**
 * The registry's text with these edits of one backend's tools made, line by line; null where it is written in a way that leaves no
 * room for them. Whether it says what it should is for the caller to read.
 */
export function editTools(text: string, backend: string, edits: ToolEdits): string | null {
  const at = ["backends", backend];
  // One after another: what lies in a mapping has its lines only when that has.
  const steps = [[["backends"]], [at], [[...at, "tools"]], [...edits.keys()].map((tool) => [...at, "tools", tool])];
  let current = text;
  for (const paths of steps) {
    const next = openFlow(current, paths);
    if (next === null) return null;
    current = next;
  }
  try {
    return applyChanges(current, changesOf(current, at, edits));
  } catch (error) {
    if (error instanceof NotEditable) return null;
    throw error;
  }
}

function changesOf(text: string, at: readonly string[], edits: ToolEdits): readonly Fix[] {
  const { root } = parsePlaces(text);
  const backend = blockOf(pairAt(root, at));
  const pair = pairAt(root, [...at, "tools"]);
  const changes: Fix[] = [];
  const added: string[] = [];
  let left = 0;
  for (const [tool, edit] of edits) {
    const entry = pairAt(root, [...at, "tools", tool]);
    if (entry !== undefined) {
      const { fixes, isGone } = editEntry(text, entry, edit);
      changes.push(...fixes);
      if (isGone) left += 1;
    } else added.push(`${scalar(tool)}:`, ...indented([...memberLines(edit).values()].flat()));
  }
  const existing = isMap(pair?.value) ? pair.value.items.length : 0;
  if (pair !== undefined && existing > 0 && left === existing) {
    if (added.length === 0) changes.push(insertion(pair.key, text, " {}"));
    else changes.push(insertBelow(text, startOf(pair.key), indented(added, columnOf(text, startOf(pair.key)) + 2)));
  } else if (added.length > 0) changes.push(addition(text, backend, pair, added));
  return changes;
}

/** Behind the last tool; where there are none, behind `tools:`, which may have to be written too. */
function addition(text: string, backend: YAMLMap, pair: Pair | undefined, lines: readonly string[]): Fix {
  if (pair === undefined) {
    const indent = columnOf(text, startOf(backend.items[0]?.key));
    return insertBelow(text, contentEnd(text, backend), indented(["tools:", ...indented(lines)], indent));
  }
  if (isEmptyValue(pair.value)) {
    return insertBelow(text, startOf(pair.key), indented(lines, columnOf(text, startOf(pair.key)) + 2));
  }
  const tools = blockOf(pair);
  return insertBelow(text, contentEnd(text, tools), indented(lines, columnOf(text, startOf(tools.items[0]?.key))));
}

interface EntryChange {
  readonly fixes: readonly Fix[];
  /** Whether nothing of the entry is left. */
  readonly isGone: boolean;
}

function editEntry(text: string, entry: Pair, edit: ToolEdit): EntryChange {
  const lines = memberLines(edit);
  const present = isEmptyValue(entry.value) ? [] : blockOf(entry).items;
  const members = new Map(present.map((member) => [nameOf(member), member] as const));
  const removed = Object.keys(edit).filter((name) => edit[name as keyof ToolEdit] === null && members.has(name));
  if (lines.size === 0 && removed.length > 0 && removed.length === present.length) return removeEntry(text, entry);
  const indent = present.length > 0 ? columnOf(text, startOf(present[0]?.key)) : columnOf(text, startOf(entry.key)) + 2;
  const fixes = removed.map((name) => removal(text, members.get(name) as Pair));
  const fresh: string[] = [];
  for (const [name, written] of lines) {
    const old = members.get(name);
    if (old === undefined) fresh.push(...indented(written, indent));
    else fixes.push({ ...linesOf(text, old), text: indented(written, indent).join(lineEndOf(text)) });
  }
  if (fresh.length > 0) fixes.push(insertBelow(text, contentEnd(text, entry), fresh));
  return { fixes, isGone: false };
}

/** All of it, but its name where a comment stands at it, which somebody would miss. */
function removeEntry(text: string, entry: Pair): EntryChange {
  const { from, to } = linesOf(text, entry);
  const above = text.slice(lineStart(text, Math.max(from - 1, 0)), from).trim();
  if (!above.startsWith("#") && commentsOf(text.slice(from, to)).length === 0) {
    return { fixes: [removal(text, entry)], isGone: true };
  }
  const members = blockOf(entry).items.map((member) => removal(text, member));
  return { fixes: [insertion(entry.key, text, " {}"), ...members], isGone: false };
}

function removal(text: string, pair: Pair): Fix {
  const { from, to } = linesOf(text, pair);
  const next = text.startsWith("\r\n", to) ? to + 2 : Math.min(to + 1, text.length);
  return { from, to: next, text: "" };
}

/** Whole lines, which hold this and nothing else but a comment at their end. */
function linesOf(text: string, pair: Pair): { readonly from: number; readonly to: number } {
  const from = lineStart(text, startOf(pair.key));
  if (text.slice(from, startOf(pair.key)).replace("\ufeff", "").trim() !== "") throw new NotEditable();
  return { from, to: lineEnd(text, contentEnd(text, pair)) };
}

function insertBelow(text: string, at: number, lines: readonly string[]): Fix {
  const end = lineEnd(text, at);
  const ending = lineEndOf(text);
  return { from: end, to: end, text: lines.map((line) => `${ending}${line}`).join("") };
}

/** Right behind the colon of a name. */
function insertion(key: unknown, text: string, added: string): Fix {
  const at = text.indexOf(":", contentEnd(text, key)) + 1;
  return { from: at, to: at, text: added };
}

function columnOf(text: string, at: number): number {
  return text.slice(lineStart(text, at), at).replace("\ufeff", "").length;
}

function blockOf(pair: Pair | undefined): YAMLMap {
  if (isMap(pair?.value) && pair.value.flow !== true && pair.value.items.length > 0) return pair.value;
  throw new NotEditable();
}

function nameOf({ key }: Pair): string {
  return String(key);
}
