import type { Backend, Registry, ToolNeeds } from "../../policy/registry.ts";
import { readRegistry } from "../../policy/registry.ts";
import { isError } from "../../policy/source.ts";
import { backendLines, joinLines, type RegistryText } from "./backend-lines.ts";
import { canonical } from "./canonical.ts";
import { editTools, type ToolEdits } from "./edit-tools.ts";
import { commentsOf, contentEnd, lineEnd, pairAt, parsePlaces, startOf } from "./yaml-places.ts";

/**
 * The registry's text with these edits of one backend's tools, read anew: it says what it said but for them, in the same order,
 * and has lost no comment. Null where that cannot be had. `mayLoseComments` for those in what is written over.
 */
export function changeRegistry(
  file: RegistryText,
  backend: string,
  edits: ToolEdits,
  mayLoseComments: boolean,
): string | null {
  if (edits.size === 0) return file.text;
  const lines = backendLines(file, backend);
  const own = lines?.own ?? file.text;
  const edited = editTools(own, backend, edits);
  if (edited === null) return null;
  if (!mayLoseComments && !isSubset(commentsOf(own), commentsOf(edited))) return null;
  const whole = lines === null ? edited : joinLines(lines, edited);
  const { registry, findings } = readRegistry("backends.yaml", Buffer.from(whole));
  if (findings.some(isError)) return null;
  const wanted = expected(file.registry, backend, edits);
  return JSON.stringify(wanted) === JSON.stringify(contentOf(registry, backend, edits)) ? whole : null;
}

/** The tools whose declaration holds a comment: somebody wrote there, though it says what it said. */
export function commentedDeclarations(file: RegistryText, backend: string): ReadonlySet<string> {
  const text = backendLines(file, backend)?.own ?? file.text;
  const { root } = parsePlaces(text);
  const names = Object.keys(toolsOf(file.registry.get(backend)));
  return new Set(
    names.filter((tool) => {
      const pair = pairAt(root, ["backends", backend, "tools", tool, "declared"]);
      if (pair === undefined) return false;
      return commentsOf(text.slice(startOf(pair.key), lineEnd(text, contentEnd(text, pair)))).length > 0;
    }),
  );
}

type Content = readonly (readonly [string, unknown])[];

function expected(registry: Registry, backend: string, edits: ToolEdits): Content {
  const content = new Map(contentOf(registry, backend, new Map()));
  const tools = new Map(Object.entries(toolsOf(registry.get(backend))));
  for (const [tool, edit] of edits) {
    const members = Object.entries({ ...tools.get(tool), ...edit }).filter(([, value]) => value !== null);
    tools.set(tool, Object.fromEntries(members));
  }
  const fields = content.get(backend) as readonly [unknown, Content];
  // Read anew, a tool named by a whole number comes first.
  const inOrder = new Map(Object.entries(Object.fromEntries(tools)));
  content.set(backend, [fields[0], withoutEmpty(inOrder, edits)]);
  return [...content];
}

/** What is told apart: everything but places, with the members of objects by name. */
function contentOf(registry: Registry, backend: string, edits: ToolEdits): Content {
  return [...registry].map(([name, { place: _place, toolPlaces: _places, tools, ...fields }]) => {
    const content = new Map(Object.entries(tools ?? {}));
    return [name, [canonical(fields), withoutEmpty(content, name === backend ? edits : new Map())]] as const;
  });
}

/** An entry of which an edit left nothing may stand there or not. */
function withoutEmpty(tools: ReadonlyMap<string, ToolNeeds>, edits: ToolEdits): Content {
  const left = [...tools].filter(([tool, needs]) => !edits.has(tool) || Object.keys(needs).length > 0);
  return left.map(([tool, needs]) => [tool, canonical(needs)]);
}

function toolsOf(backend: Backend | undefined): Readonly<Record<string, ToolNeeds>> {
  return backend?.tools ?? {};
}

function isSubset(some: readonly string[], all: readonly string[]): boolean {
  const left = new Map<string, number>();
  for (const text of all) left.set(text, (left.get(text) ?? 0) + 1);
  return some.every((text) => {
    const count = left.get(text) ?? 0;
    left.set(text, count - 1);
    return count > 0;
  });
}
