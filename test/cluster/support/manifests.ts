/** The name that everything of the gateway has in these tests, and its namespace. */
export const NAMESPACE = "mcp-gateway";
export const KEYS = "mcp-gateway-keys";
export const DENYLIST = "mcp-gateway-denylist";
export const SERVICE = "mcp-gateway";

export type Json = Readonly<Record<string, unknown>>;

export function namespaceOf(name: string): Json {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

/** A store with keys in a Secret, for moto asks for any. */
export function secretStore(): readonly Json[] {
  const metadata = { name: "mcp-ssm", namespace: NAMESPACE };
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

export interface ExternalSecretOptions {
  readonly path: string;
  readonly name?: string;
  readonly refreshInterval?: string;
  /** Laid over the spec. */
  readonly spec?: Json;
}

export function externalSecret({ path, name = KEYS, refreshInterval = "1m", spec = {} }: ExternalSecretOptions): Json {
  return {
    apiVersion: "external-secrets.io/v1",
    kind: "ExternalSecret",
    metadata: { name, namespace: NAMESPACE },
    spec: {
      refreshPolicy: "Periodic",
      refreshInterval,
      secretStoreRef: { kind: "SecretStore", name: "mcp-ssm" },
      target: {
        name,
        creationPolicy: "Owner",
        deletionPolicy: "Merge",
        template: {
          engineVersion: "v2",
          mergePolicy: "Replace",
          data: {
            "keys.json": "{{ . | toJson }}",
            synced: '{{ dateInZone "2006-01-02T15:04:05Z" now "UTC" }}',
          },
        },
      },
      dataFrom: [
        {
          find: {
            path,
            name: { regexp: `^${path}/[a-z0-9][a-z0-9._-]{0,62}/[0-9a-f]{64}(\\.ends|\\.revoked)?$` },
          },
          rewrite: [{ regexp: { source: `^${path}/`, target: "" } }, { regexp: { source: "/", target: "." } }],
        },
      ],
      ...spec,
    },
  };
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
export const ONCALL_RULES: readonly Rule[] = [
  {
    apiGroups: ["external-secrets.io"],
    resources: ["externalsecrets"],
    resourceNames: [KEYS],
    verbs: ["get", "patch"],
  },
  { apiGroups: ["external-secrets.io"], resources: ["secretstores"], verbs: ["get"] },
  { apiGroups: [""], resources: ["secrets"], resourceNames: [KEYS], verbs: ["get"] },
  { apiGroups: [""], resources: ["configmaps"], resourceNames: [DENYLIST], verbs: ["get", "patch"] },
  { apiGroups: [""], resources: ["configmaps"], verbs: ["create"] },
  { apiGroups: [""], resources: ["events"], verbs: ["list", "create"] },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list"] },
  { apiGroups: [""], resources: ["pods/proxy"], verbs: ["get"] },
];

export const GATEWAY_RULES: readonly Rule[] = [
  { apiGroups: [""], resources: ["secrets"], resourceNames: [KEYS], verbs: ["get", "list", "watch"] },
  {
    apiGroups: [""],
    resources: ["configmaps"],
    resourceNames: [DENYLIST, "mcp-gateway-roles", "mcp-gateway-backends"],
    verbs: ["get", "list", "watch"],
  },
];

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
