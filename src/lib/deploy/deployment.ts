import { partitionOf } from "../aws/partition.ts";

/** What a gateway in a cluster is set up with. */
export interface DeployOptions {
  /** Of the gateway; every object's name begins with it. */
  readonly name: string;
  readonly namespace: string;
  /** Where the MCP servers run, and nothing else does. */
  readonly serversNamespace: string;
  /** Of the key records, like `/mcp-gateway/keys`. */
  readonly path: string;
  readonly region: string;
  /** What the External Secrets Operator reads the records with. */
  readonly iamRoleArn: string;
  readonly image: string;
  /** What agents call the gateway; its host is served beside the Service's names. */
  readonly url: string;
  /** Who syncs and breaks glass: a group of the cluster's users. */
  readonly oncallGroup: string;
  /** From where the API server connects to pods. */
  readonly apiServerCidrs: readonly string[];
}

/** Never routed (RFC 5737): until it is replaced, nobody is let in. */
export const CIDR_PLACEHOLDER = "192.0.2.0/24";

export const PORTS = { mcp: 8080, admin: 8081 } as const;

/** The names of what belongs to one gateway. */
export function namesOf({ name, namespace }: Pick<DeployOptions, "name" | "namespace">) {
  return {
    gateway: name,
    keys: `${name}-keys`,
    keysReader: `${name}-keys-reader`,
    store: `${name}-ssm`,
    denylist: `${name}-denylist`,
    roles: `${name}-roles`,
    backends: `${name}-backends`,
    session: `${name}-session`,
    oncall: `${name}-oncall`,
    servers: `${name}-servers`,
    /** Of objects of the whole cluster, which other gateways have as well. */
    clusterIdentity: `${name}-cluster-identity.${namespace}`,
    forceSyncOnly: `${name}-force-sync-only.${namespace}`,
  } as const;
}

export function labelsOf(name: string): Readonly<Record<string, string>> {
  return { "app.kubernetes.io/name": name };
}

/** What tells the gateway's pods from all others. */
export function gatewayLabels(name: string): Readonly<Record<string, string>> {
  return { ...labelsOf(name), "app.kubernetes.io/component": "gateway" };
}

export function defaultIamRole(region: string, account: string, name: string): string {
  return `arn:${partitionOf(region)}:iam::${account}:role/${name}-keys-reader`;
}
