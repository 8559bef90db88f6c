import {
  isNode,
  isMap,
  isScalar,
  parseAllDocuments,
  visit,
  type Document,
  type Node,
  type Tags,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import { parseJson } from "../json/parse-json.ts";
import { MAX_POLICY_BYTES, SourceText, type Finding, type Place } from "../policy/source.ts";
import { jsonOffsets } from "./json-offsets.ts";

/** Names and indexes from a document's top down to a part of it. */
export type Path = readonly (string | number)[];

/** One document of a file that describes the layers below the gateway, as plain JSON values. */
export interface FactDocument {
  readonly file: string;
  readonly value: unknown;
  /** Where the part at this path stands, or else the deepest part above it that there is. */
  placeOf(path: Path): Place;
}

export interface DocumentsReading {
  readonly documents: readonly FactDocument[];
  /** Why the file cannot be used; all of them are errors. */
  readonly findings: readonly Finding[];
}

/** How many times aliases may repeat what has an anchor; a bomb stops here. */
const MAX_ALIASES = 1_000;
const MAX_FINDINGS = 20;
const YAML_TAGS = "tag:yaml.org,2002:";
/** What JSON can say; a set or a date could be taken for an object without members. */
const JSON_TAGS = ["map", "seq", "str", "int", "float", "bool", "null"].map((name) => YAML_TAGS + name);

/**
 * What does this file of Kubernetes or AWS say? JSON, or YAML as the Kubernetes tools read it (1.1, with merge keys), of
 * at most 64 MiB. A name that stands twice in one object is an error, as for the API server under strict validation.
 */
export function readDocuments(file: string, bytes: Uint8Array): DocumentsReading {
  if (bytes.length > MAX_POLICY_BYTES) return unreadable(new SourceText(file, ""), 0, "the file is larger than 64 MiB");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return unreadable(new SourceText(file, ""), 0, "the file is not UTF-8");
  }
  const source = new SourceText(file, text);
  if (/^\s*[{[]/.test(text)) {
    const json = readJson(source);
    if (json !== null) return json;
  }
  return readYaml(source);
}

/** A document that came from no file: its parts stand in what they belong to, like `cluster ClusterRole/mcp-viewer`. */
export function documentOf(from: string, value: unknown): FactDocument {
  const placeOf = (path: Path): Place => {
    const [list, index] = path;
    const owner = list === undefined || index === undefined ? null : ownerOf(value, list, index);
    return { file: owner === null ? from : `${from} ${owner}`, line: 1, column: 1 };
  };
  return { file: from, value, placeOf };
}

/** Null where it has no name. */
function ownerOf(value: unknown, list: string | number, index: string | number): string | null {
  const owner = (value as Readonly<Record<string, readonly unknown[] | undefined>>)[list]?.[Number(index)] as Owner;
  if (owner?.RoleName !== undefined) return `role ${owner.RoleName}`;
  if (owner?.PolicyName !== undefined) return `policy ${owner.PolicyName}`;
  const { kind, metadata } = owner ?? {};
  const names = [metadata?.namespace, metadata?.name].filter((name) => name !== undefined);
  return names.length === 0 ? null : [kind, ...names].join("/");
}

/** The names of a Kubernetes object, or of a part of IAM. */
type Owner =
  | {
      readonly RoleName?: string;
      readonly PolicyName?: string;
      readonly kind?: string;
      readonly metadata?: { readonly namespace?: string; readonly name?: string };
    }
  | undefined;

/** Null for what is no JSON, and may be YAML. */
function readJson(source: SourceText): DocumentsReading | null {
  const reading = parseJson(source.text);
  if (!reading.ok) return reading.problem === "malformed" ? null : unreadable(source, 0, reading.detail);
  const offsetOf = jsonOffsets(source.text);
  const placeOf = (path: Path): Place => source.place(offsetOf(path));
  return { documents: [{ file: source.file, value: reading.value, placeOf }], findings: [] };
}

function readYaml(source: SourceText): DocumentsReading {
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
  return findings.length > 0 ? { documents: [], findings: findings.slice(0, MAX_FINDINGS) } : { documents, findings };
}

/** As kubectl has it, where 2026-01-01 is a text. */
function withoutDates(tags: Tags): Tags {
  return tags.filter((tag) => typeof tag !== "object" || tag.tag !== `${YAML_TAGS}timestamp`);
}

/** Whatever JSON has no word for is a problem, too. */
function problemsOf(source: SourceText, document: Document.Parsed): readonly Finding[] {
  const problems = document.errors.map(({ pos, message }: YAMLError) => finding(source, pos[0], message));
  const say = ({ range }: Node, message: string): void => void problems.push(finding(source, range?.[0] ?? 0, message));
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
      for (const [key, message] of oddNames(map)) say(key, message);
    },
    Alias: (_, alias, path) => {
      const target = anchors.get(alias.source);
      if (target === undefined) say(alias, "this is an alias of nothing");
      else if (path.some((node) => node === target)) say(alias, "this alias repeats what it stands in");
    },
  });
  return problems;
}

function* oddNames({ items }: YAMLMap): Iterable<readonly [Node, string]> {
  const names = new Set<unknown>();
  for (const { key } of items) {
    if (!isScalar(key)) {
      if (isNode(key)) yield [key, "a name is a text, and no alias, list or object"];
      continue;
    }
    if (key.value === "<<") continue;
    if (names.has(key.value)) yield [key, `the name ${JSON.stringify(String(key.value).slice(0, 80))} stands twice`];
    names.add(key.value);
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

function unreadable(source: SourceText, at: number, message: string): DocumentsReading {
  return { documents: [], findings: [finding(source, at, message)] };
}

function finding(source: SourceText, at: number, message: string): Finding {
  return source.finding("MC001", at, message, { isUnreadable: true });
}
