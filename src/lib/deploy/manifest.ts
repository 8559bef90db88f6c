import { Document, isMap, isNode, isScalar, isSeq } from "yaml";

/** Why a part of a manifest is as it is: the place of the part, and the words above it. */
export type Remark = readonly [path: readonly (string | number)[], text: string];

export interface KubeManifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/** An object, and what a person who edits it needs to know. */
export interface Manifest<T extends object = KubeManifest> {
  readonly object: T;
  readonly about?: string;
  readonly remarks?: readonly Remark[];
}

/** The manifests as one YAML file, a document each. */
export function manifestYaml(manifests: readonly Manifest<object>[]): string {
  return manifests.map((manifest) => documentYaml(manifest)).join("---\n");
}

function documentYaml({ object, about, remarks = [] }: Manifest<object>): string {
  // kubectl reads YAML 1.1, to which `on` is no text. A part that stands twice is written twice, without an anchor.
  const document = new Document(object, { compat: "yaml-1.1", aliasDuplicateObjects: false });
  for (const [path, text] of remarks) remark(document, path, text);
  const head = about === undefined ? "" : `${comment(about).replaceAll(/^/gm, "#")}\n`;
  return `${head}${document.toString({ lineWidth: 0 })}`;
}

function remark(document: Document, path: readonly (string | number)[], text: string): void {
  const parent = document.getIn(path.slice(0, -1), true);
  const last = path.at(-1);
  const key = isMap(parent) ? parent.items.find((pair) => isScalar(pair.key) && pair.key.value === last)?.key : null;
  const node = isSeq(parent) ? parent.items[Number(last)] : key;
  if (!isNode(node)) throw new Error(`there is nothing at ${path.join(".")} to remark on`);
  node.commentBefore = comment(text);
}

function comment(text: string): string {
  return text.replaceAll(/^/gm, " ");
}
