import type { Registry } from "../../policy/registry.ts";

/** A registry as it was read, and its text. */
export interface RegistryText {
  readonly text: string;
  readonly registry: Registry;
}

/** A text in three parts; the one between is a registry of one backend, but for what its aliases repeat. */
export interface BackendLines {
  readonly before: string;
  readonly own: string;
  readonly after: string;
}

const HEAD = "backends:\n";

/** The lines of one backend, up to the next, so that nobody has to read all others; null where they are not its alone. */
export function backendLines({ text, registry }: RegistryText, backend: string): BackendLines | null {
  const own = registry.get(backend)?.place;
  if (own === undefined) return null;
  const starts = offsetsOfLines(text);
  const from = starts[own.line - 1] as number;
  const others = [...registry.values()].map(({ place }) => place.line);
  const next = Math.min(...others.filter((line) => line > own.line));
  const to = next === Infinity ? text.length : (starts[next - 1] as number);
  const isAlone = others.filter((line) => line === own.line).length === 1;
  if (!isAlone || !/^ +$/.test(text.slice(from, from + own.column - 1))) return null;
  return { before: text.slice(0, from), own: HEAD + text.slice(from, to), after: text.slice(to) };
}

/** The whole text again, with other lines for the backend. */
export function joinLines({ before, after }: BackendLines, own: string): string {
  return before + own.slice(HEAD.length) + after;
}

function offsetsOfLines(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
