import { namesOf, type DeployOptions } from "../../../src/lib/deploy/deployment.ts";
import { gatewayRightsManifests } from "../../../src/lib/deploy/gateway-rights.ts";
import { keysSecretManifests } from "../../../src/lib/deploy/keys-secret.ts";
import type { Manifest } from "../../../src/lib/deploy/manifest.ts";
import { oncallRightsManifests } from "../../../src/lib/deploy/oncall-rights.ts";

/** What `mcpctl init` would be told: the tests run on what it writes. */
const DEPLOY: DeployOptions = {
  name: "mcp-gateway",
  namespace: "mcp-gateway",
  serversNamespace: "mcp-servers",
  path: "/mcp-gateway/keys",
  region: "eu-central-1",
  iamRoleArn: "arn:aws:iam::123456789012:role/none",
  image: "none",
  url: "http://mcp.example.com",
  oncallGroup: "oncall",
  apiServerCidrs: [],
};
const NAMES = namesOf(DEPLOY);
export const NAMESPACE = DEPLOY.namespace;
export const PATH = DEPLOY.path;
export const KEYS = NAMES.keys;
export const DENYLIST = NAMES.denylist;
export const SERVICE = NAMES.gateway;

export type Json = Readonly<Record<string, unknown>>;

export function namespaceOf(name: string): Json {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

/** A store with keys in a Secret, for moto asks for any. */
export function secretStore(): readonly Json[] {
  const metadata = { name: NAMES.store, namespace: NAMESPACE };
  const key = (name: string) => ({ name: "moto-credentials", key: name });
  return [
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "moto-credentials", namespace: NAMESPACE },
      stringData: { id: "AKIAIOSFODNN7EXAMPLE", secret: "test-only-not-a-secret" },
    },
    {
      apiVersion: "external-secrets.io/v1",
      kind: "SecretStore",
      metadata,
      spec: {
        provider: {
          aws: {
            service: "ParameterStore",
            region: "eu-central-1",
            auth: { secretRef: { accessKeyIDSecretRef: key("id"), secretAccessKeySecretRef: key("secret") } },
          },
        },
      },
    },
  ];
}

/** The ExternalSecret that `mcpctl init` writes, with this laid over its spec. */
export function externalSecret(spec: Json = {}): Json {
  const written = objectOf(keysSecretManifests(DEPLOY), "ExternalSecret");
  return { ...written, spec: { ...(written["spec"] as Json), ...spec } };
}

function objectOf(manifests: readonly Manifest[], kind: string): Json {
  const found = manifests.find(({ object }) => object.kind === kind);
  if (found === undefined) throw new Error(`init writes no ${kind}`);
  return found.object;
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** What a user may do in the namespace, and that it may see which cluster this is. */
export function rightsOf(user: string, rules: readonly Rule[]): readonly Json[] {
  const subject = { kind: "User", apiGroup: "rbac.authorization.k8s.io", name: user };
  return granted(user, subject, rules);
}

export function rightsOfServiceAccount(name: string, rules: readonly Rule[]): readonly Json[] {
  return granted(name, { kind: "ServiceAccount", namespace: NAMESPACE, name }, rules);
}

function granted(name: string, subject: Json, rules: readonly Rule[]): readonly Json[] {
  const rbac = "rbac.authorization.k8s.io";
  const cluster = `${name}-sees-cluster`;
  return [
    { apiVersion: `${rbac}/v1`, kind: "Role", metadata: { name, namespace: NAMESPACE }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata: { name, namespace: NAMESPACE },
      roleRef: { apiGroup: rbac, kind: "Role", name },
      subjects: [subject],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRole",
      metadata: { name: cluster },
      rules: [{ apiGroups: [""], resources: ["namespaces"], resourceNames: ["kube-system"], verbs: ["get"] }],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name: cluster },
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name: cluster },
      subjects: [subject],
    },
  ];
}

/** The least that a person needs to sync and to break glass. */
export const ONCALL_RULES = objectOf(oncallRightsManifests(DEPLOY), "Role")["rules"] as readonly Rule[];
export const GATEWAY_RULES = objectOf(gatewayRightsManifests(DEPLOY), "Role")["rules"] as readonly Rule[];

/** A pod that nobody schedules; its address is patched into its status. */
export function pod(name: string): Json {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: NAMESPACE, labels: { app: SERVICE } },
    spec: { containers: [{ name: "gateway", image: "none" }] },
  };
}

export function podStatus(address: string): Json {
  return {
    status: {
      phase: "Running",
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  };
}

export interface EndpointOf {
  readonly pod: string;
  readonly address: string;
  readonly isTerminating?: boolean;
}

export function endpointSlice(endpoints: readonly EndpointOf[]): Json {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${SERVICE}-1`, namespace: NAMESPACE, labels: { "kubernetes.io/service-name": SERVICE } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: endpoints.map(({ pod: name, address, isTerminating = false }) => ({
      addresses: [address],
      conditions: { ready: !isTerminating, serving: true, terminating: isTerminating },
      targetRef: { kind: "Pod", namespace: NAMESPACE, name },
    })),
  };
}
