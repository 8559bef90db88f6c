import { validate as isRoles } from "../../generated/roles.js";
import { findRoleMapping, type RoleMapping } from "./role-mapping.ts";
import { aliasFindings } from "./hidden-text.ts";
import { schemaFindings } from "./schema-findings.ts";
import { decodeSource, formatPlace, SourceText, type Finding, type Fix, type Place } from "./source.ts";
import type { ToolRule } from "./tools.ts";
import { entryOf, parseYaml, type Tree, type TreeEntry } from "./yaml-source.ts";

/** One line of a role: the backend it opens, and what of it. */
export interface Grant {
  readonly backend: string;
  /** Null when everything that the backend offers is granted. */
  readonly tools: ToolRule | null;
  readonly place: Place;
}

export interface Role {
  readonly name: string;
  readonly grants: ReadonlyMap<string, Grant>;
  readonly place: Place;
}

export type Roles = ReadonlyMap<string, Role>;

export interface RolesReading {
  /** What could be read; only to be acted upon when no finding is an error. */
  readonly roles: Roles;
  readonly findings: readonly Finding[];
  /** The text it was read from; empty when it could not be decoded. */
  readonly source: SourceText;
  /** Texts in it that are role files themselves, as in a ConfigMap. */
  readonly embedded: readonly SourceText[];
}

/**
 * What does this role file say (design section 3, roles.yaml)? Bare, or inside a ConfigMap or Helm values;
 * several documents are joined. Whatever could be read two ways is an error.
 */
export function readRoles(file: string, bytes: Uint8Array): RolesReading {
  const reading = decodeSource(file, bytes);
  if (!reading.ok) {
    return { roles: new Map(), findings: [reading.finding], source: new SourceText(file, ""), embedded: [] };
  }
  const { source } = reading;
  const { documents, findings, aliases } = parseYaml(source);
  if (findings.length > 0) return { roles: new Map(), findings, source, embedded: [] };
  const problems: Finding[] = [...aliasFindings(source, aliases)];
  const embedded = new Set<SourceText>();
  const roles = new Map<string, Role>();
  for (const document of documents) {
    const found = findRoleMapping(source, document);
    problems.push(...found.findings);
    for (const mapping of found.mappings) {
      addRoles(mapping, roles, problems);
      if (mapping.source !== source) embedded.add(mapping.source);
    }
  }
  if (documents.length === 0) problems.push(emptyFile(source));
  return { roles, findings: problems, source, embedded: [...embedded] };
}

function addRoles({ source, tree }: RoleMapping, roles: Map<string, Role>, problems: Finding[]): void {
  const misfits = schemaFindings(source, tree, isRoles);
  problems.push(...misfits);
  const mapping = entryOf(tree, "roleMapping")?.value;
  if (misfits.length > 0 || mapping?.kind !== "map") return;
  for (const entry of mapping.entries) {
    const before = roles.get(entry.name);
    if (before !== undefined) {
      const message = `the role "${entry.name}" stands here and at ${formatPlace(before.place)}`;
      problems.push(
        source.finding("MC101", entry.at, message, { isUnreadable: true, hint: "Merge the two or remove one." }),
      );
      continue;
    }
    roles.set(entry.name, readRole(source, entry, problems));
  }
}

function readRole(source: SourceText, entry: TreeEntry, problems: Finding[]): Role {
  const grants = new Map<string, Grant>();
  for (const item of entry.value.kind === "list" ? entry.value.items : []) {
    const grant = readGrant(source, item);
    const before = grants.get(grant.backend);
    if (before === undefined) {
      grants.set(grant.backend, grant);
      continue;
    }
    const message = `${entry.name} is granted "${grant.backend}" here and in line ${before.place.line}`;
    const fix = isSameGrant(grant, before) ? removalOfItem(source, item) : null;
    problems.push(
      source.finding("MC004", item.at, message, {
        hint: "Remove one of the two.",
        length: Math.max(grant.backend.length, 1),
        ...(fix === null ? {} : { fix }),
      }),
    );
  }
  return { name: entry.name, grants, place: source.place(entry.at) };
}

function isSameGrant(a: Grant, b: Grant): boolean {
  return a.tools === null && b.tools === null;
}

/** Takes a line away that holds this item of a list and nothing else, not even a comment, which somebody would miss. */
function removalOfItem(source: SourceText, { at }: Tree): Fix | null {
  const start = source.text.lastIndexOf("\n", at) + 1;
  const end = source.text.indexOf("\n", at);
  const line = source.text.slice(start, end < 0 ? source.text.length : end);
  return /^[ \t]*-[ \t]+["']?[a-z0-9-]+["']?[ \t]*\r?$/.test(line) ? source.lineRemoval(at) : null;
}

function readGrant(source: SourceText, item: Tree): Grant {
  const place = source.place(item.at);
  if (item.kind === "scalar") return { backend: String(item.value), tools: null, place };
  const tools = entryOf(item, "tools")?.value;
  return {
    backend: textOf(entryOf(item, "backend")?.value),
    tools: tools === undefined ? null : { allow: patternsOf(tools, "allow"), deny: patternsOf(tools, "deny") ?? [] },
    place,
  };
}

function patternsOf(tools: Tree, name: string): readonly string[] | null {
  const list = entryOf(tools, name)?.value;
  return list?.kind === "list" ? list.items.map(textOf) : null;
}

function textOf(tree: Tree | undefined): string {
  return tree?.kind === "scalar" ? String(tree.value) : "";
}

function emptyFile(source: SourceText): Finding {
  return source.finding("MC006", 0, "the file is empty", { isUnreadable: true, hint: "Start it with `roleMapping:`." });
}
