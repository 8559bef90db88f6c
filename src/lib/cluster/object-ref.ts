/** One Secret or ConfigMap. */
export interface ObjectRef {
  readonly resource: "secrets" | "configmaps";
  readonly namespace: string;
  readonly name: string;
}

const WRITTEN = /^(secret|configmap):([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)\/([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?)$/;

/** `secret:NAMESPACE/NAME` or `configmap:NAMESPACE/NAME`; null for anything else. An absolute path is never one. */
export function parseObjectRef(text: string): ObjectRef | null {
  const match = WRITTEN.exec(text);
  if (match === null) return null;
  const [, kind, namespace = "", , name = ""] = match;
  return { resource: kind === "secret" ? "secrets" : "configmaps", namespace, name };
}

/** For people: `Secret mcp-gateway/keys`. */
export function objectLabel({ resource, namespace, name }: ObjectRef): string {
  return `${resource === "secrets" ? "Secret" : "ConfigMap"} ${namespace}/${name}`;
}
