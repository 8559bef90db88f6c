import {
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  Lexer,
  parseDocument,
  type Node,
  type Pair,
  type YAMLMap,
} from "yaml";
import type { Fix } from "../../policy/source.ts";

/** A file that the strict reader took, and where its parts stand. */
export interface Parsed {
  readonly text: string;
  readonly root: unknown;
}

export function parsePlaces(text: string): Parsed {
  return { text, root: parseDocument(text, { uniqueKeys: false, prettyErrors: false, version: "1.2" }).contents };
}

/** The entry at the end of a path of names; undefined where there is none, or something else than a mapping on the way. */
export function pairAt(root: unknown, path: readonly string[]): Pair | undefined {
  let here = root;
  let found: Pair | undefined;
  for (const name of path) {
    found = isMap(here) ? here.items.find(({ key }) => isScalar(key) && key.value === name) : undefined;
    if (found === undefined) return undefined;
    here = found.value;
  }
  return found;
}

export function lineStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

/** Before the line end, be it LF or CRLF. */
export function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  if (end < 0) return text.length;
  return text[end - 1] === "\r" ? end - 1 : end;
}

/** Behind the last character of what a node says, without the comments and empty lines that follow it. */
export function contentEnd(text: string, node: unknown): number {
  if (isPair(node)) return contentEnd(text, isEmptyValue(node.value) ? node.key : node.value);
  if (isCollection(node) && node.flow !== true && node.items.length > 0) return contentEnd(text, node.items.at(-1));
  const end = isNode(node) ? (node.range?.[1] ?? 0) : 0;
  return text.slice(0, end).trimEnd().length;
}

export function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

/** Nothing written at all, as after a bare `name:`. */
export function isEmptyValue(value: unknown): boolean {
  return value === null || (isScalar(value) && value.value === null && (value.source ?? "") === "");
}

export function isFlowMap(node: unknown): node is YAMLMap & Node {
  return isMap(node) && node.flow === true;
}

/** Its comments, each with its `#`, in order. */
export function commentsOf(text: string): readonly string[] {
  return [...new Lexer().lex(text)].filter((token) => token.startsWith("#")).map((token) => token.trimEnd());
}

export function lineEndOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

/** The text with these changes made, none of which overlap. */
export function applyChanges(text: string, changes: readonly Fix[]): string {
  let result = "";
  let at = 0;
  for (const change of changes.toSorted((one, other) => one.from - other.from || one.to - other.to)) {
    result += text.slice(at, change.from) + change.text;
    at = change.to;
  }
  return result + text.slice(at);
}
