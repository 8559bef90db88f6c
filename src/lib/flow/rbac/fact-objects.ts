import { at, isJsonObject, textAt, type JsonObject } from "../../json/members.ts";
import type { FactDocument, Path } from "../document.ts";
import { flaw, type Flaw } from "../flaw.ts";

/** One Kubernetes object among the facts, and where it stands. */
export interface FactObject {
  readonly apiVersion: string;
  /** The empty text for the core group. */
  readonly group: string;
  readonly kind: string;
  readonly value: JsonObject;
  readonly document: FactDocument;
  /** From the document's top to the object. */
  readonly path: Path;
}

export interface ObjectsReading {
  readonly objects: readonly FactObject[];
  /** Lists of any kind, whose items are among the objects. */
  readonly lists: readonly FactObject[];
  readonly flaws: readonly Flaw[];
}

/** `namespace/name`, as the registry writes ServiceAccounts. */
export function namespacedName({ value }: Pick<FactObject, "value">): string {
  const metadata = at(value, "metadata");
  return `${textAt(metadata, "namespace")}/${textAt(metadata, "name")}`;
}

/** kubectl prints one level; people join files by hand into a second. */
const MAX_NESTED_LISTS = 8;

/**
 * Which objects are in these documents? `List` and `RoleList` and the like are taken apart, and their items, which the
 * API prints without `kind`, have the list's.
 */
export function unwrapObjects(documents: readonly FactDocument[]): ObjectsReading {
  const reading = { objects: [] as FactObject[], lists: [] as FactObject[], flaws: [] as Flaw[] };
  for (const document of documents) unwrap({ document, path: [], value: document.value, list: null }, 0, reading);
  return reading;
}

interface Part {
  readonly document: FactDocument;
  readonly path: Path;
  readonly value: unknown;
  readonly list: FactObject | null;
}

type Growing = { readonly [Name in keyof ObjectsReading]: ObjectsReading[Name][number][] };

function unwrap(part: Part, depth: number, found: Growing): void {
  const { document, path, value, list } = part;
  if (!isJsonObject(value)) return void found.flaws.push(flaw(part, "this is no Kubernetes object"));
  // A plain List has items of any kind, which say theirs.
  const like = list === null || list.kind === "List" ? null : list;
  const apiVersion = textAt(value, "apiVersion") ?? like?.apiVersion ?? "";
  const kind = textAt(value, "kind") ?? like?.kind.slice(0, -"List".length) ?? "";
  if (kind === "" && Object.hasOwn(value, "apiVersion")) return void found.flaws.push(flaw(part, "it says no kind"));
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  const object = { apiVersion, group, kind, value, document, path };
  const items = kind.endsWith("List") ? at(value, "items") : undefined;
  if (items === undefined && kind !== "List") return void found.objects.push(object);
  found.lists.push(object);
  if (items === null) return;
  if (!Array.isArray(items)) return void found.flaws.push(flaw(part, `the items of this ${kind} are no list`));
  if (depth === MAX_NESTED_LISTS) return void found.flaws.push(flaw(part, "lists are nested too deeply here"));
  for (const [index, item] of items.entries())
    unwrap({ document, path: [...path, "items", index], value: item, list: object }, depth + 1, found);
}
