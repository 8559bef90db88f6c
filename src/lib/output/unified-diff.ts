import { createTwoFilesPatch } from "diff";

/** A unified diff of one file, which `git apply` and `patch -p1` take; empty where nothing differs. */
export function unifiedDiff(file: string, before: string, after: string): string {
  if (before === after) return "";
  const text = createTwoFilesPatch(`a/${file}`, `b/${file}`, before, after, undefined, undefined, { context: 3 });
  // The library's first line is a separator that no tool needs.
  return text.replace(/^=+\n/, "");
}
