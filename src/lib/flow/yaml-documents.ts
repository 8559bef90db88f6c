import {
  isNode,
  isMap,
  isScalar,
  parseAllDocuments,
  visit,
  type Document,
  type Node,
  type Scalar,
  type Tags,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import type { Finding, Place, SourceText } from "../policy/source.ts";
import type { DocumentsReading, FactDocument, Path } from "./document.ts";
import { unreadable, unreadableAt } from "./unreadable.ts";

/** Lines and commas, between which stand all values but the first; reading one takes a thousand bytes, and microseconds. */
export const MOST_YAML = 1_000_000;
/** How many times aliases may repeat what has an anchor; a bomb stops here. */
const MAX_ALIASES = 1_000;
const MAX_FINDINGS = 20;
const YAML_TAGS = "tag:yaml.org,2002:";
/** What JSON can say; a set or a date could be taken for an object without members. */
const JSON_TAGS = ["map", "seq", "str", "int", "float", "bool", "null"].map((name) => YAML_TAGS + name);

/** All documents of this text; `most`: what others have left of MOST_YAML. */
export function readYaml(source: SourceText, most: number): DocumentsReading {
  const size = sizeOf(source.text);
  if (size > most)
    return unreadable(
      source,
      0,
      "this is no JSON, and too much YAML to be read; write it as JSON (`kubectl get -o json`)",
    );
  const findings: Finding[] = [];
  const documents: FactDocument[] = [];
  try {
    // The parser's own search for a name that stands twice takes quadratic time.
    const parsed = parseAllDocuments(source.text, {
      uniqueKeys: false,
      prettyErrors: false,
      version: "1.1",
      merge: true,
      customTags: withoutDates,
    });
    for (const document of Array.isArray(parsed) ? (parsed as Document.Parsed[]) : []) {
      findings.push(...problemsOf(source, document));
      if (findings.length > 0) continue;
      const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
      if (value === null || value === undefined) continue;
      const placeOf = (path: Path): Place => source.place(offsetInYaml(document, path));
      documents.push({ file: source.file, value, placeOf });
    }
  } catch (error) {
    if (error instanceof TypeError) throw error;
    const isTooMuch = error instanceof RangeError || error instanceof ReferenceError;
    const message = isTooMuch
      ? "nested too deeply, or with too many aliases, to be read"
      : "it merges what is no object";
    return unreadable(source, 0, message);
  }
  return findings.length > 0
    ? { documents: [], findings: findings.slice(0, MAX_FINDINGS), size }
    : { documents, findings, size };
}

/** As kubectl has it, where 2026-01-01 is a text. */
function withoutDates(tags: Tags): Tags {
  return tags.filter((tag) => typeof tag !== "object" || tag.tag !== `${YAML_TAGS}timestamp`);
}

/** Whatever JSON has no word for is a problem, too. */
function problemsOf(source: SourceText, document: Document.Parsed): readonly Finding[] {
  const problems = document.errors.map((error: YAMLError) => unreadableAt(source, error.pos[0], messageOf(error)));
  const say = ({ range }: Node, message: string): void =>
    void problems.push(unreadableAt(source, range?.[0] ?? 0, message));
  const anchors = new Map<string, Node>();
  const enter = (node: Node): void => {
    if (node.anchor !== undefined) anchors.set(node.anchor, node);
    const { tag = "" } = node;
    if (tag.startsWith(YAML_TAGS) && !JSON_TAGS.includes(tag))
      say(node, `!!${tag.slice(YAML_TAGS.length).slice(0, 80)} is nothing that JSON has`);
  };
  visit(document, {
    Scalar: (_, scalar) => enter(scalar),
    Seq: (_, list) => enter(list),
    Map: (_, map) => {
      enter(map);
      for (const [key, message] of oddKeys(map)) say(key, message);
    },
    Alias: (_, alias, path) => {
      const target = anchors.get(alias.source);
      if (target === undefined) say(alias, "this is an alias of nothing");
      else if (path.some((node) => node === target)) say(alias, "this alias repeats what it stands in");
    },
  });
  return problems;
}

function messageOf({ code, message }: YAMLError): string {
  return code === "RESOURCE_EXHAUSTION" ? "nested too deeply to be read" : message;
}

function* oddKeys({ items }: YAMLMap): Iterable<readonly [Node, string]> {
  const names = new Set<unknown>();
  for (const { key } of items) {
    if (!isScalar(key)) {
      if (isNode(key)) yield [key, "a name is a text, and no alias, list or object"];
      continue;
    }
    if (key.value === "<<") continue;
    // JSON has names that are texts alone, and a merge key, which is a symbol, is none.
    const { value } = key as Scalar<boolean | null | number | string | symbol>;
    const name = typeof value === "symbol" ? value : String(value ?? "");
    if (names.has(name)) yield [key, `the name ${JSON.stringify(String(name).slice(0, 80))} stands twice`];
    names.add(name);
  }
}

function offsetInYaml(document: Document.Parsed, path: Path): number {
  for (let length = path.length; length > 0; length -= 1) {
    const step = path[length - 1];
    const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    // A member is where its name stands.
    const key = isMap(parent) ? parent.items.find((pair) => isScalar(pair.key) && pair.key.value === step)?.key : null;
    const node: unknown = key ?? document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range !== undefined && node.range !== null) return node.range[0];
  }
  return document.contents?.range[0] ?? 0;
}

function sizeOf(text: string): number {
  let size = 0;
  for (const mark of ["\n", ","]) for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) size += 1;
  return size;
}
