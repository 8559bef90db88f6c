import { isNode, isScalar, type YAMLMap } from "yaml";
import type { Fix } from "../../policy/source.ts";
import {
  applyChanges,
  commentsOf,
  isFlowMap,
  lineEnd,
  lineEndOf,
  lineStart,
  pairAt,
  parsePlaces,
  startOf,
} from "./yaml-places.ts";

/**
 * The text with the mappings at these paths written with a line for each entry, where they were `{ ... }` on one: only there is
 * room for more. Null where that would lose a comment.
 */
export function openFlow(text: string, paths: readonly (readonly string[])[]): string | null {
  const { root } = parsePlaces(text);
  const changes: Fix[] = [];
  for (const path of paths) {
    const pair = pairAt(root, path);
    if (pair === undefined || !isFlowMap(pair.value)) continue;
    const change = opened(text, startOf(pair.key), pair.value);
    if (change === null) return null;
    changes.push(change);
  }
  return applyChanges(text, changes);
}

function opened(text: string, keyAt: number, map: YAMLMap): Fix | null {
  const [start, end] = map.range ?? [0, 0];
  if (commentsOf(text.slice(start, end)).length > 0) return null;
  const indent = " ".repeat(keyAt - lineStart(text, keyAt) + 2);
  const lines: string[] = [];
  const stop = lineEnd(text, end);
  const behind = text.slice(end, stop).trim();
  if (behind !== "" && !behind.startsWith("#")) return null;
  const from = text.slice(0, start).trimEnd().length;
  if (map.items.length === 0) return { from, to: end, text: "" };
  if (behind !== "") lines.push(behind);

  for (const { key, value } of map.items) {
    if (!isScalar(key) || !isNode(value)) return null;
    // A flow scalar may go over several lines, which mean one space each.
    const source = text.slice(startOf(key), value.range?.[1] ?? 0);
    if (/\n[ \t]*\r?\n/.test(source)) return null;
    lines.push(source.replace(/[ \t]*\r?\n[ \t]*/g, " "));
  }
  const ending = lineEndOf(text);
  return { from, to: stop, text: lines.map((line) => `${ending}${indent}${line}`).join("") };
}
