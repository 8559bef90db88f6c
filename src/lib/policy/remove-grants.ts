import type { RoleGrant } from "./grant-uses.ts";
import { applyEdits, linesOf, type LineEdits } from "./line-edits.ts";
import { readRoles, type Grant, type Role, type Roles } from "./role-file.ts";
import { isError } from "./source.ts";

export interface Removal {
  /** Empty when nothing can be removed by taking lines away. */
  readonly edits: LineEdits;
  /** Those that stay: they share a line with others, or the file repeats them by aliases. */
  readonly unremoved: readonly RoleGrant[];
}

/**
 * Which lines of this role file go when these grants do? Comments and layout stay, and a role left with nothing gets `[]`.
 * What the file then grants is read again: edits that would change anything else are not made.
 */
export function removeGrants(text: string, roles: Roles, doomed: readonly RoleGrant[]): Removal {
  const lines = linesOf(text);
  const edits = new Map<number, string | null>();
  const removed = new Set<Grant>();
  for (const [role, grants] of byRole(roles, doomed)) {
    const items = grants.flatMap((grant) => {
      const own = itemLines(lines, grant);
      return own === null ? [] : [{ grant, own }];
    });
    const isEmptied = items.length === role.grants.size;
    const key = isEmptied ? emptiedRole(lines, role) : null;
    if (isEmptied && key === null) continue;
    for (const { grant, own } of items) {
      for (const line of own) edits.set(line, null);
      removed.add(grant);
    }
    if (key !== null) edits.set(role.place.line, key);
  }
  if (!isExact(applyEdits(text, edits), roles, removed)) return { edits: new Map(), unremoved: doomed };
  return { edits, unremoved: doomed.filter(({ grant }) => !removed.has(grant)) };
}

function byRole(roles: Roles, doomed: readonly RoleGrant[]): ReadonlyMap<Role, readonly Grant[]> {
  const grants = new Map<Role, Grant[]>();
  for (const { role: name, grant } of doomed) {
    const role = roles.get(name) as Role;
    const known = grants.get(role);
    if (known === undefined) grants.set(role, [grant]);
    else known.push(grant);
  }
  return grants;
}

const DASH = /^\ufeff? *- +$/;
const COMMENT = /^\s*#/;
/** A comment that speaks of the next line that is none: without that line it would speak of another one. */
const SUPPRESSION = /^\s*#\s*mcpctl-ignore\b/;

/** The lines of a grant that is an item of a block list, its suppressions above included; null for any other. */
function itemLines(lines: readonly string[], { place }: Grant): readonly number[] | null {
  const before = lines[place.line - 1]?.slice(0, place.column - 1) ?? "";
  if (!DASH.test(before)) return null;
  const indent = before.indexOf("-");
  let last = place.line;
  for (let line = last + 1; line <= lines.length && isWithin(lines[line - 1] as string, indent); line += 1) {
    if (!isFiller(lines[line - 1] as string)) last = line;
  }
  const own = Array.from({ length: last - place.line + 1 }, (_, index) => place.line + index);
  for (let line = place.line - 1; line > 0 && isFiller(lines[line - 1] as string); line -= 1) {
    if (SUPPRESSION.test(lines[line - 1] as string)) own.push(line);
  }
  return own;
}

/** May this line belong to an item whose dash stands in that column? Empty lines and comments belong to what follows them. */
function isWithin(line: string, indent: number): boolean {
  return isFiller(line) || line.length - line.trimStart().length > indent;
}

function isFiller(line: string): boolean {
  return line.trim() === "" || COMMENT.test(line);
}

/** A name as it may be written, and its colon. */
const KEY = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s:#"']+) *:(?=\s|$)/;

/** The line of a role's name with an empty list after it; null where the name does not stand alone before a block list. */
function emptiedRole(lines: readonly string[], { place }: Role): string | null {
  const line = lines[place.line - 1] ?? "";
  const at = place.column - 1 + (place.line === 1 && line.startsWith("\ufeff") ? 1 : 0);
  const key = KEY.exec(line.slice(at))?.[0];
  if (key === undefined) return null;
  const rest = line.slice(at + key.length);
  return rest.trim() === "" || rest.trim().startsWith("#") ? `${line.slice(0, at)}${key} []${rest}` : null;
}

/** Does this text grant all that the roles do, but for what was removed? */
function isExact(text: string, roles: Roles, removed: ReadonlySet<Grant>): boolean {
  const reading = readRoles("", new TextEncoder().encode(text));
  return !reading.findings.some(isError) && grantsOf(reading.roles, new Set()) === grantsOf(roles, removed);
}

function grantsOf(roles: Roles, removed: ReadonlySet<Grant>): string {
  const told = [...roles.values()].map(({ name, grants }) => [
    name,
    [...grants.values()].filter((grant) => !removed.has(grant)).map(({ backend, tools }) => [backend, tools]),
  ]);
  return JSON.stringify(told);
}
