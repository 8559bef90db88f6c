import { parseJson } from "../json/parse-json.ts";
import { MAX_POLICY_BYTES, SourceText, type Finding, type Place } from "../policy/source.ts";
import { jsonOffsets } from "./json-offsets.ts";
import { unreadable } from "./unreadable.ts";
import { MOST_YAML, readYaml } from "./yaml-documents.ts";

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
  /** What reading it has used up of the most YAML that is read; JSON uses nothing. */
  readonly size: number;
}

/**
 * What does this file of Kubernetes or AWS say? JSON, or YAML as the Kubernetes tools read it (1.1, with merge keys), of
 * at most 64 MiB. A name that stands twice in one object is an error, as for the API server under strict validation.
 * `mostYaml`: what others have left of MOST_YAML.
 */
export function readDocuments(file: string, bytes: Uint8Array, mostYaml = MOST_YAML): DocumentsReading {
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
  return readYaml(source, mostYaml);
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
  return { documents: [{ file: source.file, value: reading.value, placeOf }], findings: [], size: 0 };
}
