/** The parts of Kubernetes objects that mcpctl reads; whatever is read of them may be missing. */
export interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly deletionTimestamp?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly kind?: string; readonly name?: string }[];
}

export interface KubeObject {
  readonly kind?: string;
  readonly metadata?: Metadata;
}

export interface KubeList<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[];
}

export interface SecretObject extends KubeObject {
  readonly type?: string;
  readonly immutable?: boolean;
  /** Base64. */
  readonly data?: Readonly<Record<string, string>>;
}

export interface ConfigMapObject extends KubeObject {
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
  /** Base64. */
  readonly binaryData?: Readonly<Record<string, string>>;
}

/** The bytes of one data key of a Secret or ConfigMap; null when it has none of that name. */
export function dataOf(object: SecretObject & ConfigMapObject, key: string): Buffer | null {
  const text = object.data?.[key];
  const binary = object.binaryData?.[key];
  if (object.kind === "Secret") return text === undefined ? null : Buffer.from(text, "base64");
  if (text !== undefined) return Buffer.from(text);
  return binary === undefined ? null : Buffer.from(binary, "base64");
}
