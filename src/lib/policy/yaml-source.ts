import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  type Alias,
  type Document,
  type ParsedNode,
  type Scalar,
  type YAMLError,
} from "yaml";
import type { Finding, SourceText } from "./source.ts";

/** A YAML value with the place of everything in it. Maps keep their entries in order; names in them are unique. */
export type Tree =
  | { readonly kind: "map"; readonly at: number; readonly entries: readonly TreeEntry[] }
  | { readonly kind: "list"; readonly at: number; readonly items: readonly Tree[] }
  | {
      readonly kind: "scalar";
      readonly at: number;
      readonly value: string | number | boolean | null;
      readonly isBlockLiteral: boolean;
    };

/** Where an alias stands that repeats what has an anchor elsewhere. */
export interface AliasUse {
  readonly at: number;
  readonly name: string;
}

export interface TreeEntry {
  readonly name: string;
  readonly at: number;
  readonly value: Tree;
}

export interface YamlReading {
  /** One tree per document that is not empty; unusable when a finding is an error. */
  readonly documents: readonly Tree[];
  readonly findings: readonly Finding[];
  readonly aliases: readonly AliasUse[];
}

/** Nothing we read nests deeper than a ConfigMap in a List. */
const MAX_DEPTH = 32;
/** After this many errors of syntax the rest is noise. */
const MAX_SYNTAX_FINDINGS = 20;
/** How many values aliases may add; a bomb stops here. */
const MAX_ALIASED_VALUES = 100_000;

/**
 * What does this YAML say, read so that YAML 1.1 and 1.2 parsers agree? A name twice, merge keys, tags, directives
 * and plain scalars that the versions take for different values are errors.
 */
export function parseYaml(source: SourceText): YamlReading {
  const findings: Finding[] = [];
  let documents: readonly Document.Parsed[];
  try {
    // The parser's own duplicate check is quadratic; ours is in toTree.
    const parsed = parseAllDocuments(source.text, { uniqueKeys: false, prettyErrors: false, version: "1.2" });
    documents = Array.isArray(parsed) ? parsed : [];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { documents: [], findings: [unreadable(source, "MC001", 0, "nested too deeply to be read")], aliases: [] };
  }
  let lastAt = -1;
  for (const document of documents) {
    for (const problem of [...document.errors, ...document.warnings]) {
      if (findings.length >= MAX_SYNTAX_FINDINGS || problem.pos[0] === lastAt) continue;
      lastAt = problem.pos[0];
      findings.push(syntaxFinding(source, problem));
    }
    if (document.directives?.yaml.explicit === true) {
      const at = Math.max(source.text.indexOf("%YAML"), 0);
      findings.push(unreadable(source, "MC109", at, "a %YAML directive changes how the rest is read"));
    }
  }
  if (findings.length > 0) return { documents: [], findings, aliases: [] };
  const aliases: AliasUse[] = [];
  const trees: Tree[] = [];
  for (const document of documents) {
    const reader = new TreeReader(source, document, findings, aliases);
    if (document.contents !== null && !isEmpty(document.contents)) trees.push(reader.read(document.contents, 0));
  }
  return { documents: trees, findings, aliases };
}

function syntaxFinding(source: SourceText, { code, pos, message }: YAMLError): Finding {
  if (code === "TAB_AS_INDENT") return unreadable(source, "MC106", pos[0], message, "Indent with spaces.");
  // A bare `*`; one with a name behind it is an alias that nothing defines.
  if (code === "BAD_ALIAS") return unreadable(source, "MC305", pos[0], NO_WILDCARD, WILDCARD_HINT);
  return unreadable(source, "MC001", pos[0], message);
}

const NO_WILDCARD = "`*` is an alias to YAML, and no wildcard";
const WILDCARD_HINT = "Name each backend on a line of its own.";

/** The plain value of a tree, for a schema to judge; objects have no prototype, so no name is special. */
export function plainValue(tree: Tree): unknown {
  if (tree.kind === "scalar") return tree.value;
  if (tree.kind === "list") return tree.items.map(plainValue);
  const value = Object.create(null) as Record<string, unknown>;
  for (const entry of tree.entries) value[entry.name] = plainValue(entry.value);
  return value;
}

export function entryOf(tree: Tree, name: string): TreeEntry | undefined {
  return tree.kind === "map" ? tree.entries.find((entry) => entry.name === name) : undefined;
}

/** The part of a tree at a JSON Pointer (RFC 6901); the deepest part that exists when it does not. */
export function treeAt(tree: Tree, pointer: string): Tree {
  let here = tree;
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const next: Tree | undefined = here.kind === "list" ? here.items[Number(name)] : entryOf(here, name)?.value;
    if (next === undefined) return here;
    here = next;
  }
  return here;
}

function isEmpty(node: ParsedNode): boolean {
  return isScalar(node) && node.value === null && node.source === "";
}

function unreadable(source: SourceText, code: string, at: number, message: string, hint?: string): Finding {
  return source.finding(code, at, message, { isUnreadable: true, hint: hint ?? null });
}

class TreeReader {
  readonly #source: SourceText;
  readonly #document: Document.Parsed;
  readonly #findings: Finding[];
  readonly #aliases: AliasUse[];
  #aliasedValues = 0;

  constructor(source: SourceText, document: Document.Parsed, findings: Finding[], aliases: AliasUse[]) {
    this.#source = source;
    this.#document = document;
    this.#findings = findings;
    this.#aliases = aliases;
  }

  read(node: ParsedNode | null, depth: number, aliasAt?: number): Tree {
    const at = aliasAt ?? node?.range[0] ?? 0;
    if (node === null) return nothing(at);
    if (depth > MAX_DEPTH) return this.#refuse("MC001", at, "nested too deeply to be read");
    if (aliasAt !== undefined && (this.#aliasedValues += 1) > MAX_ALIASED_VALUES) {
      return this.#aliasedValues === MAX_ALIASED_VALUES + 1
        ? this.#refuse("MC103", at, "aliases repeat more values than can be read")
        : nothing(at);
    }
    if (isAlias(node)) return this.#readAlias(node, depth, at);
    if (node.tag !== undefined) {
      return this.#refuse(
        "MC109",
        at,
        `the tag ${node.tag.slice(0, 60)} changes how the value is read`,
        "Remove the tag.",
      );
    }
    if (isMap(node)) return this.#readMap(node, depth, at, aliasAt);
    if (isSeq(node)) {
      const items = (node.items as (ParsedNode | null)[]).map((item) => this.read(item, depth + 1, aliasAt));
      return { kind: "list", at, items };
    }
    return this.#readScalar(node, at);
  }

  #readMap(node: ParsedMap, depth: number, at: number, aliasAt: number | undefined): Tree {
    const entries: TreeEntry[] = [];
    const firstAt = new Map<string, number>();
    for (const pair of node.items) {
      const key = pair.key;
      const keyAt = aliasAt ?? key?.range[0] ?? at;
      if (!isScalar(key)) {
        this.#refuse("MC002", keyAt, "a name must be a plain text");
        continue;
      }
      const name = this.#readName(key, keyAt);
      if (name === null) continue;
      const before = firstAt.get(name);
      if (before !== undefined) {
        const line = this.#source.place(before).line;
        this.#refuse(
          "MC101",
          keyAt,
          `the name "${name.slice(0, 80)}" stands here and in line ${line}`,
          "Merge the two or remove one.",
        );
        continue;
      }
      firstAt.set(name, keyAt);
      entries.push({ name, at: keyAt, value: this.read(pair.value, depth + 1, aliasAt) });
    }
    return { kind: "map", at, entries };
  }

  #readName(key: ParsedScalar, at: number): string | null {
    if (key.type === "PLAIN" && key.source === "<<") {
      this.#refuse(
        "MC102",
        at,
        "a merge key `<<` is merged by some parsers and a name to others",
        "Write the entries out.",
      );
      return null;
    }
    if (key.tag !== undefined) {
      this.#refuse("MC109", at, `the tag ${key.tag.slice(0, 60)} changes how the name is read`, "Remove the tag.");
      return null;
    }
    const findings = this.#findings.length;
    const tree = this.#readScalar(key, at);
    if (tree.kind === "scalar" && typeof tree.value === "string") return tree.value;
    if (this.#findings.length === findings) this.#refuse("MC002", at, "a name must be a text; put it in quotes");
    return null;
  }

  #readAlias(node: Alias.Parsed, depth: number, at: number): Tree {
    const target = node.resolve(this.#document) as ParsedNode | undefined;
    if (target === undefined) {
      const message = `*${node.source.slice(0, 60)} is an alias without an anchor before it; * is no wildcard`;
      return this.#refuse("MC305", at, message, WILDCARD_HINT);
    }
    if (at === node.range[0]) this.#aliases.push({ at, name: node.source });
    return this.read(target, depth + 1, at);
  }

  #readScalar(node: ParsedScalar, at: number): Tree {
    const { value, type, source } = node;
    if (type === "PLAIN" && source !== undefined && source !== "" && isReadTwoWays(source)) {
      return this.#refuseTwoWays(node, source, at);
    }
    if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      return { kind: "scalar", at, value, isBlockLiteral: type === "BLOCK_LITERAL" };
    }
    return this.#refuse("MC002", at, "this value is not a text, number or boolean");
  }

  #refuseTwoWays(node: ParsedScalar, source: string, at: number): Tree {
    const code = /^[-+.\d]/.test(source) ? "MC105" : "MC104";
    const shown = source.slice(0, 60);
    const fix = at === node.range[0] ? this.#source.fix(at, node.range[1], JSON.stringify(source)) : null;
    this.#findings.push(
      this.#source.finding(code, at, `${shown} without quotes is one value in YAML 1.1 and another in 1.2`, {
        isUnreadable: true,
        hint: `Write ${JSON.stringify(shown)}.`,
        length: source.length,
        ...(fix === null ? {} : { fix }),
      }),
    );
    return nothing(at);
  }

  #refuse(code: string, at: number, message: string, hint?: string): Tree {
    this.#findings.push(unreadable(this.#source, code, at, message, hint));
    return nothing(at);
  }
}

type ParsedScalar = Scalar.Parsed;
interface ParsedMap {
  readonly items: readonly { readonly key: ParsedNode | null; readonly value: ParsedNode | null }[];
}

function nothing(at: number): Tree {
  return { kind: "scalar", at, value: null, isBlockLiteral: false };
}

const WORDS_OF_1_1 = /^(?:y|Y|n|N|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|=)$/;
const NUMBERS_OF_1_1 = [
  /^[-+]?0b[01_]+$/,
  /^[-+]?0[0-7_]+$/,
  /^[-+]?0[0-9]+$/,
  /^0o[0-7]+$/,
  /^[-+]?[0-9][0-9_]*_[0-9_]*$/,
  /^[-+]?0x[0-9a-fA-F_]*_[0-9a-fA-F_]*$/,
  /^[-+]0x[0-9a-fA-F]+$/,
  /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/,
  /^[-+]?[0-9][0-9_]*\.[0-9_]*_[0-9_]*$/,
  /^\d{4}-\d\d?-\d\d?(?:(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?)?)?$/,
];

/** Do YAML 1.1 (types of yaml.org/type) and the 1.2 core schema give this plain scalar different values? */
function isReadTwoWays(source: string): boolean {
  if (WORDS_OF_1_1.test(source)) return true;
  return /^[-+\d]/.test(source) && NUMBERS_OF_1_1.some((pattern) => pattern.test(source));
}
