import type { SourceText } from "../source.ts";
import type { ToolRule } from "../tools.ts";
import { entryOf, type Tree, type TreeEntry } from "../yaml-source.ts";
import { textOf, type KnownNames } from "./known-names.ts";
import type { AllowedCell, MatrixTest } from "./policy-test.ts";

type Matrix = Pick<MatrixTest, "roles" | "backends" | "allow">;

/** The matrix at this place. What it allows must lie in it: elsewhere nothing would ever judge it. */
export function readMatrix(source: SourceText, tree: Tree, names: KnownNames): Matrix {
  const roles = readNames(entryOf(tree, "roles")?.value, names.roles, (name) => names.requireRole(name), names);
  const backends = readNames(
    entryOf(tree, "backends")?.value,
    names.backends,
    (name) => names.requireBackend(name),
    names,
  );
  const allow = new Map<string, ReadonlyMap<string, AllowedCell>>();
  for (const entry of entriesOf(entryOf(tree, "allow")?.value)) {
    if (!roles.has(entry.name)) {
      const message = `the matrix does not hold the role "${entry.name}" that it allows something`;
      names.refuse(entry.at, message, "Add it to `roles`, or remove it here.", entry.name.length);
    }
    allow.set(entry.name, readAllowed(source, entry, backends, names));
  }
  return { roles, backends, allow };
}

function readNames(
  tree: Tree | undefined,
  all: ReadonlySet<string>,
  requireKnown: (name: Tree) => void,
  names: KnownNames,
): ReadonlySet<string> {
  if (tree?.kind !== "list") return requireSome(tree, all, names);
  const found = new Set<string>();
  for (const item of tree.items) {
    requireKnown(item);
    refuseTwice(found, textOf(item), item, names);
    found.add(textOf(item));
  }
  return requireSome(tree, found, names);
}

function requireSome(tree: Tree | undefined, found: ReadonlySet<string>, names: KnownNames): ReadonlySet<string> {
  if (found.size === 0)
    names.refuse(tree?.at ?? 0, "the matrix is empty, so it would pass whatever the roles say", null);
  return found;
}

function readAllowed(
  source: SourceText,
  { value }: TreeEntry,
  backends: ReadonlySet<string>,
  names: KnownNames,
): ReadonlyMap<string, AllowedCell> {
  const cells = new Map<string, AllowedCell>();
  for (const item of value.kind === "list" ? value.items : []) {
    const nameTree = entryOf(item, "backend")?.value ?? item;
    const name = textOf(nameTree);
    if (!names.backends.has(name)) names.requireBackend(nameTree);
    else if (!backends.has(name)) {
      const message = `the matrix does not hold the backend "${name}" that it allows`;
      names.refuse(nameTree.at, message, "Add it to `backends`, or remove it here.", name.length);
    }
    refuseTwice(cells, name, nameTree, names);
    cells.set(name, { tools: toolsOf(item), place: source.place(item.at) });
  }
  return cells;
}

function refuseTwice(before: { has: (name: string) => boolean }, name: string, tree: Tree, names: KnownNames): void {
  if (before.has(name)) names.refuse(tree.at, `"${name}" stands here twice`, "Remove one of the two.", name.length);
}

function toolsOf(item: Tree): ToolRule | null {
  const tools = entryOf(item, "tools")?.value;
  if (tools === undefined) return null;
  const patterns = (name: string): readonly string[] | null => {
    const list = entryOf(tools, name)?.value;
    return list?.kind === "list" ? list.items.map(textOf) : null;
  };
  return { allow: patterns("allow"), deny: patterns("deny") ?? [] };
}

function entriesOf(tree: Tree | undefined): readonly TreeEntry[] {
  return tree?.kind === "map" ? tree.entries : [];
}
