import { aliasFindings } from "./hidden-text.ts";
import { findForbidden, SourceText, type Finding } from "./source.ts";
import { entryOf, parseYaml, type Tree, type TreeEntry } from "./yaml-source.ts";

/** A `roleMapping` where it lies, and the text its places count in. */
export interface RoleMapping {
  readonly source: SourceText;
  /** A map of exactly one entry, `roleMapping`. */
  readonly tree: Tree;
}

export interface RoleMappings {
  readonly mappings: readonly RoleMapping[];
  readonly findings: readonly Finding[];
}

const NAME = "roleMapping";
const EMBEDDED = /^[ \t]*\{?[ \t]*(?:roleMapping|"roleMapping"|'roleMapping')[ \t]*:/m;

/**
 * Where does this document hold its role mapping? A document with only that key is a role file; any other
 * (ConfigMap, Helm values) is a wrapper, which must hold exactly one, as a mapping or as the text of one.
 */
export function findRoleMapping(source: SourceText, document: Tree): RoleMappings {
  if (document.kind !== "map") return refuse(source, document.at, "the file is not a mapping with `roleMapping:`");
  const bare = document.entries.length === 1 ? entryOf(document, NAME) : undefined;
  if (bare !== undefined) return { mappings: [{ source, tree: document }], findings: [] };
  const found = findAll(document);
  if (found.length === 0) {
    return refuse(
      source,
      document.at,
      "the file holds no `roleMapping`",
      "Put the roles under a top-level `roleMapping:`.",
    );
  }
  const [first, second] = found;
  if (second !== undefined)
    return refuse(source, atOf(second), "the file holds a second `roleMapping`", "Keep exactly one.");
  return first?.kind === "entry"
    ? { mappings: [{ source, tree: { kind: "map", at: first.entry.at, entries: [first.entry] } }], findings: [] }
    : readEmbedded(source, (first as FoundText).scalar);
}

interface FoundEntry {
  readonly kind: "entry";
  readonly entry: TreeEntry;
}
interface FoundText {
  readonly kind: "text";
  readonly scalar: Extract<Tree, { kind: "scalar" }>;
}
type Found = FoundEntry | FoundText;

function atOf(found: Found): number {
  return found.kind === "entry" ? found.entry.at : found.scalar.at;
}

function findAll(tree: Tree): readonly Found[] {
  if (tree.kind === "list") return tree.items.flatMap(findAll);
  if (tree.kind === "scalar") {
    return typeof tree.value === "string" && EMBEDDED.test(tree.value) ? [{ kind: "text", scalar: tree }] : [];
  }
  return tree.entries.flatMap((entry): readonly Found[] =>
    entry.name === NAME ? [{ kind: "entry", entry }, ...findAll(entry.value)] : findAll(entry.value),
  );
}

/** The text of a role file inside a string; a literal block keeps its lines, so places in it are exact. */
function readEmbedded(outer: SourceText, scalar: Extract<Tree, { kind: "scalar" }>): RoleMappings {
  const header = outer.place(scalar.at);
  const text = String(scalar.value);
  const start = scalar.isBlockLiteral
    ? { file: outer.file, line: header.line + 1, column: indentOf(outer, header.line, text) + 1 }
    : header;
  const source = new SourceText(outer.file, text, { outer, start, isLineByLine: scalar.isBlockLiteral });
  const forbidden = findForbidden(source);
  if (forbidden !== null) return { mappings: [], findings: [forbidden] };
  const { documents, findings, aliases } = parseYaml(source);
  const mappings: RoleMapping[] = [];
  const problems = [...findings, ...aliasFindings(source, aliases)];
  for (const tree of documents) {
    if (tree.kind === "map" && tree.entries.length === 1 && entryOf(tree, NAME) !== undefined) {
      mappings.push({ source, tree });
    } else {
      problems.push(...refuse(source, tree.at, "the embedded file has more than `roleMapping`").findings);
    }
  }
  return { mappings, findings: problems };
}

/** How far a block literal is indented: what its first line that is not blank has more in the file than in the text. */
function indentOf(outer: SourceText, headerLine: number, text: string): number {
  const lines = text.split("\n");
  const first = Math.max(
    lines.findIndex((line) => line.trim() !== ""),
    0,
  );
  return spaces(outer.line(headerLine + 1 + first)) - spaces(lines[first] as string);
}

function spaces(line: string): number {
  return line.length - line.trimStart().length;
}

function refuse(source: SourceText, at: number, message: string, hint: string | null = null): RoleMappings {
  return { mappings: [], findings: [source.finding("MC002", at, message, { isUnreadable: true, hint })] };
}
