const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Names of Namespaces are labels of RFC 1123 (Kubernetes, "Object Names and IDs"). */
export function isNamespaceName(text: string): boolean {
  return LABEL.test(text);
}
